// The one codec: the TLS presentation language as MLS uses it (RFC 9420 section 2).
//
// A struct names its fields once, HOLDFAST_WIRE(a, b, c), and has exactly one encoding:
//   unsigned and signed integers   big-endian, fixed width (Uint24: three bytes)
//   bool, optional<T>              one byte 0 or 1 (and then T)
//   enum                           its underlying type; wire_valid(e) says which values exist
//   FixedBytes, std::array<u8, N>  the bytes
//   Bytes, std::string, ByteView   opaque<V>: minimal variable-length size (RFC 9420 section 2.1.2), then the bytes
//   Opaque<Max>                    opaque<0..Max>
//   std::vector<T>                 T<V>: size in bytes, then the elements
//   std::variant<A, B, ...>        one byte 1, 2, ... and then the alternative
//   Label<"...">                   the text as opaque<V>; decoding anything else fails
// Decoding is total: any input gives a value or Malformed, takes memory in proportion to the input, accepts no
// trailing bytes and no second encoding of a value.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

#define HOLDFAST_WIRE(...)                              \
  template <class Visitor>                              \
  constexpr auto wire_fields(Visitor&& visitor) {       \
    return visitor(__VA_ARGS__);                        \
  }                                                     \
  template <class Visitor>                              \
  constexpr auto wire_fields(Visitor&& visitor) const { \
    return visitor(__VA_ARGS__);                        \
  }

namespace holdfast {

inline constexpr std::uint32_t wire_length_max = (1u << 30) - 1;

struct Uint24 {
  std::uint32_t value = 0;  // REQUIRES: below 2^24
  friend auto operator<=>(const Uint24&, const Uint24&) = default;
};

// opaque<0..Max>
template <std::size_t Max>
struct Opaque {
  Bytes bytes;
  friend auto operator<=>(const Opaque&, const Opaque&) = default;
};

template <std::size_t N>
struct LabelText {
  char text[N]{};
  constexpr LabelText(const char (&from)[N]) { std::copy_n(from, N, text); }  // NOLINT: a literal is meant
};

// A constant first field, so that no two kinds of structure share an encoding.
template <LabelText text_>
struct Label {
  static constexpr std::string_view text{text_.text, sizeof(text_.text) - 1};
  friend auto operator<=>(const Label&, const Label&) = default;
};

class Writer {
 public:
  explicit Writer(std::size_t reserve = 0) { out_.reserve(reserve); }
  void raw(ByteView bytes) { append(out_, bytes); }
  void u8(std::uint8_t value) { out_.push_back(value); }
  // REQUIRES: bytes in 1..8, value fits
  void big_endian(std::uint64_t value, int bytes) {
    std::array<std::uint8_t, 8> out{};
    const auto end = static_cast<std::size_t>(bytes);
    for (std::size_t i = end; i-- > 0; value >>= 8) out[i] = static_cast<std::uint8_t>(value);
    raw(std::span(out).first(end));
  }
  // REQUIRES: length <= wire_length_max
  void length(std::size_t length);
  [[nodiscard]] Bytes take() && { return std::move(out_); }
  [[nodiscard]] std::size_t size() const { return out_.size(); }

 private:
  Bytes out_;
};

// How long opaque<V> of so many bytes is, its length included.
constexpr std::size_t opaque_size(std::size_t bytes) {
  return bytes + (bytes < (1u << 6) ? 1 : bytes < (1u << 14) ? 2 : 4);
}

// As Writer, but only counts: vectors tell their size first.
class SizeCounter {
 public:
  void raw(ByteView bytes) { size_ += bytes.size(); }
  void u8(std::uint8_t) { ++size_; }
  void big_endian(std::uint64_t, int bytes) { size_ += static_cast<std::size_t>(bytes); }
  void length(std::size_t length) { size_ += opaque_size(length) - length; }
  void skip(std::size_t bytes) { size_ += bytes; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::size_t size_ = 0;
};

// How many zeros a last field `Bytes padding` must hold, so that size_of(size of the whole plain text) becomes a
// multiple of `step`. `bare`: the plain text's size without that field, its own size included. Sizes of variable length
// make it a search of a few steps.
template <class SizeOf>
std::size_t padding_for(std::size_t bare, std::size_t step, const SizeOf& size_of) {
  for (std::size_t target = (size_of(bare + 1) + step - 1) / step * step;; target += step) {
    const std::size_t missing = target - size_of(bare);
    const std::size_t first = missing < 8 ? 0 : missing - 8;
    for (std::size_t padding = first; padding <= first + 16; ++padding) {
      if (size_of(bare + opaque_size(padding)) == target) return padding;
    }
  }
}

// Reads forward; after the first failure everything reads as zero and ok() stays false.
class Reader {
 public:
  explicit Reader(ByteView in) : in_(in) {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return in_.size(); }
  void fail_now() {
    ok_ = false;
    in_ = {};
  }
  ByteView raw(std::size_t size) {
    if (size > in_.size()) {
      fail_now();
      return {};
    }
    ByteView out = in_.first(size);
    in_ = in_.subspan(size);
    return out;
  }
  std::uint64_t big_endian(int bytes) {
    std::uint64_t value = 0;
    for (std::uint8_t byte : raw(static_cast<std::size_t>(bytes))) value = value << 8 | byte;
    return value;
  }
  std::size_t length();
  ByteView opaque() { return raw(length()); }

