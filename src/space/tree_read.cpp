#include <algorithm>

#include "space/tree_nodes.h"
#include "space/tree_rules.h"

namespace holdfast::space {

namespace {

template <class Entry>
using Child = typename TreeRules<Entry>::Child;

// Visits a whole tree in order and holds every node to what its parent says of it.
template <class Entry>
class Walk {
 public:
  using Rules = TreeRules<Entry>;
  Walk(ChunkSource& source, const std::function<Result<bool>(Entry&&)>& visit) : source_(source), visit_(visit) {}

  struct Sums {
    std::uint64_t entries = 0, bytes = 0;
    bool go_on = true;
  };

  Result<Sums> node(const ChunkId& id, std::optional<int> level_expected, const std::string* first_expected) {
    HF_TRY(Node loaded, load_node(source_, id));
    if (level_expected && loaded.level != *level_expected)
      return bad_node(id, "has another level than its parent says");
    return loaded.level == 0 ? leaf(id, std::move(loaded), first_expected)
                             : inner(id, std::move(loaded), first_expected);
  }

 private:
  Result<Sums> leaf(const ChunkId& id, Node&& loaded, const std::string* first_expected) {
    HF_TRY(auto entries, items_of<Entry>(std::move(loaded), id, true));
    Sums sums;
    bool first = true;
    for (Entry& entry : entries) {
      HF_OK(Rules::check(entry));
      if constexpr (Rules::ordered) {
        std::string key = Rules::key(entry);
        if ((first && first_expected != nullptr && key != *first_expected) || (any_ && !(last_key_ < key)))
          return bad_node(id, "has its entries out of order");
        last_key_ = std::move(key);
      }
      any_ = true;
      first = false;
      sums.entries += Rules::entries(entry);
      sums.bytes += Rules::bytes(entry);
      HF_TRY(sums.go_on, visit_(std::move(entry)));
      if (!sums.go_on) return sums;
    }
    return sums;
  }

  Result<Sums> inner(const ChunkId& id, Node&& loaded, const std::string* first_expected) {
    const int level = loaded.level;
    HF_TRY(const auto children, items_of<Child<Entry>>(std::move(loaded), id, false));
    Sums sums;
    for (std::size_t i = 0; i < children.size(); ++i) {
      std::vector<ChunkId> ahead;
      for (std::size_t next = i + 1; next < std::min(children.size(), i + 3); ++next)
        ahead.push_back(children[next].node);
      source_.prefetch(ahead);
      const std::string* first = nullptr;
      if constexpr (Rules::ordered) {
        first = &children[i].first_name;
        if (i == 0 && first_expected != nullptr && *first != *first_expected)
          return bad_node(id, "has its children out of order");
      }
      HF_TRY(const Sums below, node(children[i].node, level - 1, first));
      sums.entries += below.entries;
      sums.bytes += below.bytes;
      sums.go_on = below.go_on;
      if (!below.go_on) return sums;
      if (below.entries != children[i].entries || below.bytes != children[i].bytes)
        return bad_node(id, "has sums that are not right");
    }
    return sums;
  }

