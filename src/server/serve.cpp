#include "server/serve.h"

#include <unistd.h>

#include <array>
#include <condition_variable>
#include <thread>

#include "base/system.h"
#include "net/server.h"
#include "server/directory_object_store.h"
#include "server/keys.h"
#include "server/serve_watches.h"
#include "server/sqlite_meta_store.h"
#include "server/sweep.h"

namespace holdfast::server {

namespace {

constexpr std::int64_t stop_grace_ns = 10 * second_ns;
constexpr auto sweep_pause = std::chrono::minutes(1);
constexpr int sweeps_in_a_row_max = 1000;
constexpr unsigned meta_readers = 8;
constexpr std::string_view calls_path = "/v1/";

net::HttpReply plain(int status, std::string_view text) {
  net::HttpReply reply;
  reply.status = status;
  reply.content_type = "text/plain";
  reply.head = to_bytes(as_bytes(text));
  return reply;
}

std::size_t path_body_bytes_max(std::string_view path) {
  return body_bytes_max(path.starts_with(calls_path) ? path.substr(calls_path.size()) : std::string_view());
}

// Mostly encryption, on the way to disks that are slower.
unsigned io_threads() { return std::clamp(std::thread::hardware_concurrency() / 2, 1u, 4u); }

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

Result<api::HostPort> link_address(const std::string& public_address, const std::string& listening) {
  HF_TRY(api::HostPort address, api::parse_host_port(listening));
  if (public_address.empty()) {
    if (address.host == "0.0.0.0" || address.host == "::") address.host = machine_name();
    return address;
  }
  auto given = api::parse_host_port(public_address);
  if (!given) given = api::parse_host_port(public_address + ":" + std::to_string(address.port));
  if (!given || given->port == 0)
    return fail(Code::InvalidArgument, "the public address has the form host, host:port or [IPv6]:port",
                printable(public_address));
  return std::move(*given);
}

// Whoever can write there can put keys of his own in the place of ours.
Status check_data_directory(const FileStat& stat, const Path& path, EventLog& log) {
  if ((stat.mode & 022) != 0)
    return fail(Code::PermissionDenied, "others than the data directory's owner can write in it", printable(path));
  if (stat.uid != ::geteuid()) log.write(Level::warning, "data_directory_of_another_user", {{"uid", stat.uid}});
  if ((stat.mode & 055) != 0) log.write(Level::warning, "data_directory_open_to_others", {{"mode", stat.mode & 0777}});
  return {};
}

// What is there already must be ours: a mistyped DIR gets no files.
Status check_is_ours(Files& files, const Path& path) {
  HF_TRY(const auto entries, files.list(path));
  bool others = false;
  for (const DirectoryEntry& entry : entries) {
    if (entry.name == "lock") return {};  // made first of all
    others = others || entry.name != "lost+found";
  }
  if (!others) return {};
  return fail(Code::AlreadyExists, "this folder is not empty, and no Holdfast server's", printable(path));
}

}  // namespace

// Members go in the reverse order: the listener first, the stores and the lock last.
struct Server::State {
  State(EventLog& event_log, std::unique_ptr<Lock> held) : log(event_log), lock(std::move(held)) {}

  net::Handled handle(net::HttpRequest& request);
  void sweep_until_stopped(const std::stop_token& stop);
  void sweep_once(Sweeper& sweeper, const std::stop_token& stop);

