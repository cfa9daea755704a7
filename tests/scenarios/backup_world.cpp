#include "tests/scenarios/backup_world.h"

#include <gtest/gtest.h>

#include "backup/snapshots.h"
#include "server/sweep.h"
#include "session/key_file.h"
#include "session/spaces.h"

namespace holdfast::sim {

namespace {

constexpr std::string_view policy = "log sim.example/log+00000000+AQ==\nquorum none\n";

Path in_home(std::string_view name) { return join_path(home_of_user, name); }

}  // namespace

Bytes some_bytes(Prng& dice, std::size_t size) {
  Bytes out(size);
  for (auto& byte : out) byte = static_cast<std::uint8_t>(dice.below(256));
  return out;
}

void write(Files& hand, const Path& path, ByteView bytes) {
  const auto file = hand.open(path, OpenMode::create_or_truncate);
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->write_at(0, bytes));
}

void write_document(Files& hand, const std::string& name, ByteView bytes) {
  write(hand, join_path(tree_of_user, name), bytes);
}

Result<OpenHome> open_home(Doors& doors) {
  OpenHome home;
  HF_TRY(home.lock, doors.files.lock(in_home("lock")));
  HF_TRY(const auto seeds, session::read_key_file(doors.files, in_home("keys"), nullptr));
  HF_TRY(auto state, session::open_local_state(doors.files, doors.clock, doors.random, in_home("state")));
  HF_TRY(auto account, session::load_account(*state, seeds));
  HF_TRY(const auto link, api::parse_server_link(account.profile.server));
  home.shared = std::make_unique<session::Shared>(
      session::Shared{std::move(account), std::move(state), session::make_claims(), home_of_user});
  home.session = std::make_unique<session::Session>(doors, *home.shared, link);
  return home;
}

void BackupServer::OwnRandom::fill(std::span<std::uint8_t> out) {
  for (auto& byte : out) byte = static_cast<std::uint8_t>(dice_.below(256));
}

BackupServer::BackupServer(std::uint64_t seed) : random_(seed) {
  options_.server_key.bytes.fill(0x5a);
  options_.policy = policy;
  link_ = {"sim.example", 1, options_.server_key, crypto::sha256(as_bytes(policy))};
  open();
}

void BackupServer::open() { service_ = *server::Service::open(*rows_, *objects_, clock_, random_, log_, options_); }

void BackupServer::crashed(Prng&) { open(); }

BackupServer::Copy BackupServer::copy() { return {rows_->contents(), objects_->contents()}; }

void BackupServer::put_back(const Copy& copy) {
  service_.reset();
  rows_ = std::make_unique<server::MapMetaStore>(copy.rows);
  objects_ = std::make_unique<server::MemoryObjectStore>(copy.objects);
  open();
}

void BackupServer::sweep_as_in_weeks() {
  OwnClock later = clock_;
  later.sleep_ns(50 * 24 * 3600 * second_ns);
  server::Sweeper sweeper(*rows_, *objects_, later, log_);
  for (auto swept = sweeper.sweep(); swept && swept->more;) swept = sweeper.sweep();
}

std::uint64_t BackupServer::bytes_stored() {
  std::uint64_t bytes = 0;
  const auto all = objects_->list({}, 1'000'000);
  if (all)
    for (const auto& object : *all) bytes += object.size;
  return bytes;
}

Result<Bytes> BackupServer::handle(const Call& call) {
  Bytes body = call.body;
  if (call.bulk) append(body, call.bulk->joined());
  auto served = service_->handle(call.name, body, "192.0.2.7:4711");
  return std::move(std::get<server::ServiceReply>(served)).joined();
}

Status sign_up(Doors& doors, const api::ServerLink& link) {
  HF_OK(doors.files.make_durable_directories(home_of_user));
  HF_TRY(const auto lock, doors.files.lock(in_home("lock")));
  const auto there = session::look_at_key_file(doors.files, in_home("keys"));
  if (!there && there.error().code != Code::NotFound) return pass_on(there.error());
  if (!there)
    HF_OK(session::write_key_file(doors.files, in_home("keys"), identity::DeviceSeeds::make(doors.random), nullptr,
                                  doors.random));
  HF_TRY(const auto seeds, session::read_key_file(doors.files, in_home("keys"), nullptr));
  HF_TRY(auto state, session::open_local_state(doors.files, doors.clock, doors.random, in_home("state")));
  {
    session::ApiClient server(doors, link);
    const auto signed_up = session::sign_up(doors, *state, server, seeds, {"alice", "laptop", "sim", {}});
    if (!signed_up && signed_up.error().code != Code::AlreadyExists) return signed_up;
  }
  HF_TRY(auto account, session::load_account(*state, seeds));
  session::Shared shared{std::move(account), std::move(state), session::make_claims(), home_of_user};
  session::Session session(doors, shared, link);
  HF_OK(session::make_home(session));
  HF_OK(session::open_home(session));
  return {};
}