  ChunkSource& source_;
  const std::function<Result<bool>(Entry&&)>& visit_;
  std::string last_key_;
  bool any_ = false;
};

}  // namespace

Status check_entry(const TreeEntry& entry) {
  const std::string& name = entry.name;
  if (name.empty() || name.size() > name_bytes_max || name == "." || name == ".." ||
      name.find('/') != std::string::npos || name.find('\0') != std::string::npos)
    return fail(Code::Malformed, "an entry of a tree has a name that no file can have", printable(name));
  if (entry.mode > 07777) return fail(Code::Malformed, "an entry of a tree has an impossible mode", printable(name));
  if (const FileContent* file = entry.file()) {
    const bool empty = std::holds_alternative<EmptyFile>(file->data);
    const bool one = std::holds_alternative<OneChunk>(file->data);
    const auto* manifest = std::get_if<ManifestRoot>(&file->data);
    if (empty != (file->size == 0) || (one && file->size > chunk_bytes_max) || file->size > file_bytes_max ||
        (manifest != nullptr && manifest->root.is_zero()))
      return fail(Code::Malformed, "a file in a tree has a size that its content can't have", printable(name));
  }
  if (const DirectoryContent* directory = entry.directory();
      directory != nullptr && directory->root.is_zero() != (directory->entries == 0))
    return fail(Code::Malformed, "a folder in a tree has no root but entries, or a root but none", printable(name));
  if (const auto* link = std::get_if<SymlinkContent>(&entry.content);
      link != nullptr &&
      (link->target.empty() || link->target.size() > 4095 || link->target.find('\0') != std::string::npos))
    return fail(Code::Malformed, "a symbolic link in a tree has an impossible target", printable(name));
  if (const auto* chunk = std::get_if<AttributesChunk>(&entry.attributes);
      chunk != nullptr && (chunk->length == 0 || chunk->length > chunk_bytes_max))
    return fail(Code::Malformed, "an entry of a tree has attributes of an impossible size", printable(name));
  return {};
}

Status check_entry(const ManifestEntry& entry) {
  const std::uint64_t length = entry.length();
  const bool chunk = std::holds_alternative<ChunkExtent>(entry.extent);
  if (length == 0 || length > (chunk ? chunk_bytes_max : file_bytes_max))
    return fail(Code::Malformed, "a piece of a large file has an impossible size");
  return {};
}

Status check_entry(const Snapshot& snapshot) {
  if (snapshot.paths.size() > 100'000)
    return fail(Code::Malformed, "a snapshot names too many paths", snapshot.id.short_hex());
  return {};
}

std::uint64_t ManifestEntry::length() const {
  return std::visit([](const auto& part) -> std::uint64_t { return part.length; }, extent);
}

std::string Snapshot::key() const {
  Writer out;
  out.raw(device.view());
  out.big_endian(static_cast<std::uint64_t>(time_ns) ^ (std::uint64_t{1} << 63), 8);
  out.raw(id.view());
  return std::string(as_text(std::move(out).take()));
}

template <class Entry>
Status for_each_entry(ChunkSource& source, const Root& root, const std::function<Result<bool>(Entry&&)>& visit) {
  if (root.is_zero()) return {};
  HF_OK(Walk<Entry>(source, visit).node(root, std::nullopt, nullptr));
  return {};
}
template Status for_each_entry<TreeEntry>(ChunkSource&, const Root&, const std::function<Result<bool>(TreeEntry&&)>&);
template Status for_each_entry<Snapshot>(ChunkSource&, const Root&, const std::function<Result<bool>(Snapshot&&)>&);
template Status for_each_entry<ManifestEntry>(ChunkSource&, const Root&,
                                              const std::function<Result<bool>(ManifestEntry&&)>&);

Status read_folder(ChunkSource& source, const Root& folder, std::vector<TreeEntry>& entries) {
  return for_each_entry<TreeEntry>(source, folder, [&](TreeEntry&& entry) -> Result<bool> {
    entries.push_back(std::move(entry));
    return true;
  });
}

Status check_depth(const std::string& path) {
  if (static_cast<std::size_t>(std::ranges::count(path, '/')) <= folders_deep_max) return {};
  return fail(Code::Malformed, "folders are nested deeper than any path can be", printable(path.substr(0, 200)));
}

Result<std::optional<TreeEntry>> find_entry(ChunkSource& source, const Root& root, std::string_view name) {
  if (root.is_zero()) return std::nullopt;
  std::optional<int> level;
  std::optional<std::string> first;
  for (ChunkId id = root;;) {
    HF_TRY(Node node, load_node(source, id));
    if (level && node.level != *level - 1) return bad_node(id, "has another level than its parent says");
    level = node.level;
    const std::string* first_expected = first ? &*first : nullptr;
    if (node.level == 0) {
      HF_TRY(auto entries, items_of<TreeEntry>(std::move(node), id, true));
      if (!in_order(entries, &TreeEntry::name, first_expected)) return bad_node(id, "has its entries out of order");
      const auto found = std::ranges::find(entries, name, &TreeEntry::name);
      if (found == entries.end()) return std::nullopt;
      HF_OK(check_entry(*found));
      return std::move(*found);
    }
    HF_TRY(const auto children, items_of<NamedChild>(std::move(node), id, false));
    if (!in_order(children, &NamedChild::first_name, first_expected))
      return bad_node(id, "has its children out of order");
    const auto after = std::ranges::upper_bound(
        children, name, {}, [](const NamedChild& child) { return std::string_view(child.first_name); });
    if (after == children.begin()) return std::nullopt;
    id = std::prev(after)->node;
    first = std::prev(after)->first_name;
  }
}

Result<TreeEntry> find_path(ChunkSource& source, const Root& root, std::string_view path) {
  Root directory = root;
  for (std::size_t at = 0;;) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at, slash - at);
    HF_TRY(auto entry, find_entry(source, directory, name));
    if (!entry)
      return fail(Code::NotFound, About::path_in_snapshot, "there is nothing of this name",
                  printable(path.substr(0, slash)));
    if (slash == path.size()) return *std::move(entry);
    if (entry->directory() == nullptr)
      return fail(Code::NotFound, "this is not a folder", printable(path.substr(0, slash)));
    directory = entry->directory()->root;
    at = slash + 1;
  }
}

