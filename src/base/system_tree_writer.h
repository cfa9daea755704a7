#pragma once

#include "base/files.h"

namespace holdfast {

Result<std::unique_ptr<TreeWriter>> system_tree_writer(const Path& root, unsigned threads);

}  // namespace holdfast
