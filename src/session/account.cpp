#include "session/account.h"

#include "base/reached.h"
#include "session/events.h"
#include "session/rolled_back.h"

namespace holdfast::session {

namespace {

constexpr std::string_view profile_key = "profile";
constexpr std::string_view link_0_key = "chain/0";

Result<identity::PolicyRef> policy_of(ApiClient& server) {
  HF_TRY(const auto info, server.info());
  // The first line that matters is `log <name>+<key id>+<key>` (C2SP tlog-policy); the name is the origin.
  const std::string& text = info.policy;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    if (line.starts_with("log ")) {
      const std::string_view key = line.substr(4, line.find(' ', 4) - 4);
      return identity::PolicyRef{std::string(key.substr(0, key.find('+'))), server.link().policy};
    }
    at = end + 1;
  }
  return fail(Code::Malformed, "the server's trust policy names no log");
}

api::Caps account_caps(const identity::DeviceKeys& device) {
  const std::vector keys{device.capability.public_key()};
  return {keys, keys, keys, keys};
}

Result<identity::Link> load_link_0(LocalState& state) {
  HF_TRY(const auto bytes, state.get(link_0_key));
  if (!bytes) return fail(Code::NotFound, "this device has no account chain");
  return decode<identity::Link>(*bytes, "the account's first link on this device");
}

api::Entry first_entry_of(const AccountId& account, const identity::Link& link) {
  api::Entry entry;
  entry.group = group_of(account);
  entry.seq = api::first_seq;
  entry.blob = encode(identity::AccountEntry{link});
  return entry;
}

}  // namespace

Result<std::optional<Profile>> load_profile(LocalState& state) {
  HF_TRY(const auto bytes, state.get(profile_key));
  if (!bytes) return std::optional<Profile>();
  HF_TRY(auto profile, decode<Profile>(*bytes, "this device's profile"));
  return std::optional(std::move(profile));
}

Status sign_up(Doors doors, LocalState& state, ApiClient& server, const identity::DeviceSeeds& seeds,
               const SignUpOptions& options) {
  HF_OK(identity::check_user_name(options.user_name));
  HF_TRY(auto profile, load_profile(state));
  if (profile && profile->signed_up) {
    HF_TRY(const auto due, state.get(home_due_key));
    if (due && profile->user_name == options.user_name) return {};
    return fail(Code::AlreadyExists, "this device already belongs to the account " + printable(profile->user_name));
  }

  if (!profile) {
    const identity::DeviceKeys device(seeds);
    HF_TRY(const auto policy, policy_of(server));
    HF_TRY(const auto made, identity::make_account(device, {options.user_name, options.device_name, options.platform},
                                                   policy, doors.clock.now_ns(), doors.random));
    profile = Profile{to_text(server.link()), options.user_name, options.device_name, made.account, seeds.id, false};
    HF_OK(state.apply(
        {{{std::string(profile_key), encode(*profile)}, {std::string(link_0_key), encode(made.link_0)}}, {}}));
  }

  HF_TRY(const auto link, load_link_0(state));
  const identity::DeviceKeys device(seeds);
  HF_OK(server.call(
      Channel::account,
      api::CreateAccount{{options.invitation}, first_entry_of(profile->account, link), account_caps(device)}));
  profile->signed_up = true;
  return state.apply({{{std::string(profile_key), encode(*profile)}, {std::string(home_due_key), Bytes{1}}}, {}});
}

Result<Account> load_account(LocalState& state, const identity::DeviceSeeds& seeds) {
  HF_TRY(auto profile, load_profile(state));
  if (!profile || !profile->signed_up)
    return fail(Code::NotFound, About::account, "this device belongs to no account yet");
  identity::DeviceKeys device(seeds);
  HF_TRY(const auto link, load_link_0(state));
  HF_TRY(auto chain, identity::begin_chain(link, profile->account));
  if (chain.device(seeds.id) == nullptr)
    return fail(Code::NotAuthorized, "the key file is of another device than the account's chain");
  HF_TRY(const auto boxes, decode<identity::CircleBoxes>(link.boxes, "the circle's boxes"));
  HF_TRY(auto circle, identity::open_circle({}, chain.circle, boxes, device));
  auto kem = identity::circle_kem(circle.back(), {{}, chain.circle.e});
  return Account{*std::move(profile), std::move(device), std::move(chain), std::move(circle), std::move(kem)};
}

Result<api::TicketBytes> account_ticket(ApiClient& server, const Account& account, api::Right right) {
  return server.ticket(Channel::account, group_of(account.profile.account), right, account.device.capability);
}

Result<bool> make_account_again(ApiClient& server, Clock& clock, LocalState& state, const Account& account,
                                const Bytes& invitation) {
  const auto opened = account_ticket(server, account, api::Right::read);
  if (!opened && opened.error().code != Code::NotAuthorized) return pass_on(opened.error());
  HF_TRY(auto event, open_event(state, EventKind::server_lost_account, ""));
  const auto note = [&](bool done) -> Status {
    event->done = done;
    Change change;
    HF_OK(put_event(state, *event, change));
    return state.apply(change);
  };
  if (!opened) {
    if (!event) event = Event{EventKind::server_lost_account, clock.now_ns(), "", 0, 0, false};
    HF_OK(note(false));  // before it is there again: an interruption must not hide it
    HF_TRY(const auto link, load_link_0(state));
    HF_OK(server.call(
        Channel::account,
        api::CreateAccount{{invitation}, first_entry_of(account.profile.account, link), account_caps(account.device)}));
    reached("session: an account that the server has lost is made again");
  }
  if (event) HF_OK(note(true));
  return !opened;
}

Status check_chain(ApiClient& server, const Account& account) {
  const auto opened = account_ticket(server, account, api::Right::read);
  if (!opened && opened.error().code == Code::NotAuthorized)
    return does_not_know("the account", account.profile.account.short_hex());
  HF_TRY(const auto ticket, opened);
  std::optional<std::uint64_t> links;
  for (std::uint64_t from = 0;;) {
    HF_TRY(const auto page, server.call(Channel::account, api::Read{ticket, from}));
    for (const api::Entry& entry : page.entries) {
      HF_TRY(const auto content, decode<identity::AccountEntry>(entry.blob, "an entry of the account's log"));
      const auto& link = std::get<identity::Link>(content.content);
      if (entry.group != group_of(account.profile.account) || (links && link.body.n != *links + 1) ||
          (!links && link.body.n != 0))
        return fail(Code::Tampered, "the account's log is not in order", account.profile.account.short_hex());
      links = link.body.n;
      if (*links == 0) {
        HF_OK(identity::begin_chain(link, account.profile.account));
        if (entry != first_entry_of(account.profile.account, link))
          return fail(Code::Tampered, "the first entry of the account's log is not as it was sent",
                      account.profile.account.short_hex());
      }
      if (*links == account.chain.n && identity::link_hash(link.body) != account.chain.head)
        return fail(Code::Forked, "the server shows another chain than this device has seen",
                    account.profile.account.short_hex());
      // A link that this device did not make: until devices can be added, nobody else may make one.
      if (*links > account.chain.n)
        return fail(Code::NotAuthorized, "the account's chain has a link that this device did not make",
                    account.profile.account.short_hex());
      from = entry.seq + 1;
    }
    if (page.entries.empty() || from > page.head_seq) break;
  }
  if (!links || *links < account.chain.n)
    return fail(Code::RolledBack, "the server's copy of the account's chain is older than this device's",
                account.profile.account.short_hex());
  return {};
}

}  // namespace holdfast::session
