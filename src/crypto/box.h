// The two sealing forms (DECISIONS A2, D15, D16). There is no third.
//
// Box, for everything small: salt(32) || K_com(32) || ciphertext || tag(16). A fresh key for every box, from a salt
// that is hedged over randomness, context and plaintext; the commitment is compared first, in constant time. Pack, for
// bulk: PackSealer gives the keys and seals numbered pieces; the layout is space/pack.h's.
#pragma once

#include <span>

#include "crypto/hash.h"

namespace holdfast::crypto {

inline constexpr std::size_t box_overhead = 32 + 32 + 16;
inline constexpr std::size_t tag_size = 16;

template <class Tag>
[[nodiscard]] Bytes seal_box(const Secret<Tag>& key, const Context& context, ByteView plaintext, Random& random);

// Tampered: another key, another context, or changed bytes; nobody can tell which. REQUIRES (of the result): wiped by
// its owner when it holds keys: use open_box_secret.
template <class Tag>
[[nodiscard]] Result<Bytes> open_box(const Secret<Tag>& key, const Context& context, ByteView box);
template <class Tag>
[[nodiscard]] Result<SecretBytes> open_box_secret(const Secret<Tag>& key, const Context& context, ByteView box);

// Raw forms, behind the templates.
[[nodiscard]] Bytes seal_box_raw(ByteView key, const Context& context, ByteView plaintext, Random& random);
[[nodiscard]] Result<Bytes> open_box_raw(ByteView key, const Context& context, ByteView box);

// --- packs ---
// where = encode({space_id, object_id, epoch}); ctx = {where, salt}.
// salt  = HMAC(K, {"Holdfast 1 salt"<V>, r[32], H(where), H(directory)});
// K_enc, K_com = HMAC(K, {"Holdfast 1 pack key" | "Holdfast 1 pack commitment"<V>, where<V>, salt[32]}).
struct PackKeyTag;
using PackKey = Secret<PackKeyTag>;

[[nodiscard]] Hash make_pack_salt(const PackKey& key, ByteView where, ByteView content, Random& random);

// Keys of one pack. Any thread may seal or open with a const one. Nonce = 8 zero bytes || number as u32 big-endian;
// AAD = header || nonce (D15). Numbers are the layout's: never the same twice for different bytes.
class PackCipher {
 public:
  PackCipher(const PackKey& key, ByteView where, const Hash& salt);
  ~PackCipher();
  PackCipher(PackCipher&&) noexcept;
  PackCipher& operator=(PackCipher&&) noexcept;

  [[nodiscard]] const Hash& commitment() const;  // K_com
  // Writes size(plaintext) + tag_size bytes to `out`. REQUIRES: out.size() == plaintext.size() + tag_size; no overlap,
  // or in == out.
  void seal(std::uint32_t number, ByteView header, ByteView plaintext, std::span<std::uint8_t> out) const;
  // REQUIRES: out.size() + tag_size == sealed.size(). On Tampered `out` is wiped.
  [[nodiscard]] Status open(std::uint32_t number, ByteView header, ByteView sealed, std::span<std::uint8_t> out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::crypto

#include "crypto/box_inline.h"
