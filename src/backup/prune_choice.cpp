#include "backup/prune_choice.h"

#include <algorithm>
#include <bit>

#include "space/packer.h"

namespace holdfast::backup {

namespace {

// A block of a new pack, as Repack joins it.
struct NewBlock {
  std::size_t stored = 0, plain = 0, chunks = 0;
};

// A part of a block is taken to shrink as the whole of it did.
std::size_t stored_bytes(const space::Record& record, const space::PackInfo& pack) {
  const std::size_t length = record.length.value;
  if (record.block >= pack.blocks.size()) return length;
  const auto& block = pack.blocks[record.block];
  const std::size_t stored = block.stored.value - std::min<std::size_t>(block.stored.value, crypto::tag_size);
  const std::size_t plain = block.plain.value;
  return stored >= plain ? length : (length * stored + plain - 1) / plain;
}

std::vector<NewBlock> blocks_of(const SparsePack& pack) {
  std::vector<NewBlock> out;
  for (const space::Record& record : pack.needed) {
    const std::size_t length = record.length.value;
    const bool full = out.empty() || out.back().plain + length > space::block_bytes_joined_max ||
                      out.back().chunks >= space::block_chunks_max;
    if (full) out.emplace_back();
    out.back().stored += stored_bytes(record, pack.use.info);
    out.back().plain += length;
    ++out.back().chunks;
  }
  return out;
}

std::uint64_t last_pack_bytes(std::uint64_t used) {
  return std::max<std::uint64_t>(space::padme(used), space::pack_bytes_min);
}

// What new packs of one kind take up when so much was put into them: near enough to choose by.
class Growth {
 public:
  void add(const SparsePack& pack) {
    for (const NewBlock& block : blocks_of(pack))
      bytes_ += space::pack_bytes_used(1, block.stored + crypto::tag_size, block.chunks, 0) -
                space::pack_bytes_used(0, 0, 0, 0);
  }
  [[nodiscard]] std::uint64_t bytes() const {
    const std::uint64_t head = space::pack_bytes_used(0, 0, 0, 0), room = space::pack_bytes_max - head;
    const std::uint64_t rest = bytes_ % room;
    return bytes_ / room * space::pack_bytes_max + (rest == 0 ? 0 : last_pack_bytes(head + rest));
  }

 private:
  std::uint64_t bytes_ = 0;
};

// The same to the byte, by packers that get blocks of these sizes.
class NewPacks {
 public:
  void add(const SparsePack& pack) {
    for (const NewBlock& block : blocks_of(pack)) {
      space::CompressedBlock sized{Bytes(block.stored), static_cast<std::uint32_t>(block.plain),
                                   std::vector<space::PackedChunk>(block.chunks)};
      auto& packer = pack.use.info.kind == space::PackKind::nodes ? nodes_ : data_;
      if (const auto full = packer.add(std::move(sized))) count(*full);
    }
  }
  void seal() {
    for (space::Packer* packer : {&data_, &nodes_})
      for (const auto& last : packer->finish()) count(last);
    packs_ = 0;
  }
  [[nodiscard]] std::size_t packs() const { return packs_; }  // since the last seal()
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  void count(const space::ReadyPack& pack) {
    ++packs_;
    bytes_ += pack.size == space::PackBuilder::Size::full ? space::pack_bytes_max
                                                          : last_pack_bytes(pack.builder.bytes_used());
  }
  space::Packer data_{space::PackKind::data, "prune"}, nodes_{space::PackKind::nodes, "prune"};
  std::size_t packs_ = 0;
  std::uint64_t bytes_ = 0;
};

std::uint64_t bytes_of_copies(const std::vector<SparsePack>& packs, const RepackLimits& limits) {
  NewPacks out;
  std::size_t in_commit = limits.commit_packs_max == 0 ? 0 : limits.dead % limits.commit_packs_max;
  for (auto pack = packs.rbegin(); pack != packs.rend(); ++pack) {
    if (in_commit == limits.commit_packs_max || out.packs() >= limits.commit_copies_max) {
      out.seal();
      in_commit = 0;
    }
    out.add(*pack);
    ++in_commit;
  }
  out.seal();
  return out.bytes();
}

// Of the part of the index that names new packs, if nothing older goes for it (M2).
std::uint64_t index_bytes(const std::vector<SparsePack>& packs) {
  constexpr std::uint64_t pack_entry_bytes = 128, block_entry_bytes = wire::fixed_size<space::BlockSize>();
  std::uint64_t bytes = space::pack_bytes_used(1, 0, 0, 0);
  for (const SparsePack& pack : packs)
    bytes += pack_entry_bytes + pack.needed.size() * (space::record_bytes + block_entry_bytes);
  return std::max<std::uint64_t>(std::bit_ceil(bytes), space::pack_bytes_min);
}

bool frees_something(const std::vector<SparsePack>& packs, std::uint64_t bytes_new) {
  std::uint64_t freed = 0;
  for (const SparsePack& pack : packs) freed += pack.object_bytes;
  return !packs.empty() && freed > bytes_new + index_bytes(packs);
}

// Of one kind, the deadest first: as many as free most together.
void keep_best(std::vector<SparsePack>& packs) {
  Growth growth;
  std::uint64_t freed = 0, best = 0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < packs.size(); ++i) {
    growth.add(packs[i]);
    freed += packs[i].object_bytes;
    const std::uint64_t bytes = growth.bytes();
    if (freed <= bytes || freed - bytes <= best) continue;
    best = freed - bytes;
    count = i + 1;
  }
  packs.resize(count);
}

bool is_deader(const SparsePack& left, const SparsePack& right) {
  const PackUse &a = left.use, &b = right.use;
  return std::tuple(a.bytes_needed * b.bytes, a.info.object) < std::tuple(b.bytes_needed * a.bytes, b.info.object);
}

}  // namespace

RepackChoice choose_packs_to_copy(std::vector<SparsePack> sparse, const RepackLimits& limits) {
  std::ranges::sort(sparse, is_deader);
  std::vector<SparsePack> nodes, data;
  for (SparsePack& pack : sparse)
    (pack.use.info.kind == space::PackKind::nodes ? nodes : data).push_back(std::move(pack));
  keep_best(nodes);
  keep_best(data);
  std::vector<SparsePack> worth_it = std::move(data);
  std::ranges::move(nodes, std::back_inserter(worth_it));
  std::ranges::sort(worth_it, is_deader);

  RepackChoice out;
  if (!frees_something(worth_it, bytes_of_copies(worth_it, limits))) return out;
  const std::size_t count = worth_it.size();
  std::uint64_t left = limits.bytes_max;
  for (SparsePack& pack : worth_it) {
    if (pack.object_bytes > left) continue;
    left -= pack.object_bytes;
    out.packs.push_back(std::move(pack));
  }
  out.bytes_new = bytes_of_copies(out.packs, limits);
  if (!frees_something(out.packs, out.bytes_new)) {
    out.packs.clear();
    out.bytes_new = 0;
  }
  out.passed_over = count - out.packs.size();
  return out;
}

}  // namespace holdfast::backup
