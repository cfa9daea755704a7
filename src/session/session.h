// One verb at work: its own server connections, over the account and local state that all verbs of the process share
// (D4).
#pragma once

#include <map>
#include <memory>
#include <set>

#include "session/account.h"
#include "session/events.h"

namespace holdfast::session {

// Uploads and intents that a verb of this process is using, so that no second one goes on with the same.
class Claims {
 public:
  virtual ~Claims() = default;
  virtual bool claim(const std::string& what) = 0;  // false: somebody has it
  virtual void release(const std::string& what) = 0;
};
// Gives back when it goes.
class Claim {
 public:
  Claim(Claims& claims, std::string what) : claims_(claims), what_(std::move(what)), held_(claims.claim(what_)) {}
  ~Claim() {
    if (held_) claims_.release(what_);
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;
  [[nodiscard]] bool held() const { return held_; }

 private:
  Claims& claims_;
  std::string what_;
  bool held_;
};
std::unique_ptr<Claims> make_claims();  // for one thread; agent/shared.h has those for several

struct Shared {
  Account account;
  std::unique_ptr<LocalState> state;
  std::unique_ptr<Claims> claims;
  Path home;  // HOLDFAST_HOME
};

// Something in a space's log that changed nothing (D8).
struct Alarm {
  std::uint64_t seq = 0;
  std::string code, sentence;
  HOLDFAST_WIRE(seq, code, sentence)
};
using Alarms = std::map<std::string, std::vector<Alarm>>;  // by the space's name

struct Session {
  Session(Doors doors_given, Shared& shared_given, const api::ServerLink& link,
          std::int64_t patience_ns = patience_default_ns)
      : doors(doors_given), shared(shared_given), server(doors_given, link, patience_ns) {}

  Doors doors;
  Shared& shared;
  ApiClient server;
  Alarms alarms;              // of every space that this verb has opened, the home space too; only those that have any
  std::vector<Event> events;  // that this verb has met

  [[nodiscard]] const Account& account() const { return shared.account; }
  [[nodiscard]] LocalState& state() { return *shared.state; }

  // Small things that are secret, for the local state: a box under a key of this device and circle.
  [[nodiscard]] Bytes seal_local(std::string_view what, ByteView plain);
  [[nodiscard]] Result<Bytes> open_local(std::string_view what, ByteView box);
};

}  // namespace holdfast::session
