#include "space/packer.h"

namespace holdfast::space {

namespace {

constexpr std::size_t open_max = 3;
// Less room than this is not worth keeping 16 MiB of memory open for: 0.8 % of a pack.
constexpr std::size_t scrap_bytes = 128 * 1024;

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
  const auto fits = std::ranges::find_if(open_, [&](const PackBuilder& pack) { return pack.has_room_for(block); });
  if (fits != open_.end()) {
    fits->add(std::move(block));
    if (fits->bytes_used() > pack_bytes_max - scrap_bytes) return close(fits);
    return std::nullopt;
  }
  std::optional<ReadyPack> out;
  if (open_.size() == open_max) out = close(open_.begin());
  open_.emplace_back(kind_).add(std::move(block));
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
