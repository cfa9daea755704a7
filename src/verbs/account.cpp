#include <algorithm>

#include "crypto/passphrase.h"
#include "session/key_file.h"
#include "verbs/verbs.h"

namespace holdfast::verbs {

namespace {

constexpr std::uint64_t clock_skew_max_ns = 5 * 60 * second_ns;

// Of two times, one of which the server stated: it may be anything.
std::uint64_t distance(std::int64_t a, std::int64_t b) {
  const auto [low, high] = std::minmax(a, b);
  return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
}

void add(std::vector<Finding>& findings, std::string what, bool good, std::string sentence) {
  findings.push_back({std::move(what), good, std::move(sentence)});
}

}  // namespace

WhoAmI who_am_i(const session::Account& account) {
  return {account.profile.user_name, account.profile.device_name, account.profile.server, account.profile.account,
          account.profile.device,    account.chain.n + 1,         account.chain.circle.e};
}

bool Status::alarmed() const {
  return chain_error || !home_alarms.empty() ||
         std::ranges::any_of(spaces, [](const SpaceStatus& space) { return space.error || !space.alarms.empty(); });
}

Result<Status> status(Session& session) {
  Status out;
  out.who = who_am_i(session.account());
  const auto info = session.server.info();
  if (!info) {
    out.server_error = info.error();
    return out;
  }
  out.server_answers = true;
  out.has_witnesses =
      info->policy.find("\nquorum none") == std::string::npos && !info->policy.starts_with("quorum none");
  if (const auto chain = session::check_chain(session.server, session.account()); !chain)
    out.chain_error = chain.error();
  if (const auto ticket = session::account_ticket(session.server, session.account(), api::Right::read)) {
    if (const auto usage = session.server.call(Channel::account, api::Usage{*ticket})) {
      out.bytes_used = usage->bytes_used;
      out.bytes_max = usage->bytes_max;
      out.objects = usage->objects;
    }
  }
  HF_TRY(auto spaces, session::list_spaces(session));
  if (const auto home = session.alarms.find(std::string(session::home_space)); home != session.alarms.end())
    out.home_alarms = home->second;
  for (auto& listed : spaces) {
    SpaceStatus status{listed.named, {}, 0, {}, {}};
    const auto look = [&]() -> holdfast::Status {
      HF_TRY(const auto space, session::SpaceSession::open(session, std::move(listed)));
      status.alarms = space->alarms();
      HF_TRY(const auto snapshots, backup::list_snapshots(*space));
      status.snapshots = snapshots.size();
      if (!snapshots.empty()) status.newest = snapshots.back();
      return {};
    };
    if (const auto looked = look(); !looked) status.error = looked.error();
    out.spaces.push_back(std::move(status));
  }
  HF_TRY(out.events, session::read_events(session.state()));
  return out;
}

std::vector<Finding> doctor(Files& files, const Path& home, Session* session, const std::optional<Error>& problem) {
  std::vector<Finding> out;
  const auto crypto = crypto::start_crypto();
  add(out, "cryptography", crypto.has_value(),
      crypto ? "the libraries are the right ones and give the known answers" : crypto.error().sentence);
  add(out, "memory", crypto::memory_is_locked(),
      crypto::memory_is_locked() ? "keys lie in memory that is never swapped out"
                                 : "keys may be swapped out: the limit on locked memory is too low (ulimit -l)");
  const auto stat = files.stat(home);
  if (!stat) {
    add(out, "home", false, "there is no home directory yet: holdfast signup makes it");
    return out;
  }
  const bool is_private = (stat->mode & 077) == 0;
  const std::string advice = ": chmod 700 " + printable(home);
  add(out, "home", is_private,
      is_private                ? "only you can read it"
      : (stat->mode & 022) != 0 ? "others can write to it, and all commands refuse it" + advice
                                : "others can read or enter it" + advice);
  const auto network = files.is_network_file_system(home);
  add(out, "disk", network && !*network,
      network && !*network ? "the home lies on a local file system"
                           : "the home lies on a network file system, whose locks can't be trusted");
  const auto keys = session::look_at_key_file(files, join_path(home, "keys"));
  if (keys) {
    add(out, "keys", true,
        keys->has_passphrase ? "sealed by a passphrase" : "not sealed: whoever can read the key file has this device");
  } else {
    add(out, "keys", false, keys.error().sentence);
  }
  if (session == nullptr) {
    add(out, "account", false, problem ? problem->sentence : "there is no account on this device");
    return out;
  }
  add(out, "account", true,
      session->account().profile.user_name + ", device " + session->account().profile.device_name);
  const auto info = session->server.info();
  if (!info) {
    add(out, "server", false, info.error().sentence);
    return out;
  }
  add(out, "server", true, "it answers with the pinned key and the policy of its link");
  const std::uint64_t skew = distance(info->time_ns, session->doors.clock.now_ns());
  add(out, "clock", skew < clock_skew_max_ns,
      "it differs from the server's by " + std::to_string(skew / second_ns) + " s");
  const auto chain = session::check_chain(session->server, session->account());
  add(out, "chain", chain.has_value(),
      chain ? "the server shows the account's chain as this device knows it" : chain.error().sentence);
  const auto seen = status(*session);
  if (!seen) {
    add(out, "spaces", false, seen.error().sentence);
  } else {
    std::size_t opened = 0;
    for (const SpaceStatus& space : seen->spaces) {
      opened += space.error ? 0 : 1;
      if (space.error) add(out, "space", false, printable(space.named.name) + ": " + space.error->sentence);
    }
    add(out, "spaces", true, std::to_string(opened) + " and the home space can be opened");
  }
  if (!session->alarms.empty()) add(out, "alarms", false, "a log has entries that count for nothing: holdfast status");
  return out;
}

}  // namespace holdfast::verbs
