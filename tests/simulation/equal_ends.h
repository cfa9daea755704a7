// Equal seeds end equal: else a failure can't be replayed, and a campaign proves little.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "tests/simulation/fault.h"

namespace holdfast::sim {

// Runs it twice, each time in a new World, and compares all events, the state of the disks and a last draw. Tells the
// first event that differs.
::testing::AssertionResult ends_equal(const Fault& fault, const std::function<void(World&)>& run);

}  // namespace holdfast::sim
