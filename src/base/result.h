// Result<T>: a value, or an Error. HF_TRY passes an error on to the caller.
#pragma once

#include <expected>

#include "base/error.h"

namespace holdfast {

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

inline std::unexpected<Error> fail(Code code, std::string sentence, std::string object = {}, std::string whole = {}) {
  return std::unexpected<Error>(Error{code, std::move(sentence), std::move(object), std::move(whole)});
}
inline std::unexpected<Error> fail(Code code, About about, std::string sentence, std::string object = {}) {
  return std::unexpected<Error>(Error{code, std::move(sentence), std::move(object), {}, about});
}
inline std::unexpected<Error> pass_on(Error error) { return std::unexpected<Error>(std::move(error)); }

#define HF_CONCAT_INNER(a, b) a##b
#define HF_CONCAT(a, b) HF_CONCAT_INNER(a, b)

// HF_TRY(auto x, f());   x is f()'s value, or the function returns f()'s error.
#define HF_TRY(declaration, expression) HF_TRY_INNER(HF_CONCAT(hf_result_, __COUNTER__), declaration, expression)
#define HF_TRY_INNER(result, declaration, expression)                 \
  auto result = (expression);                                         \
  if (!result) return ::holdfast::pass_on(std::move(result).error()); \
  declaration = *std::move(result)

// HF_OK(f());   the same for a Status, or for a value that is not needed.
#define HF_OK(expression) HF_OK_INNER(HF_CONCAT(hf_status_, __COUNTER__), expression)
#define HF_OK_INNER(status, expression)                                                             \
  do {                                                                                              \
    if (auto status = (expression); !status) return ::holdfast::pass_on(std::move(status).error()); \
  } while (false)

}  // namespace holdfast
