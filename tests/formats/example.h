// The worked examples of docs/formats. A document has blocks
//
//   ```hex NAME
//   0000000000000000  what these bytes are
//   ```
//
// with 32 bytes a line; a field of more than 64 bytes shows its first 32 and how it goes on. All bytes of the example
// together are in docs/formats/examples/NAME.hex. HOLDFAST_WRITE_EXAMPLES=1 writes both anew; else a difference fails
// the test.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>

#include "base/codec.h"
#include "crypto/test_random.h"

namespace holdfast::formats {

class Example {
 public:
  // document: "identity.md"; name: of the block and the file, unique.
  Example(std::string document, std::string name) : document_(std::move(document)), name_(std::move(name)) {}
  ~Example();  // compares or writes
  Example(const Example&) = delete;
  Example& operator=(const Example&) = delete;

  Example& bytes(ByteView bytes, std::string_view what);
  template <class T>
  Example& value(const T& value, std::string_view what) {
    return bytes(encode(value), what);
  }
  // Each field of a wire struct on lines of its own. A name for each field, in order.
  template <WireStruct T>
  Example& fields(const T& value, std::initializer_list<std::string_view> names) {
    auto name = names.begin();
    value.wire_fields([&](const auto&... field) {
      EXPECT_EQ(sizeof...(field), names.size()) << name_;
      const auto add = [&](const auto& one) {
        Writer out;
        wire::put(out, one);
        bytes(std::move(out).take(), name == names.end() ? "?" : *name++);
      };
      (add(field), ...);
    });
    return *this;
  }
  [[nodiscard]] const Bytes& all() const { return all_; }

 private:
  std::string document_, name_, block_;
  Bytes all_;
};

// What the examples are made from: one device, one account, one space, the same in every run.
inline constexpr std::int64_t example_time_ns = 1'750'000'000'000'000'000;  // 2025-06-15 15:06:40 UTC

template <class Id>
Id filled(std::uint8_t byte) {
  Id id;
  id.bytes.fill(byte);
  return id;
}

}  // namespace holdfast::formats