Result<std::vector<PlacedExtent>> find_extents(ChunkSource& source, const Root& manifest, Range range) {
  std::vector<PlacedExtent> out;
  if (range.size == 0 || manifest.is_zero()) return out;
  if (range.offset > file_bytes_max || range.size > file_bytes_max)
    return fail(Code::InvalidArgument, "no file has a part of this size");
  const std::uint64_t end = range.offset + range.size;
  // Subtrees that end before the range or begin after it are not read.
  struct Place {
    int level;
    std::uint64_t start, bytes;
  };
  const std::function<Status(const ChunkId&, std::optional<Place>)> below = [&](const ChunkId& id,
                                                                                std::optional<Place> said) -> Status {
    HF_TRY(Node node, load_node(source, id));
    const int level = node.level;
    if (said && level != said->level) return bad_node(id, "has another level than its parent says");
    std::uint64_t at = said ? said->start : 0;
    const auto overlaps = [&](std::uint64_t size) { return at + size > range.offset && at < end; };
    const auto advance = [&](std::uint64_t size) {
      at += std::min(size, file_bytes_max + 1);
      return at <= file_bytes_max;
    };
    if (level == 0) {
      HF_TRY(const auto entries, items_of<ManifestEntry>(std::move(node), id, true));
      for (const ManifestEntry& entry : entries) {
        HF_OK(check_entry(entry));
        if (overlaps(entry.length())) out.push_back({at, entry});
        if (!advance(entry.length())) return bad_node(id, "has sums that are not right");
      }
    } else {
      HF_TRY(const auto children, items_of<ManifestChild>(std::move(node), id, false));
      for (const ManifestChild& child : children) {
        if (child.bytes > file_bytes_max) return bad_node(id, "has sums that are not right");
        if (overlaps(child.bytes)) HF_OK(below(child.node, Place{level - 1, at, child.bytes}));
        if (!advance(child.bytes)) return bad_node(id, "has sums that are not right");
      }
    }
    if (said && at - said->start != said->bytes) return bad_node(id, "has sums that are not right");
    return {};
  };
  HF_OK(below(manifest, std::nullopt));
  return out;
}

namespace {

class ChunkWalk {
 public:
  ChunkWalk(ChunkSource& source, const std::function<Status(const ReferredChunk&, const std::string&)>& visit)
      : source_(source), visit_(visit) {}

  Status directory(const Root& root, const std::string& path) {
    if (root.is_zero()) return {};
    HF_OK(check_depth(path));
    std::vector<TreeEntry> folders;
    Listening nodes(*this, path);
    HF_OK(for_each_entry<TreeEntry>(nodes, root, [&](TreeEntry&& entry) -> Result<bool> {
      const std::string below = join_path(path, entry.name);
      for (const ReferredChunk& chunk : references_of(entry)) HF_OK(referred(chunk, entry, below));
      if (entry.directory() != nullptr) folders.push_back(std::move(entry));
      return true;
    }));
    for (const TreeEntry& folder : folders) HF_OK(directory(folder.directory()->root, join_path(path, folder.name)));
    return {};
  }

 private:
  // Tells of each node that is read.
  class Listening final : public ChunkSource {
   public:
    Listening(ChunkWalk& walk, const std::string& path) : walk_(walk), path_(path) {}
    Result<Bytes> chunk(ChunkKind kind, const ChunkId& id) override {
      HF_OK(walk_.visit_({kind, id, 0}, path_));
      return walk_.source_.chunk(kind, id);
    }
    void prefetch(std::span<const ChunkId> ids) override { walk_.source_.prefetch(ids); }

   private:
    ChunkWalk& walk_;
    const std::string& path_;
  };

  Status referred(const ReferredChunk& chunk, const TreeEntry& entry, const std::string& path) {
    if (chunk.kind == ChunkKind::data) return visit_(chunk, path);
    if (entry.directory() != nullptr) return {};  // walked after the entries beside it
    Listening nodes(*this, path);
    return for_each_entry<ManifestEntry>(nodes, chunk.id, [&](ManifestEntry&& piece) -> Result<bool> {
      if (const auto* extent = std::get_if<ChunkExtent>(&piece.extent))
        HF_OK(visit_({ChunkKind::data, extent->id, extent->length}, path));
      return true;
    });
  }

  ChunkSource& source_;
  const std::function<Status(const ReferredChunk&, const std::string&)>& visit_;
};

}  // namespace

Status for_each_chunk(ChunkSource& source, const Root& directory_root,
                      const std::function<Status(const ReferredChunk&, const std::string& path)>& visit) {
  return ChunkWalk(source, visit).directory(directory_root, "");
}

}  // namespace holdfast::space
