#include "backup/intake.h"

namespace holdfast::backup {

namespace {

constexpr std::uint64_t told_before = 0;  // the token of what was held back: no item of a run has it

}  // namespace

KeptNodes::KeptNodes(Files& files, Random& random, const Path& folder)
    : files_(files), path_(join_path(folder, "nodes-" + to_hex(random.make<ObjectId>().view()))) {}

Status KeptNodes::open() {
  HF_OK(files_.make_directories(Path(parent_of(path_))));
  HF_TRY(file_, files_.open(path_, OpenMode::create_new));
  return files_.remove(path_);
}

Status KeptNodes::add(const ChunkId& id, ByteView node) {
  if (has(id)) return {};
  if (!file_) HF_OK(open());
  HF_OK(file_->write_at(end_, node));
  places_.emplace(id, Range{end_, node.size()});
  end_ += node.size();
  return {};
}

Result<Bytes> KeptNodes::get(const ChunkId& id) {
  const Range place = places_.at(id);
  Bytes node(place.size);
  HF_TRY(const std::size_t got, file_->read_at(place.offset, node));
  if (got != place.size) return fail(Code::IoError, "a file that this command writes was cut short", printable(path_));
  return node;
}

Intake::Intake(space::IngestContext context, std::size_t hold_bytes_max, KeptNodes* kept)
    : context_(std::move(context)), hold_bytes_max_(hold_bytes_max), kept_(kept) {
  const auto told = [on_chunk = context_.on_chunk](std::uint64_t token, const ChunkId& id, std::uint32_t length) {
    return token == told_before ? Status() : on_chunk(token, id, length);
  };
  context_.on_chunk = told;
}

// From here on everything goes into packs; what was held back first.
Status Intake::open() {
  if (ingest_) return {};
  ingest_.emplace(context_);
  for (Held& held : std::exchange(held_, {}))
    HF_OK(held.kind == space::ChunkKind::node ? add_node(held.id, std::move(held.bytes))
                                              : ingest_->add_chunk(told_before, std::move(held.bytes)));
  return {};
}

Status Intake::add_chunk(std::uint64_t token, Bytes chunk) {
  if (!fits(chunk.size())) {
    HF_OK(open());
    return ingest_->add_chunk(token, std::move(chunk));
  }
  const auto length = static_cast<std::uint32_t>(chunk.size());
  const ChunkId id = space::chunk_id(context_.chunk_id, space::ChunkKind::data, chunk);
  held_bytes_ += length;
  held_.push_back({space::ChunkKind::data, id, std::move(chunk)});
  return context_.on_chunk(token, id, length);
}

Result<std::size_t> Intake::add_window(std::uint64_t token, ByteView window, bool ends) {
  HF_OK(open());
  return ingest_->add_window(token, window, ends);
}

Status Intake::add_node(const ChunkId& id, Bytes node) {
  if (fits(node.size())) {
    held_bytes_ += node.size();
    held_.push_back({space::ChunkKind::node, id, std::move(node)});
    return {};
  }
  HF_OK(open());
  if (kept_ != nullptr) HF_OK(kept_->add(id, node));
  return ingest_->add_node(id, std::move(node));
}

Status Intake::settle() { return ingest_ ? ingest_->settle() : Status(); }
Status Intake::finish() { return ingest_ ? ingest_->finish() : Status(); }

}  // namespace holdfast::backup
