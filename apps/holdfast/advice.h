// What every error can say beside its sentence: what is still whole, and what to do next. Neither is ever empty, for
// any code and any verb (tests: advice_test.cpp).
#pragma once

#include <string>

#include "base/error.h"
#include "command.h"

namespace holdfast::app {

// What a verb leaves whole when it ends early, at whatever point.
std::string whole_after(const Command& command);
std::string whole_of(const Error& error, const Command& command);
// How a verb that ended early is taken up again.
std::string again_hint(const Command& command);
// By the code and the verb alone, for an error of which nothing better is known.
std::string general_hint(Code code, const Command& command);

}  // namespace holdfast::app
