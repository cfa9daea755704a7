// The account as this device knows it: its keys, its verified chain, the circle, and the words it keeps of the past.
#pragma once

#include "identity/chain.h"
#include "session/api_client.h"
#include "session/local_state.h"
#include "space/members.h"

namespace holdfast::session {

// In the local state under "profile".
struct Profile {
  std::string server;  // link text
  std::string user_name, device_name;
  AccountId account;
  DeviceId device;
  bool signed_up = false;  // false: sign-up began and was not answered; the same command goes on
  HOLDFAST_WIRE(server, user_name, device_name, account, device, signed_up)
};
// In the local state from the account's sign-up until its home space stands.
inline constexpr std::string_view home_due_key = "home/due";
[[nodiscard]] Result<std::optional<Profile>> load_profile(LocalState& state);

// One per process; const after load, so that several verbs share it.
struct Account {
  Profile profile;
  identity::DeviceKeys device;
  identity::ChainState chain;
  std::vector<identity::CircleSecret> circle;  // C_0 .. C_e
  crypto::XWingKey circle_kem;                 // of the newest epoch

  // How this account opens its slot in a space's key boxes.
  [[nodiscard]] space::SlotReader slot_reader(const space::SlotKey& slot_key) const {
    return {profile.account, slot_key, {{chain.n, chain.head, circle_kem}}};
  }
};

// Makes keys and chain, writes them to the local state ("profile", "chain/0"), and signs up. The key file must already
// be durable. Repeats harmlessly what an interrupted sign-up began. AlreadyExists: this home has an account.
struct SignUpOptions {
  std::string user_name, device_name, platform;
  Bytes invitation = {};  // a server may ask for one
};
Status sign_up(Doors doors, LocalState& state, ApiClient& server, const identity::DeviceSeeds& seeds,
               const SignUpOptions& options);

// From the local state alone.
[[nodiscard]] Result<Account> load_account(LocalState& state, const identity::DeviceSeeds& seeds);

// Reads the account's log and compares it with what this device knows: RolledBack (shorter, or not there), Forked
// (other), Tampered.
Status check_chain(ApiClient& server, const Account& account);
// Signs up again, with the same first link, at a server that does not know the account any more (F6), which stays
// visible (events.h). False: it does.
[[nodiscard]] Result<bool> make_account_again(ApiClient& server, Clock& clock, LocalState& state,
                                              const Account& account, const Bytes& invitation);

[[nodiscard]] Result<api::TicketBytes> account_ticket(ApiClient& server, const Account& account, api::Right right);

}  // namespace holdfast::session
