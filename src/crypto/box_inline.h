// The templates of box.h.
#pragma once

#include "crypto/box.h"

namespace holdfast::crypto {

template <class Tag>
Bytes seal_box(const Secret<Tag>& key, const Context& context, ByteView plaintext, Random& random) {
  return seal_box_raw(KeyRoom::bytes(key), context, plaintext, random);
}

template <class Tag>
Result<Bytes> open_box(const Secret<Tag>& key, const Context& context, ByteView box) {
  return open_box_raw(KeyRoom::bytes(key), context, box);
}

template <class Tag>
Result<SecretBytes> open_box_secret(const Secret<Tag>& key, const Context& context, ByteView box) {
  HF_TRY(Bytes opened, open_box_raw(KeyRoom::bytes(key), context, box));
  return SecretBytes(std::move(opened));
}

}  // namespace holdfast::crypto
