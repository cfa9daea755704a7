// The passphrase: from a file descriptor, HOLDFAST_PASSPHRASE_FILE, a credential that systemd has unsealed, or a prompt
// on the terminal, the first of these that there is; never from the command line.
#pragma once

#include "base/result.h"
#include "crypto/secret.h"

namespace holdfast::app {

enum class Ask { never, once, twice };  // twice: a new one, typed two times
// InvalidArgument: there is no terminal to ask on, or nobody is to be asked, and nothing else was given.
Result<crypto::SecretBytes> get_passphrase(int fd, Ask ask);

}  // namespace holdfast::app
