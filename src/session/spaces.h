// The spaces of an account: their names and slot keys stand in the live tree of the home space (DECISIONS D17).
#pragma once

#include "session/reader.h"

namespace holdfast::session {

inline constexpr std::string_view home_space = "the home space";  // a name that no other can have
inline constexpr std::string_view backups_space = "backups";

// A ListedSpace as it stands in that tree, sealed with all of it.
struct SpaceListing {
  SpaceId space;
  std::string name;
  std::array<std::uint8_t, 32> slot_key{};
  space::Role role = space::Role::reader;
  HOLDFAST_WIRE(space, name, slot_key, role)
};

// Made at sign-up; repeated harmlessly. open_home() makes it when a sign-up was cut short before it stood.
Status make_home(Session& session);
Result<std::unique_ptr<SpaceSession>> open_home(Session& session);
Status finish_home(Session& session);  // what open_home() does before it opens
[[nodiscard]] ListedSpace listed_home(const Account& account);
[[nodiscard]] Result<std::vector<ListedSpace>> read_listings(SpaceSession& home);  // as list_spaces()

[[nodiscard]] Result<std::vector<ListedSpace>> list_spaces(Session& session);  // sorted by name
[[nodiscard]] Result<std::unique_ptr<SpaceSession>> open_space(Session& session, std::string_view name);  // NotFound
// InvalidArgument: no space can have this name. 1 to 64 letters, digits, . _ -, not "latest".
[[nodiscard]] Status check_space_name(std::string_view name);
// AlreadyExists: a space of this name is there. InvalidArgument: check_space_name().
Result<std::unique_ptr<SpaceSession>> create_space(Session& session, std::string_view name);

}  // namespace holdfast::session
