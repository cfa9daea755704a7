#include "session/spaces.h"

#include <algorithm>

#include "base/reached.h"
#include "session/live.h"

namespace holdfast::session {

namespace {

constexpr std::string_view spaces_directory = "spaces";

Status check_space_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  if (name.empty() || name.size() > 64 || name.front() == '.' || name.front() == '-' ||
      !std::ranges::all_of(name, allowed))
    return fail(Code::InvalidArgument,
                "a space's name has 1 to 64 letters, digits, '.', '_' or '-', and begins with a letter, digit or '_'",
                printable(name));
  return {};
}

SpaceListing home_listing(const Account& account) {
  const auto seed = space::home_space_seed(account.circle.front(), account.profile.account);
  return {space::space_id_of(seed, account.profile.account), std::string(home_space), seed.slot_key,
          space::Role::owner};
}

Result<std::vector<SpaceListing>> read_listings(SpaceSession& home) {
  HF_OK(home.follow_index());
  SpaceReader reader(home);
  std::vector<SpaceListing> out;
  HF_TRY(const auto directory, space::find_entry(reader, home.state().live_root, spaces_directory));
  if (!directory) return out;
  if (directory->directory() == nullptr)
    return fail(Code::Malformed, "the home space's list of spaces is no directory");
  std::vector<space::TreeEntry> entries;
  HF_OK(space::for_each_entry<space::TreeEntry>(reader, directory->directory()->root,
                                                [&](space::TreeEntry&& entry) -> Result<bool> {
                                                  entries.push_back(std::move(entry));
                                                  return true;
                                                }));
  for (const space::TreeEntry& entry : entries) {
    const auto* file = entry.file();
    const auto* chunk = file == nullptr ? nullptr : std::get_if<space::OneChunk>(&file->data);
    if (chunk == nullptr)
      return fail(Code::Malformed, "the home space's list of spaces has an entry of the wrong kind",
                  printable(entry.name));
    HF_TRY(const Bytes bytes, reader.chunk(space::ChunkKind::data, chunk->id));
    HF_TRY(auto listing, decode<SpaceListing>(bytes, "an entry of the home space's list"));
    if (listing.space.hex() != entry.name)
      return fail(Code::Malformed, "the home space's list names a space by another id", printable(entry.name));
    out.push_back(std::move(listing));
  }
  std::ranges::sort(out, {}, &SpaceListing::name);
  return out;
}

std::optional<SpaceListing> find_name(const std::vector<SpaceListing>& listings, std::string_view name) {
  const auto found = std::ranges::find(listings, name, &SpaceListing::name);
  return found == listings.end() ? std::nullopt : std::optional(*found);
}

}  // namespace

Status make_home(Session& session) {
  const Account& account = session.account();
  HF_OK(make_and_store_space(session, space::home_space_seed(account.circle.front(), account.profile.account),
                             std::string(home_space)));
  return session.state().apply({{}, {std::string(home_due_key)}});
}

Result<std::unique_ptr<SpaceSession>> open_home(Session& session) {
  HF_TRY(const auto due, session.state().get(home_due_key));
  if (due) {
    reached("session: home made after a sign-up that was cut short");
    HF_OK(make_home(session));
  }
  return SpaceSession::open(session, home_listing(session.account()));
}

Result<std::vector<SpaceListing>> list_spaces(Session& session) {
  HF_TRY(const auto home, open_home(session));
  return read_listings(*home);
}

Result<std::unique_ptr<SpaceSession>> open_space(Session& session, std::string_view name) {
  HF_TRY(const auto listings, list_spaces(session));
  const auto listing = find_name(listings, name);
  if (!listing) return fail(Code::NotFound, About::space, "there is no space of this name", printable(name));
  return SpaceSession::open(session, *listing);
}

Result<std::unique_ptr<SpaceSession>> create_space(Session& session, std::string_view name) {
  HF_OK(check_space_name(name));
  HF_TRY(const auto home, open_home(session));
  HF_TRY(const auto before, read_listings(*home));
  if (find_name(before, name))
    return fail(Code::AlreadyExists, "there is a space of this name already", printable(name));

  // A crash between the space and its name leaves an empty space that nobody names: harmless, and it costs the server
  // 64 KiB.
  HF_TRY(const auto listing,
         make_and_store_space(session, space::random_space_seed(session.doors.random), std::string(name)));
  std::optional<SpaceListing> winner;
  HF_OK(change_live(
      *home,
      [&](SpaceReader& reader, const space::NodeSink& nodes, const space::NodeSink& data) -> Result<space::Root> {
        HF_TRY(const auto listings, read_listings(*home));
        winner = find_name(listings, name);  // another verb may have made it since
        if (winner) return home->state().live_root;
        const Bytes bytes = encode(listing);
        space::TreeEntry entry;
        entry.name = listing.space.hex();
        entry.mode = 0600;
        entry.mtime_ns = session.doors.clock.now_ns();
        const ChunkId id = space::chunk_id(home->root_keys().chunk_id, space::ChunkKind::data, bytes);
        entry.content = space::FileContent{bytes.size(), space::OneChunk{id}};
        HF_OK(data(id, bytes));
        return space::with_entry(reader, home->root_keys(), nodes, home->state().live_root, spaces_directory, entry);
      }));
  return SpaceSession::open(session, winner ? *winner : listing);
}

Result<std::unique_ptr<SpaceSession>> open_or_create_space(Session& session, std::string_view name) {
  auto space = open_space(session, name);
  if (space || space.error().code != Code::NotFound) return space;
  return create_space(session, name);
}

}  // namespace holdfast::session
