// Bytes in several buffers, one after the other: what is large is not copied together to be sent.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace holdfast {

class Pieces {
 public:
  Pieces() = default;
  explicit Pieces(Bytes whole) { add(std::move(whole)); }
  void add(Bytes piece) {
    size_ += piece.size();
    if (!piece.empty()) pieces_.push_back(std::move(piece));
  }
  [[nodiscard]] std::size_t size() const { return size_; }  // bytes
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] auto begin() const { return pieces_.begin(); }
  [[nodiscard]] auto end() const { return pieces_.end(); }

  // Fills `out` from `offset` on, as far as there are bytes; gives how many.
  std::size_t read_at(std::size_t offset, std::span<std::uint8_t> out) const {
    std::size_t filled = 0;
    for (const Bytes& piece : pieces_) {
      if (offset >= piece.size()) {
        offset -= piece.size();
        continue;
      }
      const std::size_t part = std::min(piece.size() - offset, out.size() - filled);
      if (part == 0) break;
      std::memcpy(&out[filled], &piece[offset], part);
      filled += part;
      offset = 0;
    }
    return filled;
  }
  [[nodiscard]] Bytes joined() const {
    Bytes out(size_);
    read_at(0, out);
    return out;
  }

 private:
  std::vector<Bytes> pieces_;
  std::size_t size_ = 0;
};

}  // namespace holdfast
