// A device, and an account of one device, for tests. Equal seeds give equal bytes. Included by *_test.cpp only.
#pragma once

#include <gtest/gtest.h>

#include "crypto/test_random.h"
#include "identity/chain.h"

namespace holdfast::identity::testing {

struct TestDevice {
  explicit TestDevice(std::uint64_t seed) : random(seed), seeds(DeviceSeeds::make(random)), keys(seeds) {}
  crypto::TestRandom random;
  DeviceSeeds seeds;
  DeviceKeys keys;
};

struct TestAccount : TestDevice {
  explicit TestAccount(std::uint64_t seed, std::string name = "alice")
      : TestDevice(seed),
        made(make_account(keys, {std::move(name), "laptop", "linux"},
                          {"holdfast.example/log", crypto::sha256(as_bytes("policy"))}, 1'700'000'000'000'000'000,
                          random)
                 .value()),
        chain(begin_chain(made.link_0).value()) {}
  NewAccount made;
  ChainState chain;
  [[nodiscard]] crypto::XWingKey circle_kem_key() const { return circle_kem(made.circle.back(), {}); }
};

// Calls `change` with each byte of a copy of `bytes` changed in one bit, one byte at a time; the bit goes round.
template <class Check>
void for_each_flipped_byte(const Bytes& bytes, Check check) {
  Bytes flipped = bytes;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    flipped[at] ^= static_cast<std::uint8_t>(1u << at % 8);
    check(at, flipped);
    if (::testing::Test::HasFailure()) return;
    flipped[at] = bytes[at];
  }
}

}  // namespace holdfast::identity::testing
