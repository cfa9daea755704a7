#include "base/codec.h"

#include <stdexcept>

namespace holdfast {

void Writer::length(std::size_t length) {
  if (length < (1u << 6)) {
    u8(static_cast<std::uint8_t>(length));
  } else if (length < (1u << 14)) {
    big_endian(length | 0x4000u, 2);
  } else if (length <= wire_length_max) {
    big_endian(length | 0x80000000u, 4);
  } else {
    throw std::length_error("a field longer than 2^30 - 1 bytes");
  }
}

std::size_t Reader::length() {
  if (in_.empty()) {
    fail_now();
    return 0;
  }
  switch (in_[0] >> 6) {
    case 0:
      return big_endian(1);
    case 1: {
      const std::size_t length = big_endian(2) & 0x3fffu;
      if (length < (1u << 6)) fail_now();
      return length;
    }
    case 2: {
      const std::size_t length = big_endian(4) & 0x3fffffffu;
      if (length < (1u << 14)) fail_now();
      return length;
    }
    default:
      fail_now();
      return 0;
  }
}

}  // namespace holdfast
