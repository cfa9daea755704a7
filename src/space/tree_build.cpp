#include <algorithm>

#include "space/tree_rules.h"

namespace holdfast::space {

namespace {

// A node that is being filled, at one level.
struct OpenNode {
  Bytes items;  // encoded, one after the other
  std::string first_key;
  std::size_t count = 0;
  std::uint64_t entries = 0, bytes = 0;
};

Bytes encode_node(std::uint8_t level, std::uint8_t alternative, ByteView items) {
  Writer out(items.size() + 8);
  out.u8(level);
  out.u8(alternative);
  out.length(items.size());
  out.raw(items);
  return std::move(out).take();
}

constexpr std::size_t node_head_bytes_max = 2 + 4;

}  // namespace

template <class Entry>
struct TreeBuilder<Entry>::State {
  using Rules = TreeRules<Entry>;
  using Child = typename Rules::Child;

  const RootKeys& keys;
  NodeSink sink;
  std::vector<OpenNode> levels;
  std::string last_key;
  bool any = false;

  // `cut`: the node ends after this item.
  Status append(std::size_t level, ByteView item, std::string key, std::uint64_t entries, std::uint64_t bytes,
                bool cut) {
    if (levels.size() <= level) levels.emplace_back();
    if (level >= static_cast<std::size_t>(tree_levels_max)) return fail(Code::TooLarge, "a tree has too many levels");
    if (levels[level].count > 0 && levels[level].items.size() + item.size() + node_head_bytes_max > node_bytes_max)
      HF_OK(close(level));
    OpenNode& node = levels[level];
    if (node.count == 0) node.first_key = std::move(key);
    holdfast::append(node.items, item);
    ++node.count;
    node.entries += entries;
    node.bytes += bytes;
    return cut ? close(level) : Status();
  }

  Result<Child> emit(std::size_t level) {
    OpenNode& node = levels[level];
    const std::uint8_t alternative = level == 0 ? Rules::leaf_alternative : Rules::child_alternative;
    Bytes encoded = encode_node(static_cast<std::uint8_t>(level), alternative, node.items);
    if (encoded.size() > node_bytes_max)
      return fail(Code::TooLarge, "an entry of a tree is too large", printable(node.first_key));
    const ChunkId id = chunk_id(keys.chunk_id, ChunkKind::node, encoded);
    Child child = Rules::make_child(node.first_key, id, node.entries, node.bytes);
    HF_OK(sink(id, std::move(encoded)));
    node = {};
    return child;
  }

  Status close(std::size_t level) {
    HF_TRY(const Child child, emit(level));
    const Bytes item = encode(child);
    const bool cut = Rules::cut_after(keys.node, child, static_cast<std::uint8_t>(level + 1), item.size());
    return append(level + 1, item, Rules::child_key(child), child.entries, child.bytes, cut);
  }
};

template <class Entry>
TreeBuilder<Entry>::TreeBuilder(const RootKeys& keys, NodeSink sink)
    : state_(new State{keys, std::move(sink), {}, {}, false}) {}
template <class Entry>
TreeBuilder<Entry>::TreeBuilder(std::unique_ptr<State> state) : state_(std::move(state)) {}
template <class Entry>
TreeBuilder<Entry> TreeBuilder<Entry>::fork() const {
  return TreeBuilder(std::make_unique<State>(*state_));
}
template <class Entry>
TreeBuilder<Entry>::~TreeBuilder() = default;
template <class Entry>
TreeBuilder<Entry>::TreeBuilder(TreeBuilder&&) noexcept = default;

template <class Entry>
Status TreeBuilder<Entry>::add(const Entry& entry) {
  using Rules = TreeRules<Entry>;
  HF_OK(Rules::check(entry));
  std::string key = Rules::key(entry);
  if (Rules::ordered && state_->any && !(state_->last_key < key))
    return fail(Code::InvalidArgument, "entries of a tree must come in order", printable(key));
  state_->any = true;
  if (Rules::ordered) state_->last_key = key;
  const Bytes item = encode(entry);
  return state_->append(0, item, std::move(key), Rules::entries(entry), Rules::bytes(entry),
                        Rules::cut_after(state_->keys.node, entry, item.size()));
}

// Closes what is open from below; the first level that has one node only, and none above, is the root.
template <class Entry>
Result<BuiltTree> TreeBuilder<Entry>::finish() {
  if (!state_->any) return BuiltTree{};
  for (std::size_t level = 0;; ++level) {
    OpenNode& node = state_->levels[level];
    const bool top = level + 1 == state_->levels.size();
    if (top && level > 0 && node.count == 1) {  // the only node of the level below, already written
      HF_TRY(const auto child, decode<typename TreeRules<Entry>::Child>(node.items, "a tree's node"));
      return BuiltTree{child.node, child.entries, child.bytes};
    }
    if (top) {
      HF_TRY(const auto child, state_->emit(level));
      return BuiltTree{child.node, child.entries, child.bytes};
    }
    if (node.count > 0) HF_OK(state_->close(level));
  }
}

template class TreeBuilder<TreeEntry>;
template class TreeBuilder<Snapshot>;
template class TreeBuilder<ManifestEntry>;

}  // namespace holdfast::space
