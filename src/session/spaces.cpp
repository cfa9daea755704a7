#include "session/spaces.h"

#include <algorithm>

#include "base/reached.h"
#include "session/live.h"

namespace holdfast::session {

namespace {

constexpr std::string_view spaces_directory = "spaces";

const std::string& listed_name(const ListedSpace& listed) { return listed.named.name; }

Bytes encode_listing(const ListedSpace& listed) {
  SpaceListing listing{listed.named.space, listed.named.name, {}, listed.role};
  const crypto::SecretBytes slot_key = listed.slot_key.export_secret();
  std::ranges::copy(slot_key.view(), listing.slot_key.begin());
  return encode(listing);
}

std::optional<ListedSpace> take_name(std::vector<ListedSpace> listed, std::string_view name) {
  const auto found = std::ranges::find(listed, name, listed_name);
  return found == listed.end() ? std::nullopt : std::optional(std::move(*found));
}

}  // namespace

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
  if (name == "latest")
    return fail(Code::InvalidArgument, "a space can't have this name, which means the newest snapshot",
                printable(name));
  return {};
}

ListedSpace listed_home(const Account& account) {
  auto seed = space::home_space_seed(account.circle.front(), account.profile.account);
  return {{space::space_id_of(seed, account.profile.account), std::string(home_space)},
          std::move(seed.slot_key),
          space::Role::owner};
}

Result<std::vector<ListedSpace>> read_listings(SpaceSession& home) {
  HF_OK(home.follow_index());
  SpaceReader reader(home);
  std::vector<ListedSpace> out;
  HF_TRY(const auto directory, space::find_entry(reader, home.state().live_root, spaces_directory));
  if (!directory) return out;
  if (directory->directory() == nullptr)
    return fail(Code::Malformed, "the home space's list of spaces is no directory");
  std::vector<space::TreeEntry> entries;
  HF_OK(space::read_folder(reader, directory->directory()->root, entries));
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
    out.push_back({{listing.space, std::move(listing.name)}, space::SlotKey::copy_of(listing.slot_key), listing.role});
  }
  std::ranges::sort(out, {}, listed_name);
  return out;
}

Status make_home(Session& session) {
  const Account& account = session.account();
  HF_OK(make_and_store_space(session, space::home_space_seed(account.circle.front(), account.profile.account),
                             std::string(home_space)));
  return session.state().apply({{}, {std::string(home_due_key)}});
}

Status finish_home(Session& session) {
  HF_TRY(const auto due, session.state().get(home_due_key));
  if (!due) return {};
  reached("session: home made after a sign-up that was cut short");
  return make_home(session);
}

Result<std::unique_ptr<SpaceSession>> open_home(Session& session) {
  HF_OK(finish_home(session));
  return SpaceSession::open(session, listed_home(session.account()));
}

Result<std::vector<ListedSpace>> list_spaces(Session& session) {
  HF_TRY(const auto home, open_home(session));
  return read_listings(*home);
}

Result<std::unique_ptr<SpaceSession>> open_space(Session& session, std::string_view name) {
  HF_TRY(auto all, list_spaces(session));
  auto listed = take_name(std::move(all), name);
  if (!listed) return fail(Code::NotFound, About::space, "there is no space of this name", printable(name));
  return SpaceSession::open(session, *std::move(listed));
}

Result<std::unique_ptr<SpaceSession>> create_space(Session& session, std::string_view name) {
  HF_OK(check_space_name(name));
  HF_TRY(const auto home, open_home(session));
  HF_TRY(auto before, read_listings(*home));
  if (take_name(std::move(before), name))
    return fail(Code::AlreadyExists, "there is a space of this name already", printable(name));

  // A crash between the space and its name leaves an empty space that nobody names: harmless, and it costs the server
  // 64 KiB.
  HF_TRY(auto made, make_and_store_space(session, space::random_space_seed(session.doors.random), std::string(name)));
  std::optional<ListedSpace> winner;
  HF_OK(change_live(*home, [&](NewChunks& chunks) -> Result<space::Root> {
    HF_TRY(auto now, read_listings(*home));
    winner = take_name(std::move(now), name);  // another verb may have made it since
    if (winner) return home->state().live_root;
    const Bytes bytes = encode_listing(made);
    space::TreeEntry entry;
    entry.name = made.named.space.hex();
    entry.mode = 0600;
    entry.mtime_ns = session.doors.clock.now_ns();
    const ChunkId id = space::chunk_id(home->root_keys().chunk_id, space::ChunkKind::data, bytes);
    entry.content = space::FileContent{bytes.size(), space::OneChunk{id}};
    HF_OK(chunks.sink(space::ChunkKind::data)(id, bytes));
    return space::with_entry(chunks, home->root_keys(), chunks.sink(space::ChunkKind::node), home->state().live_root,
                             spaces_directory, entry);
  }));
  return SpaceSession::open(session, winner ? *std::move(winner) : std::move(made));
}

}  // namespace holdfast::session
