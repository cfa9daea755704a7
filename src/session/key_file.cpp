#include "session/key_file.h"

#include "base/codec.h"
#include "crypto/box.h"

namespace holdfast::session {

namespace {

constexpr std::uint64_t file_bytes_max = 64 * 1024;

struct KeyFileKeyTag;
using KeyFileKey = crypto::Secret<KeyFileKeyTag>;

struct Unprotected {  // the key lies in the file: whoever can read it has the device
  std::array<std::uint8_t, 32> key{};
  HOLDFAST_WIRE(key)
};
struct KeyFile {
  Label<"Holdfast 1 key file"> label;
  std::variant<crypto::Argon2Parameters, Unprotected> protection;
  Bytes box;  // label "Holdfast 1 device keys", where = the encoded Argon2Parameters or empty: DeviceSeeds::pack()
  HOLDFAST_WIRE(label, protection, box)
};

crypto::Context context_of(const KeyFile& file) {
  crypto::Context context{"Holdfast 1 device keys", {}};
  if (const auto* argon2 = std::get_if<crypto::Argon2Parameters>(&file.protection)) context.where = encode(*argon2);
  return context;
}

Result<KeyFileKey> key_of(const KeyFile& file, const crypto::SecretBytes* passphrase) {
  if (const auto* open = std::get_if<Unprotected>(&file.protection)) return KeyFileKey::copy_of(open->key);
  if (passphrase == nullptr)
    return fail(Code::WrongPassphrase, "the device's keys are sealed by a passphrase, and none was given");
  HF_TRY(const auto stretched,
         crypto::passphrase_key(*passphrase, std::get<crypto::Argon2Parameters>(file.protection)));
  return crypto::derive<KeyFileKeyTag>(stretched, "key file");
}

Result<KeyFile> load(Files& files, const Path& path) {
  HF_TRY(const Bytes bytes, files.read_file(path, file_bytes_max));
  auto file = decode<KeyFile>(bytes, "the key file");
  if (!file) file.error().object = printable(path);
  return file;
}

}  // namespace

Status write_key_file(Files& files, const Path& path, const identity::DeviceSeeds& seeds,
                      const crypto::SecretBytes* passphrase, Random& random) {
  KeyFile file;
  if (passphrase != nullptr) {
    crypto::Argon2Parameters parameters;
    random.fill(parameters.salt);
    file.protection = parameters;
  } else {
    Unprotected open;
    random.fill(open.key);
    file.protection = open;
  }
  HF_TRY(const auto key, key_of(file, passphrase));
  file.box = crypto::seal_box(key, context_of(file), seeds.pack().view(), random);
  const crypto::SecretBytes bytes(encode(file));
  HF_OK(files.replace_file(path, bytes.view()));
  HF_OK(read_key_file(files, path, passphrase));  // it opens, before anything depends on it
  return {};
}

Result<KeyFileState> look_at_key_file(Files& files, const Path& path) {
  HF_TRY(const KeyFile file, load(files, path));
  return KeyFileState{std::holds_alternative<crypto::Argon2Parameters>(file.protection)};
}

Result<identity::DeviceSeeds> read_key_file(Files& files, const Path& path, const crypto::SecretBytes* passphrase) {
  HF_TRY(const KeyFile file, load(files, path));
  HF_TRY(const auto key, key_of(file, passphrase));
  const auto plain = crypto::open_box_secret(key, context_of(file), file.box);
  if (!plain) {
    if (plain.error().code != Code::Tampered) return pass_on(plain.error());
    return fail(Code::WrongPassphrase,
                "the device's keys do not open: the passphrase is wrong, or the key file is damaged", printable(path));
  }
  return identity::DeviceSeeds::unpack(plain->view());
}

}  // namespace holdfast::session
