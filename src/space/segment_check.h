// What must be true of any segment that comes from outside. Included by segment*.cpp only.
#pragma once

#include "space/segment.h"

namespace holdfast::space {

[[nodiscard]] Status check_segment_packs(std::span<const PackInfo> packs);
[[nodiscard]] Status check_segment_records(const Segment& segment);  // REQUIRES: its packs are checked

}  // namespace holdfast::space
