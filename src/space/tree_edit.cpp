#include <algorithm>

#include "space/tree_rules.h"

namespace holdfast::space {

namespace {

template <class Entry>
Result<std::vector<Entry>> load_all(ChunkSource& source, const Root& root) {
  std::vector<Entry> entries;
  HF_OK(for_each_entry<Entry>(source, root, [&](Entry&& entry) -> Result<bool> {
    entries.push_back(std::move(entry));
    return true;
  }));
  return entries;
}

template <class Entry>
Result<BuiltTree> build(const RootKeys& keys, const NodeSink& sink, const std::vector<Entry>& entries) {
  TreeBuilder<Entry> builder(keys, sink);
  for (const Entry& entry : entries) HF_OK(builder.add(entry));
  return builder.finish();
}

auto place_of(std::vector<TreeEntry>& entries, std::string_view name) {
  return std::ranges::lower_bound(entries, name, {},
                                  [](const TreeEntry& entry) { return std::string_view(entry.name); });
}

// One directory with `change` applied to the folder at `path` below it; folders that a put needs are made, like their
// new content.
Result<BuiltTree> change_below(ChunkSource& source, const RootKeys& keys, const NodeSink& sink, const Root& root,
                               std::string_view path, const TreeEntry* pattern,
                               const std::function<Status(std::vector<TreeEntry>&)>& change) {
  HF_TRY(auto entries, load_all<TreeEntry>(source, root));
  if (path.empty()) {
    HF_OK(change(entries));
    return build(keys, sink, entries);
  }
  const std::size_t slash = std::min(path.find('/'), path.size());
  const std::string_view name = path.substr(0, slash), rest = path.substr(std::min(slash + 1, path.size()));
  auto place = place_of(entries, name);
  const bool there = place != entries.end() && place->name == name;
  if (there && place->directory() == nullptr)
    return fail(pattern == nullptr ? Code::NotFound : Code::AlreadyExists, "this is not a folder", printable(name));
  if (!there) {
    if (pattern == nullptr) return fail(Code::NotFound, "there is nothing of this name", printable(name));
    TreeEntry folder;
    folder.name = name;
    folder.mode = 0700;
    folder.uid = pattern->uid;
    folder.gid = pattern->gid;
    folder.user = pattern->user;
    folder.group = pattern->group;
    folder.mtime_ns = pattern->mtime_ns;
    folder.content = DirectoryContent{};
    place = entries.insert(place, std::move(folder));
  }
  HF_TRY(const BuiltTree below, change_below(source, keys, sink, place->directory()->root, rest, pattern, change));
  place->content = DirectoryContent{below.root, below.entries, below.bytes};
  return build(keys, sink, entries);
}

// Two trees as one, and their nodes' way out.
struct Laying {
  ChunkSource& source;
  const RootKeys& keys;
  const NodeSink& sink;

  Status over(std::vector<TreeEntry>& entries, const Root& added, const std::string& path) {
    HF_OK(check_depth(path));
    HF_TRY(auto upper, load_all<TreeEntry>(source, added));
    std::vector<TreeEntry> out;
    out.reserve(entries.size() + upper.size());
    auto lower = entries.begin();
    for (TreeEntry& entry : upper) {
      while (lower != entries.end() && lower->name < entry.name) out.push_back(std::move(*lower++));
      if (lower != entries.end() && lower->name == entry.name)
        HF_OK(entry_over(*lower++, entry, join_path(path, entry.name)));
      out.push_back(std::move(entry));
    }
    std::move(lower, entries.end(), std::back_inserter(out));
    entries = std::move(out);
    return {};
  }

 private:
  Status entry_over(const TreeEntry& before, TreeEntry& entry, const std::string& path) {
    if ((before.directory() != nullptr) != (entry.directory() != nullptr))
      return fail(Code::AlreadyExists,
                  before.directory() != nullptr ? "a folder stands where something else is to be put"
                                                : "something else stands where a folder is to be put",
                  printable(path));
    if (entry.directory() == nullptr || before.directory()->root == entry.directory()->root) return {};
    HF_TRY(auto entries, load_all<TreeEntry>(source, before.directory()->root));
    HF_OK(over(entries, entry.directory()->root, path));
    HF_TRY(const BuiltTree built, build(keys, sink, entries));
    entry.content = DirectoryContent{built.root, built.entries, built.bytes};
    return {};
  }
};

}  // namespace

Result<Root> with_tree(ChunkSource& source, const RootKeys& keys, const NodeSink& sink, const Root& root,
                       std::string_view directory_path, const Root& added) {
  std::optional<TreeEntry> first;
  HF_OK(for_each_entry<TreeEntry>(source, added, [&](TreeEntry&& entry) -> Result<bool> {
    first = std::move(entry);
    return false;
  }));
  if (!first) return root;
  Laying laying{source, keys, sink};
  HF_TRY(const BuiltTree built,
         change_below(source, keys, sink, root, directory_path, &*first, [&](std::vector<TreeEntry>& entries) {
           return laying.over(entries, added, std::string(directory_path));
         }));
  return built.root;
}

Result<Root> with_entry(ChunkSource& source, const RootKeys& keys, const NodeSink& sink, const Root& root,
                        std::string_view directory_path, const TreeEntry& entry) {
  HF_TRY(const BuiltTree built,
         change_below(source, keys, sink, root, directory_path, &entry, [&](std::vector<TreeEntry>& entries) -> Status {
           const auto place = place_of(entries, entry.name);
           if (place != entries.end() && place->name == entry.name) {
             *place = entry;
           } else {
             entries.insert(place, entry);
           }
           return {};
         }));
  return built.root;
}

Result<Root> without_entry(ChunkSource& source, const RootKeys& keys, const NodeSink& sink, const Root& root,
                           std::string_view path) {
  const std::size_t slash = path.rfind('/');
  const std::string_view directory = slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  HF_TRY(const BuiltTree built,
         change_below(source, keys, sink, root, directory, nullptr, [&](std::vector<TreeEntry>& entries) -> Status {
           const auto place = place_of(entries, name);
           if (place == entries.end() || place->name != name)
             return fail(Code::NotFound, "there is nothing of this name", printable(path));
           entries.erase(place);
           return {};
         }));
  return built.root;
}

Result<Root> with_snapshot(ChunkSource& source, const RootKeys& keys, const NodeSink& sink, const Root& root,
                           const Snapshot& snapshot, std::span<const std::string> keys_removed) {
  HF_TRY(auto snapshots, load_all<Snapshot>(source, root));
  std::erase_if(snapshots,
                [&](const Snapshot& old) { return std::ranges::find(keys_removed, old.key()) != keys_removed.end(); });
  snapshots.push_back(snapshot);
  std::ranges::sort(snapshots, {}, &Snapshot::key);
  HF_TRY(const BuiltTree built, build(keys, sink, snapshots));
  return built.root;
}

Result<Root> without_snapshots(ChunkSource& source, const RootKeys& keys, const NodeSink& sink, const Root& root,
                               std::span<const std::string> keys_removed) {
  HF_TRY(auto snapshots, load_all<Snapshot>(source, root));
  std::erase_if(snapshots,
                [&](const Snapshot& old) { return std::ranges::find(keys_removed, old.key()) != keys_removed.end(); });
  HF_TRY(const BuiltTree built, build(keys, sink, snapshots));
  return built.root;
}

}  // namespace holdfast::space