Result<backup::BackupReport> back_up(Doors& doors, const Path& path) {
  HF_TRY(const auto home, open_home(doors));
  auto space = session::open_space(*home.session, session::backups_space);
  if (!space && space.error().code == Code::NotFound)
    space = session::create_space(*home.session, session::backups_space);
  if (!space) return pass_on(space.error());
  backup::BackupOptions options;
  options.paths = {path};
  options.host = "laptop";
  return backup::run_backup(**space, options);
}

Result<backup::RestoreReport> restore(Doors& doors, const std::string& which, const Path& target) {
  backup::RestoreOptions options;
  options.target = target;
  return restore(doors, which, options);
}

Result<backup::RestoreReport> restore(Doors& doors, const std::string& which, const backup::RestoreOptions& options) {
  HF_TRY(const auto home, open_home(doors));
  HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
  HF_TRY(const auto snapshots, backup::list_snapshots(*space));
  HF_TRY(const auto snapshot, backup::find_snapshot(snapshots, which));
  HF_OK(doors.files.make_directories(options.target));
  return backup::run_restore(*space, snapshot.root, options);
}

Result<backup::CheckReport> check(Doors& doors) {
  HF_TRY(const auto home, open_home(doors));
  HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
  return backup::run_check(*space, {true, {}});
}

Status forget_all_but(Doors& doors, std::uint32_t last) {
  HF_TRY(const auto home, open_home(doors));
  HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
  backup::ForgetOptions options;
  options.rules.last = last;
  HF_OK(backup::run_forget(*space, options));
  return {};
}

Result<backup::PruneReport> prune(Doors& doors) {
  HF_TRY(const auto home, open_home(doors));
  HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
  return backup::run_prune(*space, {});
}

Result<std::vector<std::string>> snapshot_ids(Doors& doors) {
  HF_TRY(const auto home, open_home(doors));
  HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
  HF_TRY(const auto snapshots, backup::list_snapshots(*space));
  std::vector<std::string> out;
  for (const auto& snapshot : snapshots) out.push_back(snapshot.id.hex());
  return out;
}

void plant(Files& hand, Prng& dice) {
  (void)hand.make_directories(tree_of_user + "/letters/old");
  (void)hand.make_directories(tree_of_user + "/empty");
  write(hand, tree_of_user + "/letters/first.txt", some_bytes(dice, 100 + dice.below(3000)));
  write(hand, tree_of_user + "/letters/old/second.txt", some_bytes(dice, 1 + dice.below(200)));
  write(hand, tree_of_user + "/nothing", {});
  write(hand, tree_of_user + "/twice.txt", as_bytes("the same in two places"));
  write(hand, tree_of_user + "/letters/twice.txt", as_bytes("the same in two places"));
  write(hand, tree_of_user + "/large", some_bytes(dice, 600'000 + dice.below(200'000)));
  if (auto writer = hand.tree_writer(tree_of_user)) (void)(*writer)->make_symlink("link", "letters/first.txt", false);
}

void change(Files& hand, Prng& dice) {
  write(hand, tree_of_user + "/letters/first.txt", some_bytes(dice, 50 + dice.below(3000)));
  write(hand, tree_of_user + "/letters/new.txt", some_bytes(dice, 50));
  (void)hand.remove(tree_of_user + "/twice.txt");
}

PlainTree look(Files& hand, const Path& root) {
  PlainTree out;
  const std::function<void(const Path&, const std::string&)> folder = [&](const Path& at, const std::string& prefix) {
    const auto entries = hand.list(at);
    if (!entries) return;
    for (const auto& entry : *entries) {
      if (!entry.stat) continue;
      const Path path = join_path(at, entry.name);
      PlainEntry plain{entry.stat->type, entry.stat->mode, entry.stat->mtime_ns, {}};
      if (plain.type == FileType::regular)
        plain.content = hand.read_file(path, std::uint64_t{1} << 30).value_or(Bytes());
      if (plain.type == FileType::symlink)
        plain.content = to_bytes(as_bytes(hand.details(path).value_or(EntryDetails()).target));
      if (plain.type == FileType::directory) folder(path, prefix + entry.name + "/");
      out.emplace(prefix + entry.name, std::move(plain));
    }
  };
  folder(root, "");
  return out;
}

}  // namespace holdfast::sim