  EventLog& log;
  std::unique_ptr<Lock> lock;
  std::unique_ptr<Clock> clock = system_clock();
  std::unique_ptr<Random> random = system_random();
  std::unique_ptr<MetaStore> rows;
  std::unique_ptr<ObjectStore> objects;
  std::unique_ptr<Service> service;
  std::unique_ptr<Watches> watches;
  std::unique_ptr<net::HttpServer> http;
  api::ServerLink link;
  std::string address;
  std::jthread sweeper;
};

net::Handled Server::State::handle(net::HttpRequest& request) {
  if (request.path == "/healthz") {
    if (request.method != "GET") return plain(405, "GET only\n");
    return service->healthy() ? plain(200, "ok") : plain(503, "the store does not answer\n");
  }
  if (!request.path.starts_with(calls_path)) return plain(404, "not found\n");
  if (request.method != "POST") return plain(405, "POST only\n");
  Served served = service->handle(std::string_view(request.path).substr(calls_path.size()), request.body, request.peer);
  if (auto* watching = std::get_if<Watching>(&served)) return watches->wait(std::move(*watching), request.peer);
  auto& answer = std::get<ServiceReply>(served);
  net::HttpReply reply;
  reply.head = std::move(answer.head);
  reply.bulk = std::move(answer.bulk);
  return reply;
}

void Server::State::sweep_once(Sweeper& sweeping, const std::stop_token& stop) {
  Swept all;
  for (int i = 0; i < sweeps_in_a_row_max && !stop.stop_requested(); ++i) {
    const auto swept = sweeping.sweep();
    if (!swept) {
      log.error("sweep_failed", swept.error());
      break;
    }
    all.uploads += swept->uploads;
    all.objects += swept->objects;
    all.notes += swept->notes;
    all.bytes += swept->bytes;
    if (!swept->more) break;
  }
  if (all.uploads + all.objects + all.notes > 0)
    log.write(Level::info, "swept",
              {{"uploads", all.uploads}, {"objects", all.objects}, {"notes", all.notes}, {"bytes", all.bytes}});
}

void Server::State::sweep_until_stopped(const std::stop_token& stop) {
  Sweeper sweeping(*rows, *objects, *clock, log);
  std::mutex mutex;
  std::condition_variable_any stopped;
  while (!stop.stop_requested()) {
    sweep_once(sweeping, stop);
    std::unique_lock waiting(mutex);
    stopped.wait_for(waiting, stop, sweep_pause, [] { return false; });
  }
}

Result<std::unique_ptr<Server>> Server::start(ServeOptions options, EventLog& log) {
  const auto files = system_files(1);
  if (!options.data.starts_with('/')) {
    // Relative to where the operator stands.
    HF_TRY(const Path here, files->real_path("."));
    options.data = join_path(here, options.data);
  }
  HF_OK(files->make_directories(options.data));
  HF_TRY(const FileStat stat, files->stat(options.data));
  HF_OK(check_data_directory(stat, options.data, log));
  HF_OK(check_is_ours(*files, options.data));
  auto lock = files->lock(join_path(options.data, "lock"));
  if (!lock && lock.error().code == Code::Busy)
    return fail(Code::Busy, "another server has this data directory open", printable(options.data));
  if (!lock) return pass_on(std::move(lock).error());
  auto state = std::make_unique<State>(log, std::move(*lock));

  HF_TRY(ServerKeys keys, load_or_make_keys(*files, *state->random, options.data));
  HF_TRY(state->rows,
         open_sqlite_meta_store({.directory = join_path(options.data, "meta"), .readers = meta_readers, .vfs = {}}));
  const DirectoryOptions objects{.directory = join_path(options.data, "objects"), .reserve_bytes = {}};
  HF_TRY(state->objects, open_directory_object_store(objects));
  HF_TRY(const DiskSpace disk, disk_space(objects));
  if (disk.free_bytes < disk.reserve_bytes)
    log.write(Level::warning, "disk_nearly_full",
              {{"free_bytes", disk.free_bytes}, {"reserve_bytes", disk.reserve_bytes}});
  options.service.server_key = keys.tls.server_key_hash();
  options.service.policy = keys.policy;
  if (options.invitation_only)
    options.service.invitations = std::make_shared<const InvitationKey>(std::move(keys.invitations));
  HF_TRY(state->service,
         Service::open(*state->rows, *state->objects, *state->clock, *state->random, log, options.service));
  state->watches = std::make_unique<Watches>(*state->rows, *state->service, *state->clock, log);

  net::ServerOptions listener{.listen = options.listen,
                              .listener = options.listener,
                              .key = keys.tls,
                              .body_bytes_max_of = path_body_bytes_max,
                              .io_threads = io_threads(),
                              .worker_threads = options.worker_threads,
                              .limits = {}};
  HF_TRY(state->http, net::HttpServer::start(listener, [inner = state.get()](net::HttpRequest& request) {
           return inner->handle(request);
         }));
  state->address = state->http->address();
  HF_TRY(const api::HostPort named, link_address(options.public_address, state->address));
  state->link = {named.host, named.port, keys.tls.server_key_hash(), keys.policy_hash};
  state->sweeper =
      std::jthread([inner = state.get()](const std::stop_token& stop) { inner->sweep_until_stopped(stop); });
  log.write(Level::info, "started", {{"listen", state->address}, {"data", options.data}});
  return std::unique_ptr<Server>(new Server(std::move(state)));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() { stop(); }

const api::ServerLink& Server::link() const { return state_->link; }
const std::string& Server::address() const { return state_->address; }

void Server::stop() {
  if (!state_->http) return;
  state_->log.write(Level::info, "stopping", {{"waiting", state_->watches->count()}});
  state_->sweeper = {};
  state_->http->stop(stop_grace_ns);
  state_->http.reset();
  state_->watches.reset();
  state_->service.reset();
  state_->objects.reset();
  state_->rows.reset();
  state_->lock.reset();
  state_->log.write(Level::info, "stopped");
}

}  // namespace holdfast::server
