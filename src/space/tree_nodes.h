// One node as it comes from a source: decoded, and held to what any node must be. Internal to tree*.cpp.
#pragma once

#include <algorithm>

#include "space/tree.h"

namespace holdfast::space {

inline std::unexpected<Error> bad_node(const ChunkId& id, std::string_view why) {
  return fail(Code::Malformed, "a node of a tree " + std::string(why), "node " + id.short_hex());
}

inline Result<Node> load_node(ChunkSource& source, const ChunkId& id) {
  HF_TRY(const Bytes bytes, source.chunk(ChunkKind::node, id));
  if (bytes.size() > node_bytes_max) return bad_node(id, "is too large");
  auto node = decode<Node>(bytes, "a node of a tree");
  if (!node) return bad_node(id, "is not in the form that it must have");
  if (node->level >= tree_levels_max) return bad_node(id, "has an impossible level");
  return node;
}

// The items of a node that must be a leaf or an inner node of this kind of tree.
template <class Item>
Result<std::vector<Item>> items_of(Node&& node, const ChunkId& id, bool leaf) {
  auto* items = std::get_if<std::vector<Item>>(&node.items);
  if (items == nullptr || items->empty() || (node.level == 0) != leaf)
    return bad_node(id, "is of another kind than its place asks for");
  return std::move(*items);
}

// Strictly ascending names, which begin with the one that the parent gives.
template <class Item>
bool in_order(const std::vector<Item>& items, std::string Item::* name, const std::string* first_expected) {
  const auto not_ascending = [&](const Item& a, const Item& b) { return !(a.*name < b.*name); };
  return (first_expected == nullptr || items.front().*name == *first_expected) &&
         std::ranges::adjacent_find(items, not_ascending) == items.end();
}

}  // namespace holdfast::space
