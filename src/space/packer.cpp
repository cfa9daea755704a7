#include "space/packer.h"

namespace holdfast::space {

namespace {

constexpr std::size_t open_max = 3;
// Less room than this is not worth waiting for a block that fits: 1.6 % of a pack, and no more padding all in all.
constexpr std::size_t scrap_bytes = 256 * 1024;

}  // namespace

Packer::Packer(PackKind kind, std::string origin) : kind_(kind), origin_(std::move(origin)) {}

std::optional<ReadyPack> Packer::add(CompressedBlock block) {
  const auto fuller = [](const PackBuilder& a, const PackBuilder& b) { return a.bytes_used() > b.bytes_used(); };
  std::ranges::stable_sort(open_, fuller);
  const auto close = [&](std::vector<PackBuilder>::iterator at) {
    ReadyPack out{std::move(*at), PackBuilder::Size::full};
    open_.erase(at);
    return out;
  };
  const auto fitting = [&] {
    return std::ranges::find_if(open_, [&](const PackBuilder& pack) { return pack.has_room_for(block); });
  };
  std::optional<ReadyPack> out;
  auto fits = fitting();
  if (fits == open_.end()) {
    const bool full = open_.size() == open_max || bytes_held() + block.bytes.size() > open_packs_bytes_max;
    if (full && !open_.empty()) out = close(open_.begin());
    fits = fitting();
  }
  if (fits == open_.end()) {
    open_.emplace_back(kind_).add(std::move(block));
    return out;
  }
  fits->add(std::move(block));
  if (!out && fits->bytes_used() > pack_bytes_max - scrap_bytes) return close(fits);
  if (!out && bytes_held() > open_packs_bytes_max)
    return close(std::ranges::max_element(open_, {}, &PackBuilder::bytes_used));
  return out;
}

std::vector<ReadyPack> Packer::finish() {
  std::ranges::stable_sort(open_,
                           [](const PackBuilder& a, const PackBuilder& b) { return a.bytes_used() > b.bytes_used(); });
  std::vector<ReadyPack> out;
  for (PackBuilder& pack : open_) out.push_back({std::move(pack), PackBuilder::Size::full});
  if (!out.empty()) out.back().size = PackBuilder::Size::padme;
  open_.clear();
  return out;
}

std::size_t Packer::bytes_held() const {
  std::size_t sum = 0;
  for (const PackBuilder& pack : open_) sum += pack.bytes_used();
  return sum;
}

}  // namespace holdfast::space
