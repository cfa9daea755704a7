// The device's keys at rest: sealed by a passphrase (Argon2id), or, when the user asked for it, by nothing but the
// file's permissions. The bytes: docs/formats/key_file.md.
#pragma once

#include <optional>

#include "base/files.h"
#include "crypto/passphrase.h"
#include "identity/device.h"

namespace holdfast::session {

// Durable when it returns; replaces an older one as a whole.
Status write_key_file(Files& files, const Path& path, const identity::DeviceSeeds& seeds,
                      const crypto::SecretBytes* passphrase, Random& random);

struct KeyFileState {
  bool has_passphrase = false;
};
Result<KeyFileState> look_at_key_file(Files& files, const Path& path);  // NotFound, Malformed

// WrongPassphrase: or the file is damaged. REQUIRES: passphrase != nullptr iff the file has one
Result<identity::DeviceSeeds> read_key_file(Files& files, const Path& path, const crypto::SecretBytes* passphrase);

}  // namespace holdfast::session
