#include "account.h"

#include <sys/utsname.h>

#include "agent/shared.h"
#include "passphrase.h"
#include "session/http_remote.h"
#include "session/key_file.h"
#include "session/spaces.h"
#include "show.h"

namespace holdfast::app {

std::unexpected<Error> no_account_yet(const Path& home) {
  return fail(Code::NotFound, About::account, "this home belongs to no account yet", printable(home));
}

// What the operator gave, without the line's end.
Result<Bytes> read_invitation(World& world, const Command& command, const std::string& directory) {
  constexpr std::size_t size_max = 256;
  if (command.invitation_file.empty()) return Bytes();
  HF_TRY(const Path path, absolute(command.invitation_file, directory));
  HF_TRY(Bytes text, world.files->read_file(path, size_max));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  if (text.empty()) return fail(Code::InvalidArgument, "there is no invitation in this file", printable(path));
  return text;
}

Result<int> sign_up(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output) {
  HF_TRY(const auto link, api::parse_server_link(command.server));
  HF_TRY(const Bytes invitation, read_invitation(world, command, line.directory));
  const Path keys = join_path(world.home, "keys");
  const auto there = session::look_at_key_file(*world.files, keys);
  if (!there && there.error().code != Code::NotFound) return pass_on(there.error());
  HF_TRY(auto state,
         session::open_local_state(*world.files, *world.clock, *world.random, join_path(world.home, "state")));
  HF_TRY(const auto profile, session::load_profile(*state));
  const bool is_signed_up = profile && profile->signed_up;
  if (there && !there->has_passphrase && !command.no_passphrase && !is_signed_up)
    return fail(Code::InvalidArgument, About::open_keys,
                "an earlier sign-up that did not end made keys that no passphrase seals", printable(keys));

  std::optional<crypto::SecretBytes> passphrase;
  const bool sealed = there ? there->has_passphrase : !command.no_passphrase;
  if (sealed) {
    HF_TRY(passphrase, get_passphrase(command.passphrase_fd, there ? Ask::once : Ask::twice));
  }
  if (!there)
    HF_OK(session::write_key_file(*world.files, keys, identity::DeviceSeeds::make(*world.random),
                                  passphrase ? &*passphrase : nullptr, *world.random));
  HF_TRY(const auto seeds, session::read_key_file(*world.files, keys, passphrase ? &*passphrase : nullptr));
  const auto remote = session::http_remote(link);
  const Doors doors{*world.clock, *world.random, *world.files, *remote, *world.workers};
  utsname system{};
  ::uname(&system);
  {
    session::ApiClient server(doors, link, patience_ns(command));
    tell_of_waiting(server, command, line.error_is_terminal, output);
    const std::string device = command.device.empty() ? host_name() : command.device;
    HF_OK(session::sign_up(doors, *state, server, seeds,
                           {command.name, device, std::string(system.sysname) + " " + system.machine, invitation}));
  }
  HF_TRY(auto account, session::load_account(*state, seeds));
  session::Shared shared{std::move(account), std::move(state), session::make_claims(), world.home};
  session::Session session(doors, shared, link, patience_ns(command));
  tell_of_waiting(session.server, command, line.error_is_terminal, output);
  HF_OK(session::make_home(session));
  HF_OK(session::open_home(session));
  const auto who = verbs::who_am_i(shared.account);
  if (command.json) {
    output.out(json_of(who));
  } else {
    output.out("signed up as " + text_of(who) + "  keys        in " + printable(keys) +
               (sealed ? ", sealed by the passphrase\n" : ", not sealed: whoever can read the file has this device\n") +
               "  note        there is no recovery yet: without this folder, what is backed up can't be opened again\n"
               "  next        holdfast backup PATH\n");
  }
  return exit_done;
}

Result<std::unique_ptr<session::Shared>> open_account(World& world, const Command& command) {
  const Path keys = join_path(world.home, "keys");
  const auto there = session::look_at_key_file(*world.files, keys);
  if (!there && there.error().code == Code::NotFound) return no_account_yet(world.home);
  if (!there) return pass_on(there.error());
  std::optional<crypto::SecretBytes> passphrase;
  if (there->has_passphrase) {
    HF_TRY(passphrase, get_passphrase(command.passphrase_fd, command.verb == "complete" ? Ask::never : Ask::once));
  }
  HF_TRY(const auto seeds, session::read_key_file(*world.files, keys, passphrase ? &*passphrase : nullptr));
  HF_TRY(auto state,
         session::open_local_state(*world.files, *world.clock, *world.random, join_path(world.home, "state")));
  HF_TRY(auto account, session::load_account(*state, seeds));
  return std::make_unique<session::Shared>(
      session::Shared{std::move(account), agent::locked_state(std::move(state)), agent::locked_claims(), world.home});
}

}  // namespace holdfast::app
