// Which packs are worth copying the rest of: new packs are padded, and the index that names them is too. Internal to
// prune.
#pragma once

#include "backup/prune_mark.h"

namespace holdfast::backup {

// A pack of which more than 30 % is dead (F1 P2), and what of it is needed.
struct SparsePack {
  PackUse use;
  std::uint64_t object_bytes = 0;     // as the server holds it, padding and all
  std::vector<space::Record> needed;  // in the order of the pack's blocks
};
struct RepackLimits {
  std::uint64_t bytes_max = ~std::uint64_t{0};  // of the packs that are copied
  std::size_t dead = 0;                         // packs that go whole, in the same commits before these
  std::size_t commit_packs_max = 0;             // that one commit takes; with it the new packs are sealed
  std::size_t commit_copies_max = 0;            // new packs of one commit
};
struct RepackChoice {
  std::vector<SparsePack> packs;  // the last one is copied first
  std::uint64_t bytes_new = 0;    // of the new packs, with their padding: exact for what zstd does not shrink
  std::uint64_t passed_over = 0;  // that are worth it, but for bytes_max
};
// None, unless the new packs and their index take up less than what is freed.
[[nodiscard]] RepackChoice choose_packs_to_copy(std::vector<SparsePack> sparse, const RepackLimits& limits);

}  // namespace holdfast::backup
