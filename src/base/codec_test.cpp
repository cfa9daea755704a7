#include "base/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace holdfast {
namespace {

enum class Colour : std::uint8_t { red = 1, green = 2 };
constexpr bool wire_valid(Colour colour) { return colour == Colour::red || colour == Colour::green; }

struct Inner {
  std::uint16_t number = 0;
  std::string name;
  HOLDFAST_WIRE(number, name)
  friend bool operator==(const Inner&, const Inner&) = default;
};
struct Outer {
  Label<"Holdfast 1 test"> label;
  Colour colour = Colour::red;
  bool flag = false;
  std::int64_t time = 0;
  Uint24 small;
  std::optional<std::uint32_t> maybe;
  std::vector<Inner> inners;
  std::variant<Inner, Bytes> either;
  Opaque<4> bounded;
  Hash hash;
  HOLDFAST_WIRE(label, colour, flag, time, small, maybe, inners, either, bounded, hash)
  friend bool operator==(const Outer&, const Outer&) = default;
};

Outer any_outer() {
  Outer out;
  out.colour = *rc::gen::element(Colour::red, Colour::green);
  out.flag = *rc::gen::arbitrary<bool>();
  out.time = *rc::gen::arbitrary<std::int64_t>();
  out.small.value = *rc::gen::inRange<std::uint32_t>(0, 1u << 24);
  if (*rc::gen::arbitrary<bool>()) out.maybe = *rc::gen::arbitrary<std::uint32_t>();
  const int count = *rc::gen::inRange(0, 5);
  for (int i = 0; i < count; ++i)
    out.inners.push_back({*rc::gen::arbitrary<std::uint16_t>(), *rc::gen::arbitrary<std::string>()});
  if (*rc::gen::arbitrary<bool>()) out.either = *rc::gen::arbitrary<Bytes>();
  out.bounded.bytes.assign(*rc::gen::inRange<std::size_t>(0, 5), 7);
  return out;
}

TEST(Codec, EveryValueComesBack) {
  EXPECT_TRUE(rc::check([] {
    const Outer outer = any_outer();
    const auto back = decode<Outer>(encode(outer), "outer");
    RC_ASSERT(back.has_value());
    RC_ASSERT(*back == outer);
  }));
}

TEST(Codec, WhatDecodesEncodesToTheSameBytes) {
  EXPECT_TRUE(rc::check([] {
    Bytes bytes = encode(any_outer());
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = *rc::gen::arbitrary<std::uint8_t>();
    if (const auto back = decode<Outer>(bytes, "outer")) RC_ASSERT(encode(*back) == bytes);
  }));
}

TEST(Codec, TruncatedAndTrailingBytesAreRefused) {
  Outer outer;
  outer.inners = {{1, "one"}, {2, "two"}};
  Bytes bytes = encode(outer);
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_EQ(decode<Outer>(ByteView(bytes).first(size), "outer").error().code, Code::Malformed) << size;
  bytes.push_back(0);
  EXPECT_FALSE(decode<Outer>(bytes, "outer"));
}

TEST(Codec, LengthsAreMinimal) {
  EXPECT_EQ(encode(Bytes(63, 1)).size(), 64u);
  EXPECT_EQ(encode(Bytes(64, 1)).size(), 66u);
  EXPECT_EQ(encode(Bytes(16383, 1)).size(), 16385u);
  EXPECT_EQ(encode(Bytes(16384, 1)).size(), 16388u);
  EXPECT_FALSE(decode<Bytes>(Bytes{0x40, 0x01, 0xaa}, "bytes"));
  EXPECT_FALSE(decode<Bytes>(Bytes{0x80, 0x00, 0x00, 0x01, 0xaa}, "bytes"));
  EXPECT_FALSE(decode<Bytes>(Bytes{0xc0, 0, 0, 0, 0, 0, 0, 1, 0xaa}, "bytes"));
}

TEST(Codec, UnknownEnumsFlagsAndAlternativesAreRefused) {
  EXPECT_FALSE(decode<Colour>(Bytes{3}, "colour"));
  EXPECT_FALSE(decode<bool>(Bytes{2}, "bool"));
  EXPECT_FALSE((decode<std::variant<bool, bool>>(Bytes{3, 0}, "variant")));
  EXPECT_FALSE((decode<Opaque<2>>(Bytes{3, 0, 0, 0}, "opaque")));
  EXPECT_FALSE((decode<Label<"a">>(Bytes{1, 'b'}, "label")));
}

TEST(Printable, NothingReachesATerminalUnescaped) {
  EXPECT_EQ(printable("h\xc3\xa4user"), "h\xc3\xa4user");
  EXPECT_EQ(printable("a\x1b[2Jb\n"), "a\\x1b[2Jb\\x0a");
  EXPECT_EQ(printable("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");
  EXPECT_EQ(printable("a\\b"), "a\\\\b");
}

}  // namespace
}  // namespace holdfast
