// The files of a home that are not a structure of their own, or are told by their names. Internal to inspect.cpp.
#pragma once

#include "verbs/verbs.h"

namespace holdfast::verbs {

inline void field(Inspected& out, std::string name, std::string value) {
  out.fields.emplace_back(std::move(name), std::move(value));
}

// nullopt: it is none of them. At most the first 64 KiB are read.
Result<std::optional<Inspected>> inspect_home_file(Files& files, const Path& path, const FileStat& stat);

}  // namespace holdfast::verbs
