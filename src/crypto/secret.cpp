#include "crypto/secret.h"

#include <sodium.h>
#include <sys/mman.h>

#include <atomic>
#include <mutex>
#include <new>

namespace holdfast::crypto {

namespace {

constexpr std::size_t page_size = 4096;
constexpr std::size_t slot_step = 32;
constexpr std::size_t slot_size_max = 2048;
// Small enough that two fit under a RLIMIT_MEMLOCK of 64 KiB, which is common in containers; 1,000 keys each.
constexpr std::size_t region_size = 32 * 1024;

std::size_t round_up(std::size_t size, std::size_t step) { return (size + step - 1) / step * step; }

// Pages with an unreadable one on either side, so that no overrun reads or writes them. Never given back by the arena.
std::uint8_t* map_region(std::size_t size, bool& locked) {
  void* base = mmap(nullptr, size + 2 * page_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) throw std::bad_alloc();
  auto* inside = static_cast<std::uint8_t*>(base) + page_size;
  if (mprotect(inside, size, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
  locked = mlock(inside, size) == 0;
  madvise(inside, size, MADV_DONTDUMP);
  return inside;
}

class Arena {
 public:
  std::uint8_t* allocate(std::size_t size) {
    if (size > slot_size_max) return allocate_region(round_up(size, page_size));
    const std::size_t slot = std::max(round_up(size, slot_step), slot_step);
    const std::scoped_lock lock(mutex_);
    FreeSlot*& head = free_[slot / slot_step];
    if (head != nullptr) {
      FreeSlot* taken = std::exchange(head, head->next);
      taken->next = nullptr;
      return reinterpret_cast<std::uint8_t*>(taken);
    }
    if (left_ < slot) {
      bool locked = false;
      at_ = map_region(region_size, locked);
      left_ = region_size;
      if (!locked) locked_ = false;
    }
    left_ -= slot;
    return std::exchange(at_, at_ + slot);
  }

  void free(std::uint8_t* at, std::size_t size) {
    wipe({at, size});
    if (size > slot_size_max) {
      const std::size_t whole = round_up(size, page_size);
      munlock(at, whole);
      munmap(at - page_size, whole + 2 * page_size);
      return;
    }
    const std::size_t slot = std::max(round_up(size, slot_step), slot_step);
    const std::scoped_lock lock(mutex_);
    free_[slot / slot_step] = new (at) FreeSlot{free_[slot / slot_step]};
  }

  [[nodiscard]] bool is_locked() const { return locked_; }

 private:
  struct FreeSlot {
    FreeSlot* next;
  };

  std::uint8_t* allocate_region(std::size_t size) {
    bool locked = false;
    std::uint8_t* at = map_region(size, locked);
    if (!locked) locked_ = false;
    return at;
  }

  std::mutex mutex_;
  std::array<FreeSlot*, slot_size_max / slot_step + 1> free_{};
  std::uint8_t* at_ = nullptr;  // the rest of the newest region
  std::size_t left_ = 0;
  std::atomic<bool> locked_ = true;
};

// Outlives every static object that holds a Secret.
Arena& arena() {
  static Arena& only = *new Arena;
  return only;
}

}  // namespace

void wipe(std::span<std::uint8_t> bytes) { sodium_memzero(bytes.data(), bytes.size()); }

bool equal_constant_time(ByteView a, ByteView b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
  if (this != &other) {
    wipe(bytes_);
    bytes_ = std::move(other.bytes_);
    other.bytes_.clear();
  }
  return *this;
}

std::uint8_t* secret_allocate(std::size_t size) { return arena().allocate(size); }
void secret_free(std::uint8_t* at, std::size_t size) { arena().free(at, size); }
bool memory_is_locked() { return arena().is_locked(); }

}  // namespace holdfast::crypto
