#pragma once

#include "base/files.h"
#include "base/system_pool.h"

namespace holdfast {

Result<std::unique_ptr<TreeWriter>> system_tree_writer(const Path& root, std::shared_ptr<ThreadPool> pool);

}  // namespace holdfast
