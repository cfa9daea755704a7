#include "space/packer.h"

#include <algorithm>

namespace holdfast::space {

namespace {

// Less room than this is not worth waiting for a block that fits.
constexpr std::size_t scrap_bytes = 64 * 1024;
// The best blocks are looked for to fill the end of a pack: room for some of the largest.
constexpr std::size_t fitted_bytes_max = 4 * 1024 * 1024, fitted_blocks = 4;
constexpr int steps_max = 4096;

struct Size {
  std::size_t place = 0, bytes = 0;
};

// What a block takes up in a pack, with its part of the directory.
std::size_t bytes_of(const CompressedBlock& block) {
  return pack_bytes_used(1, block.bytes.size() + crypto::tag_size, block.chunks.size(), 0) -
         pack_bytes_used(0, 0, 0, 0);
}

// Which of `sizes` fill `room` best: all subsets, the largest first, until one leaves a scrap or the steps are used up.
class BestFill {
 public:
  BestFill(std::vector<Size> sizes, std::size_t room) : sizes_(std::move(sizes)), room_(room) {
    std::ranges::stable_sort(sizes_, std::ranges::greater(), &Size::bytes);
    look(0, 0);
  }
  [[nodiscard]] const std::vector<std::size_t>& places() const { return best_; }

 private:
  void look(std::size_t from, std::size_t used) {
    if (used > best_used_) {
      best_ = path_;
      best_used_ = used;
    }
    for (std::size_t i = from; i < sizes_.size() && room_ - best_used_ > scrap_bytes && ++steps_ < steps_max; ++i) {
      if (used + sizes_[i].bytes > room_) continue;
      path_.push_back(sizes_[i].place);
      look(i + 1, used + sizes_[i].bytes);
      path_.pop_back();
    }
  }

  std::vector<Size> sizes_;
  std::size_t room_;
  std::vector<std::size_t> path_, best_;
  std::size_t best_used_ = 0;
  int steps_ = 0;
};

}  // namespace

Packer::Packer(PackKind kind, std::string origin) : kind_(kind), origin_(std::move(origin)) {}

Packer::Choice Packer::choose() const {
  Choice out;
  std::size_t blocks = 0, bytes = 0, chunks = 0;
  const auto used = [&] { return pack_bytes_used(blocks, bytes, chunks, 0); };
  const auto take = [&](std::size_t at) {
    const CompressedBlock& block = waiting_[at];
    const std::size_t sealed = bytes + block.bytes.size() + crypto::tag_size, named = chunks + block.chunks.size();
    if (blocks == pack_blocks_max || named > pack_chunks_max ||
        pack_bytes_used(blocks + 1, sealed, named, 0) > pack_bytes_max)
      return false;
    ++blocks;
    bytes = sealed;
    chunks = named;
    out.blocks.push_back(at);
    return true;
  };
  std::size_t largest = 0;
  for (const CompressedBlock& block : waiting_) largest = std::max(largest, bytes_of(block));
  const std::size_t fitted = std::min(fitted_bytes_max, fitted_blocks * largest);
  std::size_t next = 0;
  while (next < waiting_.size() && used() + fitted < pack_bytes_max && take(next)) ++next;

  std::vector<Size> rest;
  for (std::size_t at = next; at < waiting_.size(); ++at) rest.push_back({at, bytes_of(waiting_[at])});
  const BestFill best(std::move(rest), pack_bytes_max - used());
  for (const std::size_t at : best.places()) (void)take(at);
  std::ranges::sort(out.blocks);
  out.room = pack_bytes_max - used();
  return out;
}

ReadyPack Packer::take(const Choice& choice, PackBuilder::Size size) {
  ReadyPack out{PackBuilder(kind_), size};
  std::deque<CompressedBlock> left;
  auto chosen = choice.blocks.begin();
  for (std::size_t at = 0; at < waiting_.size(); ++at) {
    if (chosen != choice.blocks.end() && *chosen == at) {
      ++chosen;
      bytes_ -= bytes_of(waiting_[at]);
      out.builder.add(std::move(waiting_[at]));
    } else {
      left.push_back(std::move(waiting_[at]));
    }
  }
  waiting_ = std::move(left);
  return out;
}

std::optional<ReadyPack> Packer::add(CompressedBlock block) {
  bytes_ += bytes_of(block);
  waiting_.push_back(std::move(block));
  if (bytes_ < pack_bytes_max - scrap_bytes && waiting_.size() < pack_blocks_max) return std::nullopt;
  const Choice choice = choose();
  const bool must = bytes_ > waiting_bytes_max || waiting_.size() > pack_blocks_max;
  if (choice.room > scrap_bytes && !must) return std::nullopt;
  return take(choice, PackBuilder::Size::full);
}

std::vector<ReadyPack> Packer::finish() {
  std::vector<ReadyPack> out;
  while (!waiting_.empty()) {
    const Choice choice = choose();
    const bool last = choice.blocks.size() == waiting_.size();
    out.push_back(take(choice, last ? PackBuilder::Size::padme : PackBuilder::Size::full));
  }
  return out;
}

}  // namespace holdfast::space
