#include "net/server.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "net/connection.h"
#include "net/peers.h"

namespace holdfast::net {
namespace {

using asio::ip::tcp;
using boost::system::error_code;

struct HostPort {
  std::string host;
  std::uint16_t port = 0;
};

std::optional<HostPort> split(const std::string& listen) {
  const std::size_t colon = listen.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  HostPort out{.host = listen.substr(0, colon)};
  if (out.host.front() == '[' && out.host.back() == ']') out.host = out.host.substr(1, out.host.size() - 2);
  const char* const end = listen.data() + listen.size();
  const auto [stop, error] = std::from_chars(listen.data() + colon + 1, end, out.port);
  if (out.host.empty() || error != std::errc() || stop != end || stop == listen.data() + colon + 1) return std::nullopt;
  return out;
}

std::string text_of(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

std::string name_of(const asio::ip::address& address) {
  const auto v6 = address.is_v6() ? address.to_v6() : asio::ip::make_address_v6(asio::ip::v4_mapped, address.to_v4());
  return peer_name(v6.to_bytes());
}

Code code_of(const error_code& error) {
  if (error == asio::error::address_in_use) return Code::Busy;
  if (error == asio::error::access_denied) return Code::PermissionDenied;
  return Code::IoError;
}

}  // namespace

struct HttpServer::State {
  State(const ServerOptions& options, Handler handler) : core(options, std::move(handler)) {
    for (unsigned i = 0; i < std::max(options.io_threads, 1u); ++i) ios.push_back(std::make_unique<IoThread>());
    acceptor.emplace(ios.front()->context);
    retry.emplace(ios.front()->context);
    core.connection_ended = [this] {
      const std::lock_guard lock(mutex);
      --core.connections;
      changed.notify_all();
    };
  }

  Status listen(const std::string& where);
  Status take_over(int listener);
  Status note_address(const std::string& where);
  void run();
  asio::awaitable<void> accept();
  void admit(IoThread& io, tcp::socket socket);
  void stop(std::int64_t grace_ns);
  void on_each_connection(void (Connection::*what)());

  ServerCore core;
  std::vector<std::unique_ptr<IoThread>> ios;
  std::optional<tcp::acceptor> acceptor;
  std::optional<asio::steady_timer> retry;  // accepting, after the process ran out of descriptors
  std::uint16_t port = 0;
  std::string address;

  std::mutex mutex;
  std::condition_variable changed;
  bool accepting = false, stopped = false;
  std::mutex stop_mutex;  // the second call of stop() waits for the first

