// The second door: unpredictable bytes.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace holdfast {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;  // never fails; the process ends if the system has none

  template <class Id>
  Id make() {  // a fresh random FixedBytes
    Id id;
    fill(id.bytes);
    return id;
  }
};

}  // namespace holdfast
