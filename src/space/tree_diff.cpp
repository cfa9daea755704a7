#include "space/tree_diff.h"

#include "space/tree_nodes.h"
#include "space/tree_rules.h"

namespace holdfast::space {

namespace {

// The entries of one folder in order; a node stays closed as long as nobody asks for what is in it.
class Cursor {
 public:
  Cursor(ChunkSource& source, const Root& root) : source_(source) {
    if (!root.is_zero()) waiting_.push_back({Closed{root, {}, std::nullopt}});
  }

  [[nodiscard]] bool done() const { return waiting_.empty(); }
  [[nodiscard]] bool closed() const { return !done() && std::holds_alternative<Closed>(waiting_.back()); }
  [[nodiscard]] const ChunkId& id() const { return std::get<Closed>(waiting_.back()).id; }
  // The top node's level and first name are not known before it is opened: it is opened first.
  [[nodiscard]] int level() const { return std::get<Closed>(waiting_.back()).level.value_or(tree_levels_max); }
  [[nodiscard]] const std::string& first_name() const { return std::get<Closed>(waiting_.back()).first_name; }
  [[nodiscard]] const TreeEntry& entry() const { return std::get<TreeEntry>(waiting_.back()); }

  void skip() { waiting_.pop_back(); }

  Result<TreeEntry> take() {
    TreeEntry out = std::get<TreeEntry>(std::move(waiting_.back()));
    waiting_.pop_back();
    HF_OK(check_entry(out));
    if (!last_name_.empty() && !(last_name_ < out.name))
      return fail(Code::Malformed, "a folder of a tree has its entries out of order", printable(out.name));
    last_name_ = out.name;
    return out;
  }

  // What is in the node takes its place.
  Status open() {
    const Closed node = std::get<Closed>(std::move(waiting_.back()));
    waiting_.pop_back();
    HF_TRY(Node loaded, load_node(source_, node.id));
    if (node.level && loaded.level != *node.level) return bad_node(node.id, "has another level than its parent says");
    const std::string* first = node.level ? &node.first_name : nullptr;
    const int level = loaded.level;
    if (level == 0) {
      HF_TRY(auto entries, items_of<TreeEntry>(std::move(loaded), node.id, true));
      if (!in_order(entries, &TreeEntry::name, first)) return bad_node(node.id, "has its entries out of order");
      for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) waiting_.emplace_back(std::move(*entry));
      return {};
    }
    HF_TRY(auto children, items_of<NamedChild>(std::move(loaded), node.id, false));
    if (!in_order(children, &NamedChild::first_name, first)) return bad_node(node.id, "has its children out of order");
    for (auto child = children.rbegin(); child != children.rend(); ++child)
      waiting_.emplace_back(Closed{child->node, std::move(child->first_name), level - 1});
    return {};
  }

 private:
  struct Closed {
    ChunkId id;
    std::string first_name;
    std::optional<int> level;
  };
  ChunkSource& source_;
  std::vector<std::variant<Closed, TreeEntry>> waiting_;  // the next one last
  std::string last_name_;
};

TreeEntry without_content(TreeEntry folder) {
  folder.content = DirectoryContent{};
  return folder;
}

class Diff {
 public:
  Diff(ChunkSource& before, ChunkSource& after, const std::function<Result<bool>(const TreeDifference&)>& visit)
      : before_(before), after_(after), visit_(visit) {}

  Result<bool> folders(const Root& before, const Root& after, const std::string& path) {
    if (before == after) return true;
    HF_OK(check_depth(path));
    Cursor left(before_, before), right(after_, after);
    while (!left.done() || !right.done()) {
      if (left.closed() && right.closed() && left.id() == right.id()) {
        left.skip();
        right.skip();
        continue;
      }
      HF_TRY(const bool opened, open_one(left, right));
      if (opened) continue;
      HF_TRY(const bool go_on, next_entries(left, right, path));
      if (!go_on) return false;
    }
    return true;
  }

 private:
  // Opens a node in which something may meet what the other side has next. False: both sides' next are entries, or the
  // node begins behind the other side's entry.
  static Result<bool> open_one(Cursor& left, Cursor& right) {
    if (left.closed() && right.closed()) {
      const bool same_level = left.level() == right.level();
      const bool open_left = same_level ? left.first_name() <= right.first_name() : left.level() > right.level();
      const bool open_right = same_level ? right.first_name() <= left.first_name() : !open_left;
      if (open_left) HF_OK(left.open());
      if (open_right) HF_OK(right.open());
      return true;
    }
    for (Cursor* side : {&left, &right}) {
      Cursor& other = side == &left ? right : left;
      if (!side->closed() || (!other.done() && other.entry().name < side->first_name())) continue;
      HF_OK(side->open());
      return true;
    }
    return false;
  }

  Result<bool> next_entries(Cursor& left, Cursor& right, const std::string& path) {
    const bool left_first =
        right.done() || right.closed() || (!left.done() && !left.closed() && left.entry().name < right.entry().name);
    const bool right_first =
        left.done() || left.closed() || (!right.done() && !right.closed() && right.entry().name < left.entry().name);
    if (left_first) {
      HF_TRY(const TreeEntry entry, left.take());
      return only(before_, join_path(path, entry.name), entry, true);
    }
    if (right_first) {
      HF_TRY(const TreeEntry entry, right.take());
      return only(after_, join_path(path, entry.name), entry, false);
    }
    HF_TRY(const TreeEntry before, left.take());
    HF_TRY(const TreeEntry after, right.take());
    return both(join_path(path, before.name), before, after);
  }

  Result<bool> both(const std::string& path, const TreeEntry& before, const TreeEntry& after) {
    const auto* old_folder = before.directory();
    const auto* new_folder = after.directory();
    if (old_folder != nullptr && new_folder != nullptr) {
      if (without_content(before) != without_content(after)) {
        HF_TRY(const bool go_on, visit_({path, &before, &after}));
        if (!go_on) return false;
      }
      return folders(old_folder->root, new_folder->root, path);
    }
    if (before == after) return true;
    if (old_folder == nullptr && new_folder == nullptr) return visit_({path, &before, &after});
    HF_TRY(const bool go_on, only(before_, path, before, true));
    return go_on ? only(after_, path, after, false) : Result<bool>(false);
  }

  // The entry itself and all below it.
  Result<bool> only(ChunkSource& source, const std::string& path, const TreeEntry& entry, bool is_before) {
    HF_TRY(const bool go_on,
           visit_(is_before ? TreeDifference{path, &entry, nullptr} : TreeDifference{path, nullptr, &entry}));
    if (!go_on || entry.directory() == nullptr) return go_on;
    HF_OK(check_depth(path));
    std::vector<TreeEntry> inside;
    HF_OK(read_folder(source, entry.directory()->root, inside));
    for (const TreeEntry& one : inside) {
      HF_TRY(const bool further, only(source, join_path(path, one.name), one, is_before));
      if (!further) return false;
    }
    return true;
  }

  ChunkSource& before_;
  ChunkSource& after_;
  const std::function<Result<bool>(const TreeDifference&)>& visit_;
};

}  // namespace

Status diff_trees(ChunkSource& before_source, const Root& before, ChunkSource& after_source, const Root& after,
                  const std::function<Result<bool>(const TreeDifference&)>& visit) {
  HF_OK(Diff(before_source, after_source, visit).folders(before, after, ""));
  return {};
}

}  // namespace holdfast::space