  std::vector<std::thread> threads;
  std::vector<asio::executor_work_guard<asio::io_context::executor_type>> guards;
};

Status HttpServer::State::listen(const std::string& where) {
  const auto wanted = split(where);
  if (!wanted) return fail(Code::InvalidArgument, "an address to listen on looks like host:port", where);
  error_code error;
  tcp::resolver resolver(ios.front()->context);
  const auto found = resolver.resolve(wanted->host, std::to_string(wanted->port), tcp::resolver::passive, error);
  if (error || found.empty()) return fail(Code::InvalidArgument, "the address to listen on does not exist here", where);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(code_of(error), "the server can't listen: " + error.message(), where);
  return note_address(where);
}

Status HttpServer::State::take_over(int listener) {
  const std::string where = "descriptor " + std::to_string(listener);
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  int listens = 0;
  socklen_t flag_size = sizeof listens;
  if (::getsockname(listener, reinterpret_cast<sockaddr*>(&local), &size) != 0 ||
      (local.ss_family != AF_INET && local.ss_family != AF_INET6) ||
      ::getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &listens, &flag_size) != 0 || listens == 0)
    return fail(Code::InvalidArgument, "the socket that was handed over does not listen on TCP", where);
  ::fcntl(listener, F_SETFD, FD_CLOEXEC);
  error_code error;
  acceptor->assign(local.ss_family == AF_INET ? tcp::v4() : tcp::v6(), listener, error);
  if (error) return fail(code_of(error), "the server can't listen: " + error.message(), where);
  return note_address(where);
}

Status HttpServer::State::note_address(const std::string& where) {
  error_code error;
  const tcp::endpoint local = acceptor->local_endpoint(error);
  if (error) return fail(Code::IoError, "the server can't listen: " + error.message(), where);
  port = local.port();
  address = text_of(local);
  return {};
}

void HttpServer::State::run() {
  accepting = true;
  asio::co_spawn(ios.front()->context, accept(), [this](const std::exception_ptr&) {
    const std::lock_guard lock(mutex);
    accepting = false;
    changed.notify_all();
  });
  for (const auto& io : ios) {
    guards.emplace_back(io->context.get_executor());
    threads.emplace_back([context = &io->context] {
      sigset_t pipe;  // OpenSSL writes to sockets that may be closed
      sigemptyset(&pipe);
      sigaddset(&pipe, SIGPIPE);
      pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
      context->run();
    });
  }
}

asio::awaitable<void> HttpServer::State::accept() {
  for (std::size_t next = 0; !core.stopping; next = (next + 1) % ios.size()) {
    IoThread& io = *ios[next];
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const asio::any_io_executor executor = io.context.get_executor();
    auto accepted = acceptor->async_accept(executor, token);
    tcp::socket socket = co_await std::move(accepted);
    if (error == asio::error::operation_aborted || core.stopping) co_return;
    if (!error) {
      admit(io, std::move(socket));
      continue;
    }
    retry->expires_after(std::chrono::milliseconds(100));
    auto later = retry->async_wait(token);
    co_await std::move(later);
  }
}

void HttpServer::State::admit(IoThread& io, tcp::socket socket) {
  ++core.accepted;
  error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (!error) socket.set_option(tcp::no_delay(true), error);
  if (!error) socket.native_non_blocking(true, error);
  PeerAccounts::Held account;
  if (!error && core.connections < core.limits.connections_max) account = core.peers.enter(name_of(peer.address()));
  if (!account) {
    ++core.refused_connections;
    return;
  }
  ++core.connections;
  asio::post(io.context, [this, &io, socket = std::move(socket), account = std::move(account)]() mutable {
    try {
      std::make_shared<Connection>(core, io, std::move(socket), std::move(account))->start();
    } catch (const std::bad_alloc&) {
      core.connection_ended();
    }
  });
}

void HttpServer::State::on_each_connection(void (Connection::*what)()) {
  for (const auto& io : ios) {
    asio::post(io->context, [&io = *io, what] {
      for (Connection* connection : io.connections) (connection->*what)();
    });
  }
}

void HttpServer::State::stop(std::int64_t grace_ns) {
  const std::lock_guard one_at_a_time(stop_mutex);
  if (std::exchange(stopped, true)) return;
  core.stopping = true;
  asio::post(ios.front()->context, [this] {
    error_code ignored;
    acceptor->close(ignored);
    retry->cancel();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [this] { return !accepting; });
  on_each_connection(&Connection::stop_soon);
  const auto all_gone = [this] { return core.connections == 0; };
  if (!changed.wait_for(lock, std::chrono::nanoseconds(grace_ns), all_gone)) {
    on_each_connection(&Connection::abort);
    changed.wait(lock, all_gone);
  }
  lock.unlock();
  core.workers.stop();
  guards.clear();
  for (std::thread& thread : threads) thread.join();
}

HttpServer::HttpServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpServer::~HttpServer() { stop(5'000'000'000); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(const ServerOptions& options, Handler handler) {
  auto state = std::make_unique<State>(options, std::move(handler));
  if (state->core.tls == nullptr) return fail(Code::Internal, "this OpenSSL has no TLS 1.3 with X25519MLKEM768");
  HF_OK(options.listener >= 0 ? state->take_over(options.listener) : state->listen(options.listen));
  state->run();
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

std::uint16_t HttpServer::port() const { return state_->port; }

const std::string& HttpServer::address() const { return state_->address; }

ServerCounters HttpServer::counters() const {
  const ServerCore& core = state_->core;
  return {.accepted = core.accepted,
          .refused_connections = core.refused_connections,
          .failed_handshakes = core.failed_handshakes,
          .requests = core.requests,
          .refused_requests = core.refused_requests,
          .connections = core.connections,
          .waiters = core.waiters,
          .body_bytes = core.bodies.used(),
          .reply_bytes = core.replies.used()};
}

void HttpServer::stop(std::int64_t grace_ns) { state_->stop(grace_ns); }

}  // namespace holdfast::net
