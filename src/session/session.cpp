#include "session/session.h"

namespace holdfast::session {

namespace {

struct LocalBoxTag;

crypto::Secret<LocalBoxTag> local_key(const Account& account) {
  return crypto::derive<LocalBoxTag>(account.circle.front(), "local state", account.profile.device.view());
}

crypto::Context local_context(std::string_view what) { return {"Holdfast 1 local state", to_bytes(as_bytes(what))}; }

class PlainClaims final : public Claims {
 public:
  bool claim(const std::string& what) override { return held_.insert(what).second; }
  void release(const std::string& what) override { held_.erase(what); }

 private:
  std::set<std::string> held_;
};

}  // namespace

std::unique_ptr<Claims> make_claims() { return std::make_unique<PlainClaims>(); }

Bytes Session::seal_local(std::string_view what, ByteView plain) {
  return crypto::seal_box(local_key(account()), local_context(what), plain, doors.random);
}

Result<Bytes> Session::open_local(std::string_view what, ByteView box) {
  return crypto::open_box(local_key(account()), local_context(what), box);
}

}  // namespace holdfast::session
