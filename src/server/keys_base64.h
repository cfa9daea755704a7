// Base 64 as C2SP's notes have it: RFC 4648 section 4, with padding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace holdfast::server {

[[nodiscard]] std::string to_base64(ByteView bytes);
[[nodiscard]] std::optional<Bytes> from_base64(std::string_view text);  // nullopt: not the one encoding of any bytes

}  // namespace holdfast::server
