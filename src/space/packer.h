// Which block goes into which pack: up to three packs open, a block into the fullest that it fits, the fullest closed
// when none fits or they hold too much (D10), so that padding of incompressible data stays below 2 %. A pack that has
// room for a scrap only is closed at once. One packer, one kind, one origin (A14).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "space/pack.h"

namespace holdfast::space {

// All open packs together. Less costs padding: random data 2.3 % at 28 MiB, 1.7 % at 36 MiB.
inline constexpr std::size_t open_packs_bytes_max = 36 * 1024 * 1024;

struct ReadyPack {  // to be sealed by a worker
  PackBuilder builder;
  PackBuilder::Size size = PackBuilder::Size::full;
};

class Packer {
 public:
  // origin: whose content this is (this device's files, one sender's attachments): never mixed in a block.
  Packer(PackKind kind, std::string origin);
  // The pack that had to be closed for it, if any.
  [[nodiscard]] std::optional<ReadyPack> add(CompressedBlock block);
  // All open packs: the emptiest as the upload's last. Afterwards the packer is empty and can be used on.
  [[nodiscard]] std::vector<ReadyPack> finish();
  [[nodiscard]] std::size_t bytes_held() const;
  [[nodiscard]] const std::string& origin() const { return origin_; }

 private:
  PackKind kind_;
  std::string origin_;
  std::vector<PackBuilder> open_;
};

}  // namespace holdfast::space
