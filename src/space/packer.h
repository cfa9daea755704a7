// Which block goes into which pack. Blocks wait until a pack can be filled, so that padding of incompressible data
// stays below 1 % (D10 asks for 2): the oldest go first, the last room is given to whichever fill it best. One packer,
// one kind, one origin (A14).
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "space/pack.h"

namespace holdfast::space {

// What may wait, one block more at most. Less costs padding: random data 0.7 % at 18 MiB, 0.4 % at 20 MiB.
inline constexpr std::size_t waiting_bytes_max = 18 * 1024 * 1024;

struct ReadyPack {  // to be sealed by a worker
  PackBuilder builder;
  PackBuilder::Size size = PackBuilder::Size::full;
};

class Packer {
 public:
  // origin: whose content this is (this device's files, one sender's attachments): never mixed in a block.
  Packer(PackKind kind, std::string origin);
  // The pack that can be filled now, if any.
  [[nodiscard]] std::optional<ReadyPack> add(CompressedBlock block);
  // All that waits; the last one is as long as it must be. Afterwards the packer is empty and can be used on.
  [[nodiscard]] std::vector<ReadyPack> finish();
  [[nodiscard]] std::size_t bytes_held() const { return bytes_; }
  [[nodiscard]] const std::string& origin() const { return origin_; }

 private:
  struct Choice {
    std::vector<std::size_t> blocks;  // places in waiting_, ascending
    std::size_t room = 0;             // bytes that stay free
  };
  [[nodiscard]] Choice choose() const;
  ReadyPack take(const Choice& choice, PackBuilder::Size size);

  PackKind kind_;
  std::string origin_;
  std::deque<CompressedBlock> waiting_;
  std::size_t bytes_ = 0;  // that waiting_ takes up in packs
};

}  // namespace holdfast::space
