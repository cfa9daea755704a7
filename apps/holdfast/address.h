// How trees and paths in them are typed.
#pragma once

#include "verbs/live.h"

namespace holdfast::app {

// SNAPSHOT[:PATH] or SPACE:PATH; "./A//b/" is "A/b", as a tree has it.
[[nodiscard]] verbs::TreePath tree_path(const std::string& typed);

// SPACE:PATH, whatever the space's name is. InvalidArgument. A '/' at the end is kept when it is asked for.
enum class EndingSlash { drop, keep };
[[nodiscard]] Result<verbs::LivePath> live_path(const std::string& typed, EndingSlash ending = EndingSlash::drop);

}  // namespace holdfast::app
