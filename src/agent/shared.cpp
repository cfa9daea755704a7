#include "agent/shared.h"

#include <mutex>

namespace holdfast::agent {

namespace {

class LockedState final : public session::LocalState {
 public:
  explicit LockedState(std::unique_ptr<session::LocalState> inner) : inner_(std::move(inner)) {}

  Result<std::optional<Bytes>> get(std::string_view key) override {
    const std::lock_guard hold(mutex_);
    return inner_->get(key);
  }
  Status scan(std::string_view prefix, const std::function<void(std::string_view, ByteView)>& visit) override {
    const std::lock_guard hold(mutex_);
    return inner_->scan(prefix, visit);
  }
  Status apply(const session::Change& change) override {
    const std::lock_guard hold(mutex_);
    return inner_->apply(change);
  }
  Result<bool> apply_if(std::string_view key, const std::optional<Bytes>& held,
                        const session::Change& change) override {
    const std::lock_guard hold(mutex_);
    return inner_->apply_if(key, held, change);
  }
  Result<std::uint64_t> next_number(std::string_view key) override {
    const std::lock_guard hold(mutex_);
    return inner_->next_number(key);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<session::LocalState> inner_;
};

class LockedClaims final : public session::Claims {
 public:
  bool claim(const std::string& what) override {
    const std::lock_guard hold(mutex_);
    return inner_->claim(what);
  }
  void release(const std::string& what) override {
    const std::lock_guard hold(mutex_);
    inner_->release(what);
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<session::Claims> inner_ = session::make_claims();
};

}  // namespace

std::unique_ptr<session::LocalState> locked_state(std::unique_ptr<session::LocalState> inner) {
  return std::make_unique<LockedState>(std::move(inner));
}
std::unique_ptr<session::Claims> locked_claims() { return std::make_unique<LockedClaims>(); }

}  // namespace holdfast::agent
