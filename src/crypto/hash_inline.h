// The templates of hash.h.
#pragma once

#include "crypto/hash.h"
#include "crypto/key_room.h"

namespace holdfast::crypto {

// HKDF-Expand into memory of the caller. REQUIRES: out.size() <= 8160
void hkdf_expand_into(ByteView pseudo_random_key, ByteView info, std::span<std::uint8_t> out);
[[nodiscard]] Bytes derivation_info(std::string_view purpose, ByteView where);

template <class Tag, std::size_t N>
Hmac::Hmac(const Secret<Tag, N>& key) : Hmac(KeyRoom::bytes(key)) {}

template <class To, std::size_t N, class Tag, std::size_t M>
Secret<To, N> derive(const Secret<Tag, M>& key, std::string_view purpose, ByteView where) {
  return KeyRoom::make<Secret<To, N>>([&](std::span<std::uint8_t> out) {
    hkdf_expand_into(KeyRoom::bytes(key), derivation_info(purpose, where), out);
  });
}

template <class Tag, std::size_t M>
Bytes expand(const Secret<Tag, M>& key, std::string_view label, std::size_t size) {
  return hkdf_expand(KeyRoom::bytes(key), as_bytes(label), size);
}

}  // namespace holdfast::crypto
