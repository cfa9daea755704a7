#include "address.h"

#include <sstream>

namespace holdfast::app {

namespace {

std::vector<std::string> names_of(const std::string& path) {
  std::vector<std::string> out;
  std::istringstream typed(path);
  for (std::string name; std::getline(typed, name, '/');)
    if (!name.empty() && name != ".") out.push_back(std::move(name));
  return out;
}

}  // namespace

verbs::TreePath tree_path(const std::string& typed) {
  const auto colon = typed.find(':');
  if (colon == std::string::npos) return {typed, false, ""};
  Path path;
  for (const std::string& name : names_of(typed.substr(colon + 1))) path = join_path(path, name);
  return {typed.substr(0, colon), true, path};
}

Result<verbs::LivePath> live_path(const std::string& typed, EndingSlash ending) {
  const auto colon = typed.find(':');
  if (colon == std::string::npos || colon == 0)
    return fail(Code::InvalidArgument,
                "what stands in a space is named SPACE:PATH, and its top SPACE:", printable(typed));
  verbs::LivePath out{typed.substr(0, colon), ""};
  for (const std::string& name : names_of(typed.substr(colon + 1))) {
    if (name == "..") return fail(Code::InvalidArgument, "a path in a space has no \"..\"", printable(typed));
    if (name.size() > space::name_bytes_max)
      return fail(Code::InvalidArgument, "a name has at most 255 bytes", printable(name));
    out.path = join_path(out.path, name);
  }
  if (ending == EndingSlash::keep && !out.path.empty() && typed.ends_with('/')) out.path += '/';
  return out;
}

}  // namespace holdfast::app