 private:
  ByteView in_;
  bool ok_ = true;
};

template <class T>
concept WireStruct = requires(const T& value) { value.wire_fields([](const auto&...) {}); };

namespace wire {

template <class To, class T>
void put(To& to, const T& value);
template <class T>
void get(Reader& from, T& value);

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
template <class T>
struct IsVariant : std::false_type {};
template <class... T>
struct IsVariant<std::variant<T...>> : std::true_type {};
template <class T>
struct IsFixed : std::false_type {};
template <class Tag, std::size_t N>
struct IsFixed<FixedBytes<Tag, N>> : std::true_type {};
template <class T>
struct IsArray : std::false_type {};
template <std::size_t N>
struct IsArray<std::array<std::uint8_t, N>> : std::true_type {};
template <class T>
struct OpaqueMax {
  static constexpr std::size_t value = 0;
};
template <std::size_t N>
struct OpaqueMax<Opaque<N>> {
  static constexpr std::size_t value = N;
};
template <class T>
struct IsLabel : std::false_type {};
template <LabelText L>
struct IsLabel<Label<L>> : std::true_type {};

// How long every encoding of T is; 0: not every one is as long.
template <class T>
consteval std::size_t fixed_size() {
  if constexpr (std::is_same_v<T, bool>) {
    return 1;
  } else if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
    return sizeof(T);
  } else if constexpr (std::is_same_v<T, Uint24>) {
    return 3;
  } else if constexpr (IsFixed<T>::value || IsArray<T>::value) {
    return sizeof(T);
  } else if constexpr (WireStruct<T>) {
    const auto sizes = [](const auto&... fields) {
      return std::index_sequence<fixed_size<std::remove_cvref_t<decltype(fields)>>()...>();
    };
    return []<std::size_t... size>(std::index_sequence<size...>) {
      return ((size == 0) || ...) ? std::size_t{0} : (std::size_t{0} + ... + size);
    }(decltype(std::declval<const T&>().wire_fields(sizes))());
  } else {
    return 0;
  }
}

template <class T>
std::size_t size_of_elements(const std::vector<T>& elements) {
  if constexpr (fixed_size<T>() != 0) return elements.size() * fixed_size<T>();
  SizeCounter out;
  for (const auto& element : elements) put(out, element);
  return out.size();
}

template <class To>
void put_opaque(To& to, ByteView bytes) {
  to.length(bytes.size());
  to.raw(bytes);
}

template <class Variant, std::size_t I = 0>
void get_alternative(Reader& from, std::uint8_t tag, Variant& value) {
  if constexpr (I < std::variant_size_v<Variant>) {
    if (tag == I + 1) {
      get(from, value.template emplace<I>());
    } else {
      get_alternative<Variant, I + 1>(from, tag, value);
    }
  } else {
    from.fail_now();
  }
}

template <class To, class T>
void put(To& to, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    to.u8(value ? 1 : 0);
  } else if constexpr (std::is_enum_v<T>) {
    to.big_endian(static_cast<std::uint64_t>(value), sizeof(T));
  } else if constexpr (std::is_integral_v<T>) {
    to.big_endian(static_cast<std::make_unsigned_t<T>>(value), sizeof(T));
  } else if constexpr (std::is_same_v<T, Uint24>) {
    to.big_endian(value.value, 3);
  } else if constexpr (IsFixed<T>::value) {
    to.raw(value.bytes);
  } else if constexpr (IsArray<T>::value) {
    to.raw(value);
  } else if constexpr (std::is_same_v<T, Bytes> || std::is_same_v<T, ByteView>) {
    put_opaque(to, value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    put_opaque(to, as_bytes(value));
  } else if constexpr (OpaqueMax<T>::value != 0) {
    put_opaque(to, value.bytes);
  } else if constexpr (IsLabel<T>::value) {
    put_opaque(to, as_bytes(T::text));
  } else if constexpr (IsOptional<T>::value) {
    to.u8(value ? 1 : 0);
    if (value) put(to, *value);
  } else if constexpr (IsVector<T>::value) {
    const std::size_t size = size_of_elements(value);
    to.length(size);
    if constexpr (std::is_same_v<To, SizeCounter>) {
      to.skip(size);
    } else {
      for (const auto& element : value) put(to, element);
    }
  } else if constexpr (IsVariant<T>::value) {
    to.u8(static_cast<std::uint8_t>(value.index() + 1));
    std::visit([&](const auto& alternative) { put(to, alternative); }, value);
  } else {
    static_assert(WireStruct<T>, "HOLDFAST_WIRE is missing");
    value.wire_fields([&](const auto&... fields) { (put(to, fields), ...); });
  }
}

template <class T>
void get(Reader& from, T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    const auto byte = from.big_endian(1);
    if (byte > 1) from.fail_now();
    value = byte == 1;
  } else if constexpr (std::is_enum_v<T>) {
    value = static_cast<T>(from.big_endian(sizeof(T)));
    if (!wire_valid(value)) from.fail_now();
  } else if constexpr (std::is_integral_v<T>) {
    value = static_cast<T>(from.big_endian(sizeof(T)));
  } else if constexpr (std::is_same_v<T, Uint24>) {
    value.value = static_cast<std::uint32_t>(from.big_endian(3));
  } else if constexpr (IsFixed<T>::value) {
    const ByteView bytes = from.raw(T::size);
    if (from.ok()) std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
  } else if constexpr (IsArray<T>::value) {
    const ByteView bytes = from.raw(value.size());
    if (from.ok()) std::copy(bytes.begin(), bytes.end(), value.begin());
  } else if constexpr (std::is_same_v<T, ByteView>) {
    value = from.opaque();
  } else if constexpr (std::is_same_v<T, Bytes>) {
    value = to_bytes(from.opaque());
  } else if constexpr (std::is_same_v<T, std::string>) {
    value = std::string(as_text(from.opaque()));
  } else if constexpr (OpaqueMax<T>::value != 0) {
    value.bytes = to_bytes(from.opaque());
    if (value.bytes.size() > OpaqueMax<T>::value) from.fail_now();
  } else if constexpr (IsLabel<T>::value) {
    if (as_text(from.opaque()) != T::text) from.fail_now();
  } else if constexpr (IsOptional<T>::value) {
    const auto byte = from.big_endian(1);
    if (byte > 1) from.fail_now();
    value.reset();
    if (byte == 1 && from.ok()) get(from, value.emplace());
  } else if constexpr (IsVector<T>::value) {
    value.clear();
    Reader inner(from.opaque());
    if constexpr (fixed_size<typename T::value_type>() != 0)
      value.reserve(inner.left() / fixed_size<typename T::value_type>());
    while (from.ok() && inner.left() > 0) {
      const std::size_t before = inner.left();
      get(inner, value.emplace_back());
      if (!inner.ok() || inner.left() == before) from.fail_now();
    }
  } else if constexpr (IsVariant<T>::value) {
    get_alternative(from, static_cast<std::uint8_t>(from.big_endian(1)), value);
  } else {
    static_assert(WireStruct<T>, "HOLDFAST_WIRE is missing");
    value.wire_fields([&](auto&... fields) { (get(from, fields), ...); });
  }
}

}  // namespace wire

template <class T>
[[nodiscard]] Bytes encode(const T& value) {
  SizeCounter size;
  wire::put(size, value);
  Writer out(size.size());
  wire::put(out, value);
  return std::move(out).take();
}

// `what` names the structure in the error's sentence.
template <class T>
[[nodiscard]] Result<T> decode(ByteView bytes, std::string_view what) {
  Reader in(bytes);
  T value{};
  wire::get(in, value);
  if (!in.ok() || in.left() != 0)
    return fail(Code::Malformed, std::string(what) + " is not in the form that it must have");
  return value;
}

}  // namespace holdfast
