#include "verbs/search.h"

#include <algorithm>
#include <unordered_set>

#include "verbs/tree_at.h"
#include "worktree/ignore_pattern.h"

namespace holdfast::verbs {

namespace {

using EntryVisit = std::function<void(const std::string& path, const space::TreeEntry& entry)>;

// Everything below a folder, a folder before what is in it.
holdfast::Status for_all_below(space::ChunkSource& source, const space::Root& folder, const std::string& prefix,
                               const EntryVisit& visit) {
  HF_OK(space::check_depth(prefix));
  std::vector<space::TreeEntry> entries;
  HF_OK(space::read_folder(source, folder, entries));
  for (const space::TreeEntry& entry : entries) {
    const std::string path = join_path(prefix, entry.name);
    visit(path, entry);
    if (const auto* inside = entry.directory()) HF_OK(for_all_below(source, inside->root, path, visit));
  }
  return {};
}

Result<space::Root> folder_of(space::ChunkSource& source, const space::Root& root, const std::string& path) {
  if (path.empty()) return root;
  HF_TRY(const auto entry, space::find_path(source, root, path));
  if (entry.directory() == nullptr) return fail(Code::InvalidArgument, "this is not a folder", printable(path));
  return entry.directory()->root;
}

}  // namespace

Result<Listing> find(Session& session, const std::string& name, const TreePath& at, const std::string& pattern) {
  HF_TRY(const auto tree, open_tree(session, name, at));
  session::SpaceReader reader(*tree.space);
  HF_TRY(const auto root, folder_of(reader, tree.root, at.path));
  const worktree::IgnorePattern wanted(pattern);
  Listing out;
  out.snapshot = tree.snapshot;
  HF_OK(for_all_below(reader, root, "", [&](const std::string& path, const space::TreeEntry& entry) {
    if (wanted.matches(path, entry.name, entry.directory() != nullptr))
      out.entries.emplace_back(join_path(at.path, path), entry);
  }));
  out.alarms = session.alarms;
  return out;
}

Result<TreeStats> tree_stats(Session& session, const std::string& name, const TreePath& at) {
  HF_TRY(const auto tree, open_tree(session, name, at));
  session::SpaceReader reader(*tree.space);
  HF_TRY(const auto root, folder_of(reader, tree.root, at.path));
  TreeStats out;
  out.snapshot = tree.snapshot;
  std::unordered_set<ChunkId, FixedBytesHash> seen;
  HF_OK(for_all_below(reader, root, "", [&](const std::string&, const space::TreeEntry& entry) {
    if (entry.directory() != nullptr) {
      ++out.directories;
    } else if (const auto* file = entry.file()) {
      ++out.files;
      out.bytes += file->size;
      out.largest = std::max(out.largest, file->size);
    } else {
      ++out.others;
    }
    out.newest_mtime_ns = std::max(out.newest_mtime_ns.value_or(entry.mtime_ns), entry.mtime_ns);
  }));
  HF_OK(space::for_each_chunk(reader, root, [&](const space::ReferredChunk& chunk, const std::string&) {
    if (!seen.insert(chunk.id).second) return holdfast::Status();
    if (chunk.kind == space::ChunkKind::node) {
      ++out.nodes;
    } else {
      ++out.chunks;
      out.bytes_once += chunk.length;
    }
    return holdfast::Status();
  }));
  out.alarms = session.alarms;
  return out;
}

}  // namespace holdfast::verbs
