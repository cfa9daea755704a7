#include "crypto/hash.h"

#include <stdexcept>

#include "crypto/openssl.h"

namespace holdfast::crypto {

namespace {

constexpr std::size_t block_size = 64;
constexpr std::size_t hkdf_size_max = 255 * 32;

// One per thread: setting up a context costs more than hashing 32 bytes.
EVP_MD_CTX* scratch() {
  thread_local const MdContext context = new_md_context();
  return context.get();
}

void start(EVP_MD_CTX* context) {
  require(EVP_DigestInit_ex2(context, openssl().sha256, nullptr) == 1, "EVP_DigestInit_ex2");
}
void add(EVP_MD_CTX* context, ByteView bytes) {
  require(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1, "EVP_DigestUpdate");
}
Hash end(EVP_MD_CTX* context) {
  Hash out;
  require(EVP_DigestFinal_ex(context, out.bytes.data(), nullptr) == 1, "EVP_DigestFinal_ex");
  return out;
}

}  // namespace

Hash sha256(ByteView bytes) {
  start(scratch());
  add(scratch(), bytes);
  return end(scratch());
}

struct Sha256::State {
  MdContext context = new_md_context();
};

Sha256::Sha256() : state_(std::make_unique<State>()) { start(state_->context.get()); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
void Sha256::update(ByteView bytes) { add(state_->context.get(), bytes); }
Hash Sha256::finish() { return end(state_->context.get()); }

// RFC 2104. The two contexts have taken in the padded key; a message starts from copies of them.
struct Hmac::State {
  MdContext inner = new_md_context();
  MdContext outer = new_md_context();
};

Hmac::Hmac(ByteView key) : state_(std::make_unique<State>()) {
  Wiped<block_size> padded;
  if (key.size() > block_size) {
    Hash shortened = sha256(key);
    std::copy(shortened.bytes.begin(), shortened.bytes.end(), padded.bytes.begin());
    wipe(shortened.bytes);
  } else {
    std::copy(key.begin(), key.end(), padded.bytes.begin());
  }
  for (std::uint8_t& byte : padded.bytes) byte ^= 0x36;
  start(state_->inner.get());
  add(state_->inner.get(), padded.bytes);
  for (std::uint8_t& byte : padded.bytes) byte ^= 0x36 ^ 0x5c;
  start(state_->outer.get());
  add(state_->outer.get(), padded.bytes);
}
Hmac::~Hmac() = default;
Hmac::Hmac(Hmac&&) noexcept = default;
Hmac& Hmac::operator=(Hmac&&) noexcept = default;

Hash Hmac::of(ByteView message) const { return of({message}); }

Hash Hmac::of(std::initializer_list<ByteView> pieces) const {
  require(EVP_MD_CTX_copy_ex(scratch(), state_->inner.get()) == 1, "EVP_MD_CTX_copy_ex");
  for (const ByteView piece : pieces) add(scratch(), piece);
  const Hash inner = end(scratch());
  require(EVP_MD_CTX_copy_ex(scratch(), state_->outer.get()) == 1, "EVP_MD_CTX_copy_ex");
  add(scratch(), inner.bytes);
  return end(scratch());
}

Hash hmac_sha256(ByteView key, ByteView message) { return KeyRoom::keyed<Hmac>(key).of(message); }

Bytes derivation_info(std::string_view purpose, ByteView where) {
  return encode(Context{"Holdfast 1 " + std::string(purpose), to_bytes(where)});
}

void hkdf_expand_into(ByteView pseudo_random_key, ByteView info, std::span<std::uint8_t> out) {
  if (out.size() > hkdf_size_max) throw std::logic_error("HKDF-Expand gives at most 8160 bytes");
  const auto mac = KeyRoom::keyed<Hmac>(pseudo_random_key);
  Hash block;
  for (std::size_t done = 0, counter = 1; done < out.size(); ++counter) {
    const auto last = static_cast<std::uint8_t>(counter);
    block = mac.of({counter == 1 ? ByteView() : block.view(), info, {&last, 1}});
    const std::size_t take = std::min(out.size() - done, block.bytes.size());
    std::copy_n(block.bytes.begin(), take, out.begin() + static_cast<std::ptrdiff_t>(done));
    done += take;
  }
  wipe(block.bytes);
}

Bytes hkdf_extract(ByteView salt, ByteView input_key) { return to_bytes(hmac_sha256(salt, input_key).view()); }

Bytes hkdf_expand(ByteView pseudo_random_key, ByteView info, std::size_t size) {
  if (size > hkdf_size_max) throw std::logic_error("HKDF-Expand gives at most 8160 bytes");
  Bytes out(size);
  hkdf_expand_into(pseudo_random_key, info, out);
  return out;
}

}  // namespace holdfast::crypto
