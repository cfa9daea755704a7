#include "backup/assembly.h"

#include <algorithm>

namespace holdfast::backup {

Assembly::Assembly(const space::RootKeys& keys, space::NodeSink nodes, FileStateWriter* state, const Mapping* old)
    : keys_(keys), nodes_(std::move(nodes)), state_(state), old_(old) {
  frames_.emplace_back();
}

Assembly::Item& Assembly::put(Item::Kind kind) {
  Item& added = line_.emplace_back();
  added.kind = kind;
  ++next_token_;
  return added;
}

// REQUIRES: the item has not been handed on
Assembly::Item& Assembly::item(std::uint64_t token) { return line_.at((token & ~attributes_bit) - first_token_); }

std::uint64_t Assembly::begin_folder(space::TreeEntry entry, const Seen& seen) {
  Item& added = put(Item::Kind::begin);
  added.tree = std::move(entry);
  added.seen = seen;
  return next_token_ - 1;
}

void Assembly::end_folder() { put(Item::Kind::end); }

std::uint64_t Assembly::entry(space::TreeEntry entry, const Seen& seen) {
  Item& added = put(Item::Kind::entry);
  added.tree = std::move(entry);
  added.seen = seen;
  return next_token_ - 1;
}

std::uint64_t Assembly::file(space::TreeEntry entry, const Seen& seen, std::vector<Range> holes) {
  Item& added = put(Item::Kind::entry);
  added.tree = std::move(entry);
  added.seen = seen;
  added.reading = true;
  added.holes = std::move(holes);
  return next_token_ - 1;
}

void Assembly::old_records(ByteView records) {
  if (!line_.empty() && line_.back().kind == Item::Kind::old &&
      line_.back().records.data() + line_.back().records.size() == records.data()) {
    ByteView& before = line_.back().records;
    before = {before.data(), before.size() + records.size()};
    return;
  }
  put(Item::Kind::old).records = records;
}

std::uint64_t Assembly::folder_inside_unchanged(space::TreeEntry entry, const Seen& seen, ByteView inside) {
  Item& added = put(Item::Kind::folder);
  added.tree = std::move(entry);
  added.seen = seen;
  added.records = inside;
  return next_token_ - 1;
}

void Assembly::expect_attributes(std::uint64_t token, std::uint32_t length) {
  Item& owner = item(token);
  ++owner.attributes_due;
  owner.attributes_in_chunk = true;
  owner.tree.attributes = space::AttributesChunk{{}, length};
}

void Assembly::describe_again(std::uint64_t token, space::TreeEntry entry, const Seen& seen) {
  Item& file = item(token);
  file.tree = std::move(entry);
  file.seen = seen;
  file.attributes_in_chunk = false;
}

Status Assembly::chunk(std::uint64_t token, const ChunkId& id, std::uint32_t length) {
  Item& owner = item(token);
  if ((token & attributes_bit) != 0) {
    if (--owner.attributes_due == 0 && owner.attributes_in_chunk)
      owner.tree.attributes = space::AttributesChunk{id, length};
    return {};
  }
  owner.data_bytes += length;
  if (owner.dropped) return {};
  HF_OK(place_holes(owner, owner.position));
  HF_OK(piece(owner, {space::ChunkExtent{id, length}}));
  owner.position += length;
  return {};
}

Status Assembly::place_holes(Item& file, std::uint64_t until) {
  while (file.holes_placed < file.holes.size() && file.holes[file.holes_placed].offset <= until) {
    const Range& hole = file.holes[file.holes_placed++];
    HF_OK(piece(file, {space::HoleExtent{hole.size}}));
    file.position += hole.size;
    until = std::max(until, file.position);
  }
  return {};
}

Status Assembly::piece(Item& file, space::ManifestEntry entry) {
  if (!file.manifest && !file.only) {
    file.only = entry;
    return {};
  }
  if (!file.manifest) {
    file.manifest = std::make_unique<space::TreeBuilder<space::ManifestEntry>>(keys_, nodes_);
    HF_OK(file.manifest->add(*file.only));
  }
  return file.manifest->add(entry);
}

Status Assembly::file_read(std::uint64_t token, std::uint64_t data_bytes, std::uint64_t size) {
  Item& file = item(token);
  file.all_given = true;
  file.data_bytes_due = data_bytes;
  file.size = size;
  return {};
}

void Assembly::drop(std::uint64_t token) {
  Item& file = item(token);
  file.dropped = true;
  file.all_given = true;
  file.reading = false;
}

// A file that is one chunk names it; one with several pieces, or with holes, has a manifest.
Status Assembly::close_file(Item& file) {
  if (file.position < file.size) {
    HF_OK(place_holes(file, file.position));
    if (file.position < file.size) {  // it was cut short while it was read, in a hole
      HF_OK(piece(file, {space::HoleExtent{file.size - file.position}}));
      file.position = file.size;
    }
  }
  space::FileContent content{file.position, space::EmptyFile{}};
  const auto* one = file.only && !file.manifest ? std::get_if<space::ChunkExtent>(&file.only->extent) : nullptr;
  if (one != nullptr) {
    content.data = space::OneChunk{one->id};
  } else if (file.only) {
    if (!file.manifest) {
      file.manifest = std::make_unique<space::TreeBuilder<space::ManifestEntry>>(keys_, nodes_);
      HF_OK(file.manifest->add(*file.only));
    }
    HF_TRY(const auto built, file.manifest->finish());
    content.data = space::ManifestRoot{built.root};
  }
  file.tree.content = content;
  return {};
}

Status Assembly::advance() {
  while (!line_.empty() && line_.front().complete()) {
    HF_OK(hand_on(line_.front()));
    line_.pop_front();
    ++first_token_;
  }
  return {};
}

Status Assembly::hand_on(Item& item) {
  switch (item.kind) {
    case Item::Kind::begin:
      if (state_ != nullptr) state_->begin_folder(item.tree.name, item.seen);
      frames_.push_back({std::move(item.tree), {}});
      return {};
    case Item::Kind::end: {
      HF_TRY(const auto built, build(std::move(frames_.back().held)));
      space::TreeEntry entry = std::move(frames_.back().entry);
      frames_.pop_back();
      entry.content = space::DirectoryContent{built.root, built.entries, built.bytes};
      if (state_ != nullptr) state_->end_folder(entry);
      frames_.back().held.push_back(std::move(entry));
      return {};
    }
    case Item::Kind::entry:
      if (item.dropped) return {};
      if (item.reading) HF_OK(close_file(item));
      if (state_ != nullptr) state_->entry(item.tree.name, item.seen, item.tree);
      frames_.back().held.push_back(std::move(item.tree));
      return {};
    case Item::Kind::old:
      if (state_ != nullptr) state_->copy(item.records, old_);
      return replay(item.records);
    case Item::Kind::folder:
      if (state_ != nullptr) {
        state_->begin_folder(item.tree.name, item.seen);
        state_->copy(item.records, old_);
        state_->end_folder(item.tree);
      }
      frames_.back().held.push_back(std::move(item.tree));
      return {};
  }
  return {};
}

Status Assembly::replay(ByteView bytes) {
  OldRecords records(bytes, old_);
  for (; const OldRecord* record = records.current(); records.next()) {
    HF_TRY(auto entry, decode<space::TreeEntry>(record->entry, "what the last backup saw of an entry"));
    frames_.back().held.push_back(std::move(entry));
  }
  return {};
}

Result<space::BuiltTree> Assembly::so_far() {
  std::optional<space::TreeEntry> below;
  // A large file that is being read: as far as it is.
  if (!line_.empty() && line_.front().reading && line_.front().manifest) {
    HF_TRY(const auto built, line_.front().manifest->fork().finish());
    below = line_.front().tree;
    below->content = space::FileContent{line_.front().position, space::ManifestRoot{built.root}};
  }
  for (std::size_t depth = frames_.size(); depth-- > 0;) {
    std::vector<space::TreeEntry> entries = frames_[depth].held;
    if (below) entries.push_back(*std::move(below));
    HF_TRY(const auto built, build(std::move(entries)));
    if (depth == 0) return built;
    below = frames_[depth].entry;
    below->content = space::DirectoryContent{built.root, built.entries, built.bytes};
  }
  return space::BuiltTree{};
}

Result<space::BuiltTree> Assembly::finish() {
  HF_OK(advance());
  if (!line_.empty() || frames_.size() != 1)
    return fail(Code::Internal, "a backup ended with entries that were never completed");
  return build(std::move(frames_[0].held));
}

Result<space::BuiltTree> Assembly::build(std::vector<space::TreeEntry> entries) {
  std::ranges::sort(entries, {}, &space::TreeEntry::name);
  space::TreeBuilder<space::TreeEntry> builder(keys_, nodes_);
  for (const space::TreeEntry& entry : entries) HF_OK(builder.add(entry));
  return builder.finish();
}

}  // namespace holdfast::backup
