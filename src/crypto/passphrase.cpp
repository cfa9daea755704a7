#include "crypto/passphrase.h"

#include <sodium.h>

#include "crypto/openssl.h"

namespace holdfast::crypto {

namespace {

constexpr std::uint32_t memory_kib_min = 64 * 1024, memory_kib_max = 1024 * 1024;
constexpr std::uint32_t passes_min = 3, passes_max = 16;

}  // namespace

Result<PassphraseKey> passphrase_key(const SecretBytes& passphrase, const Argon2Parameters& parameters) {
  require(sodium_ready(), "sodium_init");
  if (parameters.memory_kib < memory_kib_min || parameters.memory_kib > memory_kib_max ||
      parameters.passes < passes_min || parameters.passes > passes_max) {
    return fail(Code::Malformed, "the parameters for the passphrase are outside of what is safe",
                std::to_string(parameters.memory_kib) + " KiB, " + std::to_string(parameters.passes) + " passes");
  }
  // libsodium takes no null pointer.
  const ByteView typed = passphrase.view().empty() ? as_bytes("") : passphrase.view();
  bool done = false;
  PassphraseKey key = KeyRoom::make<PassphraseKey>([&](std::span<std::uint8_t> out) {
    done = crypto_pwhash_argon2id(out.data(), out.size(), reinterpret_cast<const char*>(typed.data()), typed.size(),
                                  parameters.salt.data(), parameters.passes, std::size_t{parameters.memory_kib} * 1024,
                                  crypto_pwhash_ALG_ARGON2ID13) == 0;
  });
  if (!done) {
    return fail(Code::Internal, "there is not enough memory to turn the passphrase into a key",
                std::to_string(parameters.memory_kib / 1024) + " MiB");
  }
  return key;
}

}  // namespace holdfast::crypto
