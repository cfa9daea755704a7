// What is wrong with a call by itself, whatever the rows say. Malformed, TooLarge.
#pragma once

#include <vector>

#include "api/calls.h"
#include "base/result.h"

namespace holdfast::server {

Status check_first_entry(const api::Entry& entry);
Status check_caps(const api::Caps& caps);  // read and write must have a key; maintain and admin may be without
Status check_append(const api::Append& call);
Status check_attached(const std::vector<api::AttachedObject>& attached);

// An account's quota, as everybody says it.
[[nodiscard]] std::unexpected<Error> quota_exceeded();

template <class Id>
bool all_distinct(std::vector<Id> ids) {
  std::ranges::sort(ids);
  return std::ranges::adjacent_find(ids) == ids.end();
}

}  // namespace holdfast::server
