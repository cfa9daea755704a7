#include "space/ingest.h"

namespace holdfast::space {

namespace {

// One job of ids: long enough that handing it over costs nothing, short enough to spread.
constexpr std::size_t id_batch_bytes = 1024 * 1024;
constexpr std::size_t id_batch_chunks = 256;

IngestLimits for_workers(IngestLimits limits, unsigned workers) {
  if (limits.bytes_held_max == 0) limits.bytes_held_max = block_bytes_joined_max * (std::size_t{2} * workers);
  return limits;
}

std::vector<ChunkId> ids_of(const crypto::Hmac& key, std::span<const ByteView> chunks) {
  std::vector<ChunkId> out;
  out.reserve(chunks.size());
  for (const ByteView chunk : chunks) out.push_back(chunk_id(key, ChunkKind::data, chunk));
  return out;
}

}  // namespace

Ingest::Ingest(IngestContext context, IngestLimits limits)
    : context_(std::move(context)),
      limits_(for_workers(limits, context_.workers.count())),
      chunker_(context_.chunker),
      data_{Packer(PackKind::data, context_.origin), {}},
      nodes_{Packer(PackKind::nodes, context_.origin), {}},
      jobs_(context_.workers) {}

Ingest::~Ingest() = default;

Status Ingest::add_chunk(std::uint64_t token, Bytes chunk) {
  HF_OK(state());
  const std::size_t size = chunk.size();
  if (size > chunk_bytes_max) return fail(Code::TooLarge, "a chunk is larger than 4 MiB");
  hold(size);
  if (gathered_bytes_ + size > id_batch_bytes) submit_ids();
  gathered_.push_back({token, std::make_shared<const Bytes>(std::move(chunk))});
  gathered_bytes_ += size;
  if (gathered_bytes_ >= id_batch_bytes || gathered_.size() >= id_batch_chunks) submit_ids();
  throttle();
  return state();
}

Result<std::size_t> Ingest::add_window(std::uint64_t token, ByteView window, bool ends) {
  std::size_t taken = 0;
  while (taken < window.size()) {
    const ByteView rest = window.subspan(taken);
    const std::size_t size = chunker_.cut(rest);
    const bool certain = size < rest.size() || size == chunk_bytes_max || ends;
    if (!certain) break;
    HF_OK(add_chunk(token, to_bytes(rest.first(size))));
    taken += size;
  }
  return taken;
}

Status Ingest::add_node(const ChunkId& id, Bytes node) {
  HF_OK(state());
  if (node.size() > block_plain_max) return fail(Code::TooLarge, "a node is larger than 4 MiB");
  ++stats_.nodes;
  if (!context_.known(id) && added_.insert(id).second) {
    ++stats_.nodes_new;
    stats_.node_bytes_new += node.size();
    hold(node.size());
    append_chunk(nodes_, id, std::make_shared<const Bytes>(std::move(node)));
    if (!in_callback_) throttle();
  }
  return state();
}

Status Ingest::settle() {
  submit_ids();
  while (!error_ && !identifying_.empty()) wait_for_one();
  return state();
}

Status Ingest::finish() {
  HF_OK(settle());
  for (Lane* lane : {&data_, &nodes_}) close_block(*lane);
  while (!error_ && !compressing_.empty()) wait_for_one();
  for (Lane* lane : {&data_, &nodes_}) {
    for (ReadyPack& pack : lane->packer.finish()) {
      while (!error_ && sealing_.size() >= limits_.packs_sealing_max) wait_for_one();
      HF_OK(state());
      seal(std::move(pack));
      HF_OK(state());
    }
  }
  while (!error_ && !sealing_.empty()) wait_for_one();
  return state();
}

void Ingest::submit_ids() {
  if (gathered_.empty()) return;
  IdBatch& batch =
      identifying_.emplace_back(std::make_shared<const std::vector<Item>>(std::move(gathered_)), std::nullopt);
  gathered_.clear();
  gathered_bytes_ = 0;
  const RequestId request_id = jobs_.submit([key = &context_.chunk_id, items = batch.items]() -> Done {
    std::vector<ByteView> chunks;
    chunks.reserve(items->size());
    for (const Item& item : *items) chunks.emplace_back(*item.chunk);
    return ids_of(*key, chunks);
  });
  arrivals_.emplace(request_id, [&batch](Done done) { batch.ids = std::get<std::vector<ChunkId>>(std::move(done)); });
}

void Ingest::append_chunk(Lane& lane, const ChunkId& id, Chunk chunk) {
  const std::size_t size = chunk->size();
  const bool joins = lane.block.bytes + size <= block_bytes_joined_max && lane.block.chunks.size() < block_chunks_max;
  if (!joins) close_block(lane);
  lane.block.chunks.push_back(
      {id, 0, {static_cast<std::uint32_t>(lane.block.bytes)}, {static_cast<std::uint32_t>(size)}});
  lane.block.pieces.push_back(std::move(chunk));
  lane.block.bytes += size;
  if (lane.block.bytes >= block_bytes_joined_max) close_block(lane);
}

void Ingest::close_block(Lane& lane) {
  OpenBlock block = std::exchange(lane.block, {});
  if (block.chunks.empty()) return;
  Compressing& place = compressing_.emplace_back(Compressing{&lane, block.bytes, std::nullopt});
  const RequestId request_id = jobs_.submit([block = std::move(block), level = context_.zstd_level]() mutable -> Done {
    std::vector<ByteView> pieces;
    pieces.reserve(block.pieces.size());
    for (const Chunk& piece : block.pieces) pieces.emplace_back(*piece);
    CompressedBlock out = compress_pieces(pieces, std::move(block.chunks), level);
    block.pieces.clear();
    return out;
  });
  arrivals_.emplace(request_id, [&place](Done done) { place.block = std::get<CompressedBlock>(std::move(done)); });
}

void Ingest::seal(ReadyPack pack) {
  fail_with(context_.before_pack());
  if (error_) return;
  Sealing& place = sealing_.emplace_back();
  // std::move_only_function takes a job that can't be copied; PackRandom holds what sealing would draw.
  const RequestId request_id =
      jobs_.submit([pack = std::move(pack), drawn = PackRandom(context_.random), key = &context_.pack_key,
                    space = context_.space, epoch = context_.epoch]() mutable -> Done {
        return std::move(pack.builder).finish(*key, space, epoch, pack.size, drawn);
      });
  arrivals_.emplace(request_id, [&place](Done done) { place = std::get<Result<SealedPack>>(std::move(done)); });
}

// Each of the next three moves the first of its stage on, if it is ready; false: it is not.

bool Ingest::deliver_first() {
  if (sealing_.empty() || !sealing_.front()) return false;
  Result<SealedPack> sealed = *std::move(sealing_.front());
  sealing_.pop_front();
  if (!sealed) {
    fail_with(pass_on(std::move(sealed).error()));
    return false;
  }
  ++stats_.packs;
  stats_.blocks += sealed->info.blocks.size();
  stats_.bytes_stored += sealed->object->size();
  std::vector<ChunkId> ids;
  ids.reserve(sealed->chunks.size());
  for (const PackedChunk& chunk : sealed->chunks) ids.push_back(chunk.id);
  fail_with(context_.deliver(*std::move(sealed)));
  for (const ChunkId& id : ids) added_.erase(id);
  return !error_;
}

bool Ingest::pack_first() {
  if (compressing_.empty() || !compressing_.front().block || sealing_.size() >= limits_.packs_sealing_max) return false;
  Compressing first = std::move(compressing_.front());
  compressing_.pop_front();
  release(first.held);
  // Much waits already: the memory of a pack that is on its way is needed for the rest of the next one.
  if (data_.packer.bytes_held() + nodes_.packer.bytes_held() > limits_.waiting_beside_packs_max) {
    fail_with(context_.before_pack());
    if (error_) return false;
  }
  if (auto closed = first.lane->packer.add(*std::move(first.block))) seal(*std::move(closed));
  return true;
}

bool Ingest::identify_first() {
  if (identifying_.empty() || !identifying_.front().ids) return false;
  const IdBatch first = std::move(identifying_.front());
  identifying_.pop_front();
  for (std::size_t i = 0; i < first.items->size() && !error_; ++i) {
    const auto& [token, chunk] = (*first.items)[i];
    const ChunkId& id = (*first.ids)[i];
    ++stats_.chunks;
    stats_.bytes += chunk->size();
    if (context_.known(id) || !added_.insert(id).second) {
      release(chunk->size());
    } else {
      ++stats_.chunks_new;
      stats_.bytes_new += chunk->size();
      append_chunk(data_, id, chunk);
    }
    fail_with(context_.on_chunk(token, id, static_cast<std::uint32_t>(chunk->size())));
  }
  return !error_;
}

void Ingest::advance() {
  in_callback_ = true;
  while (!error_ && (deliver_first() || pack_first() || identify_first())) {
  }
  in_callback_ = false;
}

void Ingest::wait_for_one() {
  auto [request_id, done] = jobs_.next();
  arrivals_.extract(request_id).mapped()(std::move(done));
  advance();
}

void Ingest::throttle() {
  while (!error_ && stats_.bytes_held > limits_.bytes_held_max && jobs_.in_flight() > 0) wait_for_one();
}

void Ingest::hold(std::size_t bytes) {
  stats_.bytes_held += bytes;
  stats_.bytes_held_most = std::max(stats_.bytes_held_most, stats_.bytes_held);
}

void Ingest::fail_with(Status status) {
  if (!status && !error_) error_ = std::move(status).error();
}

Status Ingest::state() const {
  if (error_) return pass_on(*error_);
  return {};
}

}  // namespace holdfast::space
