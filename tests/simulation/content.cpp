#include "tests/simulation/content.h"

#include <algorithm>

namespace holdfast::sim {

std::size_t Content::read(std::uint64_t offset, std::span<std::uint8_t> into) const {
  if (offset >= size_) return 0;
  const std::size_t count = std::min<std::uint64_t>(into.size(), size_ - offset);
  for (std::size_t done = 0; done < count;) {
    const std::uint64_t number = (offset + done) / page_size, begin = (offset + done) % page_size;
    const std::size_t part = std::min<std::uint64_t>(count - done, page_size - begin);
    if (const auto page = pages_.find(number); page != pages_.end()) {
      std::memcpy(into.data() + done, page->second->data() + begin, part);
    } else {
      std::memset(into.data() + done, 0, part);
    }
    done += part;
  }
  return count;
}

Bytes Content::all() const {
  Bytes bytes(size_);
  for (const auto& [number, page] : pages_) {
    const std::uint64_t begin = number * page_size;
    std::memcpy(bytes.data() + begin, page->data(), std::min(page_size, size_ - begin));
  }
  return bytes;
}

Content::Page& Content::page_to_change(std::uint64_t number) {
  auto& page = pages_[number];
  if (!page) {
    page = std::make_shared<Page>();
  } else if (page.use_count() > 1) {
    page = std::make_shared<Page>(*page);
  }
  return *page;
}

void Content::write(std::uint64_t offset, ByteView bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const std::uint64_t number = (offset + done) / page_size, begin = (offset + done) % page_size;
    const std::size_t part = std::min<std::uint64_t>(bytes.size() - done, page_size - begin);
    std::memcpy(page_to_change(number).data() + begin, bytes.data() + done, part);
    done += part;
  }
  if (!bytes.empty()) size_ = std::max(size_, offset + bytes.size());
}

void Content::truncate(std::uint64_t size) {
  if (size < size_) {
    pages_.erase(pages_.lower_bound((size + page_size - 1) / page_size), pages_.end());
    const std::uint64_t rest = size % page_size;
    if (rest != 0 && pages_.contains(size / page_size)) {
      Page& page = page_to_change(size / page_size);
      std::fill(page.begin() + static_cast<std::ptrdiff_t>(rest), page.end(), std::uint8_t{0});
    }
  }
  size_ = size;
}

std::uint64_t Content::growth(std::uint64_t offset, std::uint64_t size) const {
  if (size == 0) return 0;
  const std::uint64_t first = offset / page_size, last = (offset + size - 1) / page_size;
  const auto held = std::distance(pages_.lower_bound(first), pages_.upper_bound(last));
  return (last - first + 1 - static_cast<std::uint64_t>(held)) * page_size;
}

void Content::copy_pages(const Content& other, std::uint64_t offset, std::uint64_t size) {
  if (size == 0) return;
  const std::uint64_t first = offset / page_size, last = (offset + size - 1) / page_size;
  pages_.erase(pages_.lower_bound(first), pages_.upper_bound(last));
  pages_.insert(other.pages_.lower_bound(first), other.pages_.upper_bound(last));
}

std::vector<Range> Content::data_ranges() const {
  std::vector<Range> ranges;
  for (const auto& [number, page] : pages_) {
    const std::uint64_t begin = number * page_size, size = std::min(page_size, size_ - begin);
    if (!ranges.empty() && ranges.back().offset + ranges.back().size == begin) {
      ranges.back().size += size;
    } else {
      ranges.push_back({begin, size});
    }
  }
  return ranges;
}

void Content::add_to(Digest& digest) const {
  digest.add(size_);
  for (const auto& [number, page] : pages_) {
    digest.add(number);
    digest.add(ByteView(*page));
  }
}

}  // namespace holdfast::sim
