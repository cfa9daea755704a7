// The bytes of a simulated file, in pages. Pages that were never written are holes; copies share their pages.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/files.h"  // Range
#include "tests/simulation/prng.h"

namespace holdfast::sim {

class Content {
 public:
  static constexpr std::uint64_t page_size = 4096;
  static constexpr std::uint64_t size_max = std::uint64_t{1} << 50;

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::uint64_t allocated() const { return pages_.size() * page_size; }

  std::size_t read(std::uint64_t offset, std::span<std::uint8_t> into) const;  // short only at the end
  [[nodiscard]] Bytes all() const;
  void write(std::uint64_t offset, ByteView bytes);  // REQUIRES: offset + bytes.size() <= size_max
  void truncate(std::uint64_t size);                 // shorter or longer; what is new is a hole
  // Bytes that a write would have to allocate.
  [[nodiscard]] std::uint64_t growth(std::uint64_t offset, std::uint64_t size) const;

  // Takes over the other's pages that hold [offset, offset + size), and nothing else.
  void copy_pages(const Content& other, std::uint64_t offset, std::uint64_t size);
  [[nodiscard]] std::vector<Range> data_ranges() const;
  void add_to(Digest& digest) const;

 private:
  using Page = std::array<std::uint8_t, page_size>;
  Page& page_to_change(std::uint64_t number);

  std::uint64_t size_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Page>> pages_;
};

}  // namespace holdfast::sim
