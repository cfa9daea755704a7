#include "crypto/aead.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include <stdexcept>

#include "crypto/box.h"

namespace holdfast::crypto {

namespace {

constexpr std::size_t key_size = 32;
constexpr std::size_t call_size_max = std::size_t{1} << 30;  // EVP takes an int

// A thread's context, empty again at the end of the block: no key stays behind in it.
class Operation {
 public:
  Operation() { require(context() != nullptr, "EVP_CIPHER_CTX_new"); }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation() { EVP_CIPHER_CTX_reset(context()); }
  static EVP_CIPHER_CTX* context() {
    thread_local const CipherContext only(EVP_CIPHER_CTX_new());
    return only.get();
  }
};

template <auto update>
void feed(EVP_CIPHER_CTX* context, std::uint8_t* out, ByteView in) {
  while (!in.empty()) {
    const std::size_t take = std::min(in.size(), call_size_max);
    int written = 0;
    require(update(context, out, &written, in.data(), static_cast<int>(take)) == 1, "EVP update");
    if (out != nullptr) out += written;
    in = in.subspan(take);
  }
}

}  // namespace

void aead_seal(const EVP_CIPHER* cipher, ByteView key, const AeadNonce& nonce, std::initializer_list<ByteView> aad,
               ByteView plaintext, std::span<std::uint8_t> out) {
  if (key.size() != key_size || out.size() != plaintext.size() + tag_size) throw std::logic_error("aead_seal: sizes");
  const Operation operation;
  EVP_CIPHER_CTX* context = operation.context();
  require(EVP_EncryptInit_ex2(context, cipher, key.data(), nonce.data(), nullptr) == 1, "EVP_EncryptInit_ex2");
  for (const ByteView piece : aad) feed<EVP_EncryptUpdate>(context, nullptr, piece);
  feed<EVP_EncryptUpdate>(context, out.data(), plaintext);
  std::uint8_t* end = out.data() + plaintext.size();
  int written = 0;
  require(EVP_EncryptFinal_ex(context, end, &written) == 1 && written == 0, "EVP_EncryptFinal_ex");
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, tag_size, end) == 1, "EVP_CTRL_AEAD_GET_TAG");
}

bool aead_open(const EVP_CIPHER* cipher, ByteView key, const AeadNonce& nonce, std::initializer_list<ByteView> aad,
               ByteView sealed, std::span<std::uint8_t> out) {
  if (key.size() != key_size || sealed.size() != out.size() + tag_size) throw std::logic_error("aead_open: sizes");
  std::array<std::uint8_t, tag_size> tag;
  std::copy_n(sealed.end() - tag_size, tag_size, tag.begin());
  const Operation operation;
  EVP_CIPHER_CTX* context = operation.context();
  require(EVP_DecryptInit_ex2(context, cipher, key.data(), nonce.data(), nullptr) == 1, "EVP_DecryptInit_ex2");
  require(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, tag_size, tag.data()) == 1, "EVP_CTRL_AEAD_SET_TAG");
  for (const ByteView piece : aad) feed<EVP_DecryptUpdate>(context, nullptr, piece);
  feed<EVP_DecryptUpdate>(context, out.data(), sealed.first(out.size()));
  std::uint8_t none[1];
  int written = 0;
  if (EVP_DecryptFinal_ex(context, none, &written) == 1) return true;
  wipe(out);
  forget_errors();
  return false;
}

}  // namespace holdfast::crypto
