// What a TlsKey holds. For this room.
#pragma once

#include "net/tls_key.h"
#include "net/tls_policy.h"

namespace holdfast::net {

struct TlsKey::State {
  Openssl<EVP_PKEY> key;
  Openssl<X509> certificate;
  Hash hash;
};

}  // namespace holdfast::net
