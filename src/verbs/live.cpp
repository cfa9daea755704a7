#include "verbs/live.h"

#include "backup/names.h"
#include "session/live.h"
#include "session/log_reader.h"

namespace holdfast::verbs {

namespace {

// What is there must be changed by hand first: the next attempt would end in the same way.
std::unexpected<Error> unchanged(Error error) {
  const bool refused =
      error.code == Code::AlreadyExists || error.code == Code::NotFound || error.code == Code::InvalidArgument;
  if (refused && error.whole.empty()) error.whole = "nothing was changed";
  return pass_on(std::move(error));
}

// `change` makes one root of another; it is asked again when another writer was faster.
using RootChange = std::function<Result<space::Root>(session::NewChunks& chunks, const space::Root& before)>;
Result<LiveChanged> change(Session& session, const std::string& name, std::vector<std::string> paths,
                           const RootChange& make) {
  HF_TRY(const auto space, session::open_space(session, name));
  const auto committed =
      session::change_live(*space, [&](session::NewChunks& chunks) { return make(chunks, space->state().live_root); });
  if (!committed) return unchanged(committed.error());
  LiveChanged out{name, std::move(paths), 0, 0, session.alarms};
  if (*committed) out.seq = (*committed)->seq;
  return out;
}

// The tree itself says that nothing stands there; a block that the server has no more is something else.
bool is_absent(const Error& error) { return error.code == Code::NotFound && error.about == About::path_in_snapshot; }

std::string folder_of(const std::string& path) { return std::string(parent_of(path)); }

std::unexpected<Error> top_has_no_name() {
  return fail(Code::InvalidArgument, "the top of a space's tree has no name: it is not moved, removed or made");
}

Result<space::TreeEntry> find(space::ChunkSource& chunks, const space::Root& root, const std::string& path) {
  if (path.empty()) return top_has_no_name();
  return space::find_path(chunks, root, path);
}

holdfast::Status check_folder(space::ChunkSource& chunks, const space::Root& root, const std::string& path) {
  if (path.empty()) return {};
  HF_TRY(const auto entry, space::find_path(chunks, root, path));
  if (entry.directory() == nullptr) return fail(Code::AlreadyExists, "this is not a folder", printable(path));
  return {};
}

}  // namespace

Result<PutDone> put(Session& session, const LivePath& into, backup::BackupOptions options) {
  HF_TRY(const auto space, session::open_space(session, into.space));
  options.into_live = into.path;
  auto report = backup::run_backup(*space, options);
  if (!report) return unchanged(report.error());
  return PutDone{into, *std::move(report), session.alarms};
}

Result<GetDone> get(Session& session, const LivePath& from, std::optional<std::uint64_t> version,
                    backup::RestoreOptions options) {
  HF_TRY(const auto space, session::open_space(session, from.space));
  space::Root root = space->state().live_root;
  if (version) {
    HF_TRY(root, session::live_root_at(*space, *version));
  }
  options.path = from.path;
  HF_TRY(auto report, backup::run_restore(*space, root, options));
  return GetDone{from, std::move(report), session.alarms};
}

Result<LiveChanged> make_folders(Session& session, const std::string& name, const MakeFolders& wanted) {
  const backup::Names names(session.doors.files);
  return change(session, name, wanted.paths, [&](session::NewChunks& chunks, space::Root root) -> Result<space::Root> {
    for (const std::string& path : wanted.paths) {
      auto there = find(chunks, root, path);
      if (!there && !is_absent(there.error())) return pass_on(there.error());
      if (there && wanted.parents && there->directory() != nullptr) continue;
      if (there) return fail(Code::AlreadyExists, "something of this name is there already", printable(path));
      if (!wanted.parents) HF_OK(check_folder(chunks, root, folder_of(path)));
      space::TreeEntry folder;
      folder.name = last_component(path);
      folder.mode = 0700;
      folder.uid = wanted.uid;
      folder.gid = wanted.gid;
      folder.user = names.user(wanted.uid);
      folder.group = names.group(wanted.gid);
      folder.mtime_ns = session.doors.clock.now_ns();
      folder.content = space::DirectoryContent{};
      HF_TRY(root, space::with_entry(chunks, chunks.root_keys(), chunks.sink(space::ChunkKind::node), root,
                                     folder_of(path), folder));
    }
    return root;
  });
}

Result<LiveChanged> remove(Session& session, const std::string& name, const std::vector<std::string>& paths,
                           bool recursive) {
  std::uint64_t entries = 0;
  auto done = change(session, name, paths, [&](session::NewChunks& chunks, space::Root root) -> Result<space::Root> {
    entries = 0;
    for (const std::string& path : paths) {
      HF_TRY(const auto entry, find(chunks, root, path));
      if (entry.directory() != nullptr && !recursive)
        return fail(Code::InvalidArgument, "this is a folder, which goes with --recursive only", printable(path));
      entries += 1 + (entry.directory() != nullptr ? entry.directory()->entries : 0);
      HF_TRY(root, space::without_entry(chunks, chunks.root_keys(), chunks.sink(space::ChunkKind::node), root, path));
    }
    return root;
  });
  if (done) done->entries = entries;
  return done;
}

Result<std::string> target_of_move(const std::string& from, const std::string& to) {
  if (from.empty()) return top_has_no_name();
  const bool into = to.empty() || to.ends_with('/');
  std::string target = into ? join_path(to.substr(0, to.size() - (to.empty() ? 0 : 1)), last_component(from)) : to;
  if (target == from)
    return fail(Code::InvalidArgument, "it has this name already", printable(target), "nothing was changed");
  if (target.starts_with(from + "/"))
    return fail(Code::InvalidArgument, "a folder can't be moved into itself", printable(target), "nothing was changed");
  return target;
}

Result<LiveChanged> move(Session& session, const LivePath& from, const std::string& to, bool overwrite) {
  HF_TRY(const std::string target, target_of_move(from.path, to));
  const std::string folder = folder_of(target);
  return change(session, from.space, {from.path, target},
                [&](session::NewChunks& chunks, space::Root root) -> Result<space::Root> {
                  HF_TRY(auto entry, find(chunks, root, from.path));
                  HF_OK(check_folder(chunks, root, folder));
                  const auto there = space::find_path(chunks, root, target);
                  if (!there && !is_absent(there.error())) return pass_on(there.error());
                  const bool files = there && there->directory() == nullptr && entry.directory() == nullptr;
                  if (there && !(overwrite && files))
                    return fail(Code::AlreadyExists,
                                files ? "something of this name is there, and is replaced with --overwrite only"
                                      : "a folder is neither replaced nor replaces anything",
                                printable(target));
                  const auto sink = chunks.sink(space::ChunkKind::node);
                  HF_TRY(root, space::without_entry(chunks, chunks.root_keys(), sink, root, from.path));
                  entry.name = last_component(target);
                  return space::with_entry(chunks, chunks.root_keys(), sink, root, folder, entry);
                });
}

Result<History> history(Session& session, const LivePath& of) {
  if (of.path.empty()) return fail(Code::InvalidArgument, "a history is of one file or folder in a space: name it");
  HF_TRY(const auto space, session::open_space(session, of.space));
  HF_OK(space->follow_index());
  session::SpaceReader reader(*space);
  History out{of, {}, 0, {}};
  space::Root before;
  std::optional<space::TreeEntry> stood;
  HF_OK(session::CommitReader(*space).read_on([&](const space::CommitBody& commit) -> holdfast::Status {
    if (commit.state.live_root == before) return {};
    before = commit.state.live_root;
    auto entry = find(reader, before, of.path);
    const bool absent = !entry && is_absent(entry.error());
    if (!entry && !absent && (entry.error().code == Code::Missing || entry.error().code == Code::NotFound)) {
      ++out.lost;
      return {};
    }
    if (!entry && !absent) return pass_on(entry.error());
    std::optional<space::TreeEntry> now;
    if (entry) now = *std::move(entry);
    if (now == stood) return {};
    stood = now;
    out.versions.push_back({commit.seq, commit.time_ns, commit.author.device, std::move(now)});
    return {};
  }));
  if (out.versions.empty())
    return fail(Code::NotFound, About::path_in_snapshot, "nothing ever stood there", printable(of.path));
  out.alarms = session.alarms;
  return out;
}

}  // namespace holdfast::verbs
