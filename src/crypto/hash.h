// SHA-256, HMAC-SHA-256, HKDF-SHA-256 and derivation under labels (DECISIONS D16).
#pragma once

#include <string_view>

#include "base/codec.h"
#include "crypto/secret.h"

namespace holdfast::crypto {

[[nodiscard]] Hash sha256(ByteView bytes);
template <WireStruct T>
[[nodiscard]] Hash hash_of(const T& value) {
  return sha256(encode(value));
}

class Sha256 {  // over bytes that come in pieces
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(ByteView bytes);
  [[nodiscard]] Hash finish();  // uses it up

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Under one key, many messages: the key's two inner blocks are computed once. Any thread may use a const one.
class Hmac {
 public:
  template <class Tag, std::size_t N>
  explicit Hmac(const Secret<Tag, N>& key);
  ~Hmac();
  Hmac(Hmac&&) noexcept;
  Hmac& operator=(Hmac&&) noexcept;
  [[nodiscard]] Hash of(ByteView message) const;
  [[nodiscard]] Hash of(std::initializer_list<ByteView> pieces) const;  // of their concatenation

 private:
  explicit Hmac(ByteView key);
  struct State;
  std::unique_ptr<State> state_;
  friend struct KeyRoom;
};

// {label<V>, where<V>}: the context of a derivation or box.
struct Context {
  std::string label;  // "Holdfast 1 ..."
  Bytes where;        // encoding of what it is for: account, space, epoch, position
  HOLDFAST_WIRE(label, where)
};

// HKDF-Expand(key, {"Holdfast 1 " + purpose<V>, where<V>}, N). One key, one purpose.
template <class To, std::size_t N = 32, class Tag, std::size_t M>
[[nodiscard]] Secret<To, N> derive(const Secret<Tag, M>& key, std::string_view purpose, ByteView where = {});

// HKDF-Expand into public bytes of any length up to 8160 (D20's gear table).
template <class Tag, std::size_t M>
[[nodiscard]] Bytes expand(const Secret<Tag, M>& key, std::string_view label, std::size_t size);

// RFC 5869 whole; for vectors and HPKE.
[[nodiscard]] Bytes hkdf_extract(ByteView salt, ByteView input_key);
[[nodiscard]] Bytes hkdf_expand(ByteView pseudo_random_key, ByteView info, std::size_t size);
[[nodiscard]] Hash hmac_sha256(ByteView key, ByteView message);

}  // namespace holdfast::crypto

#include "crypto/hash_inline.h"
