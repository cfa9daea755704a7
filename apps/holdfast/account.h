// The account of this home: made by a sign-up, opened by whoever owns the home.
#pragma once

#include "agent/control.h"
#include "world.h"

namespace holdfast::app {

// Makes the home and its keys when they are missing, and goes on with a sign-up that was interrupted.
Result<int> sign_up(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output);
// Shared by all verbs of the process.
[[nodiscard]] Result<std::unique_ptr<session::Shared>> open_account(World& world, const Command& command);
[[nodiscard]] Result<Bytes> read_invitation(World& world, const Command& command, const std::string& directory);
[[nodiscard]] std::unexpected<Error> no_account_yet(const Path& home);

}  // namespace holdfast::app
