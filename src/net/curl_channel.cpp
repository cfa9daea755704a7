#include "net/curl_channel.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <cstring>
#include <optional>
#include <vector>

#include "net/body_memory.h"
#include "net/tls_policy.h"

namespace holdfast::net {
namespace {

constexpr long buffer_bytes = 512 * 1024;             // the most that curl takes for receiving
constexpr std::size_t headers_bytes_max = 64 * 1024;  // of an answer
constexpr long kept_connection_s = 60;                // below the server's idle_timeout_ns

template <auto free_function>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using Easy = std::unique_ptr<CURL, FreeWith<curl_easy_cleanup>>;
using Multi = std::unique_ptr<CURLM, FreeWith<curl_multi_cleanup>>;
using List = std::unique_ptr<curl_slist, FreeWith<curl_slist_free_all>>;

// One call on its way. The callbacks of curl get it as their argument.
struct Transfer {
  Easy easy{curl_easy_init()};
  const Hash* pin = nullptr;
  bool active = false;

  RequestId request_id = 0;
  HttpCall call;
  std::size_t sent = 0, header_bytes = 0;
  Bytes body;
  bool wrong_pin = false, wrong_tls = false, connected = false, too_large = false, too_many_headers = false;

  void begin(RequestId of, HttpCall what) {
    active = true;
    request_id = of;
    call = std::move(what);
    sent = header_bytes = 0;
    body = {};
    wrong_pin = wrong_tls = connected = too_large = too_many_headers = false;
  }
  [[nodiscard]] std::size_t size() const { return call.head.size() + (call.bulk ? call.bulk->size() : 0); }
};

std::size_t give_body(char* into, std::size_t size, std::size_t count, void* argument) {
  auto& transfer = *static_cast<Transfer*>(argument);
  const std::size_t room = size * count;
  const std::span out(reinterpret_cast<std::uint8_t*>(into), room);
  const std::size_t head_size = transfer.call.head.size();
  std::size_t part = 0;
  if (transfer.sent < head_size) {
    part = std::min(room, head_size - transfer.sent);
    std::memcpy(out.data(), &transfer.call.head[transfer.sent], part);
  } else if (transfer.call.bulk) {
    part = transfer.call.bulk->read_at(transfer.sent - head_size, out);
  }
  transfer.sent += part;
  return part;
}

int seek_body(void* argument, curl_off_t offset, int origin) {
  auto& transfer = *static_cast<Transfer*>(argument);
  if (origin != SEEK_SET || offset < 0 || static_cast<std::size_t>(offset) > transfer.size()) return CURL_SEEKFUNC_FAIL;
  transfer.sent = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
}

std::size_t take_body(char* data, std::size_t size, std::size_t count, void* argument) {
  auto& transfer = *static_cast<Transfer*>(argument);
  const std::size_t bytes = size * count;
  const std::size_t most = transfer.call.answer_bytes_max;
  if (transfer.body.empty()) {
    curl_off_t announced = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    if (announced > 0 && static_cast<std::uint64_t>(announced) <= most)
      transfer.body = fresh_buffer(static_cast<std::size_t>(announced));
    transfer.too_large = announced > 0 && static_cast<std::uint64_t>(announced) > most;
  }
  transfer.too_large = transfer.too_large || bytes > most - transfer.body.size();
  if (transfer.too_large) return CURL_WRITEFUNC_ERROR;
  append(transfer.body, as_bytes({data, bytes}));
  return bytes;
}

std::size_t take_header(char*, std::size_t size, std::size_t count, void* argument) {
  auto& transfer = *static_cast<Transfer*>(argument);
  transfer.header_bytes += size * count;
  transfer.too_many_headers = transfer.header_bytes > headers_bytes_max;
  return transfer.too_many_headers ? CURL_WRITEFUNC_ERROR : size * count;
}

// Instead of OpenSSL's own verification: the key is known, names and authorities don't count.
int verify_pin(X509_STORE_CTX* store, void* argument) {
  auto& transfer = *static_cast<Transfer*>(argument);
  X509* const certificate = X509_STORE_CTX_get0_cert(store);
  const auto hash = certificate == nullptr ? fail(Code::Malformed, "") : hash_of_public_key(certificate);
  transfer.wrong_pin = !hash || CRYPTO_memcmp(hash->bytes.data(), transfer.pin->bytes.data(), Hash::size) != 0;
  X509_STORE_CTX_set_error(store, transfer.wrong_pin ? X509_V_ERR_APPLICATION_VERIFICATION : X509_V_OK);
  return transfer.wrong_pin ? 0 : 1;
}

CURLcode set_up_tls(CURL*, void* context, void* argument) {
  auto* const ssl_context = static_cast<SSL_CTX*>(context);
  if (!apply_tls_policy(ssl_context)) return CURLE_SSL_CONNECT_ERROR;
  SSL_CTX_set_verify(ssl_context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(ssl_context, verify_pin, argument);
  return CURLE_OK;
}

// After the handshake, before the request is sent; on kept connections too.
int check_tls(void* argument, char*, char*, int, int) {
  auto& transfer = *static_cast<Transfer*>(argument);
  transfer.connected = true;
  curl_tlssessioninfo* session = nullptr;
  const CURLcode got = curl_easy_getinfo(transfer.easy.get(), CURLINFO_TLS_SSL_PTR, &session);
  transfer.wrong_tls = got != CURLE_OK || session == nullptr || session->backend != CURLSSLBACKEND_OPENSSL ||
                       session->internals == nullptr || !follows_tls_policy(static_cast<SSL*>(session->internals));
  return transfer.wrong_tls ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

bool is_loopback(std::string_view host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

std::unexpected<Error> failure(const Transfer& transfer, CURLcode code, const std::string& server) {
  const std::string reason = curl_easy_strerror(code);
  if (transfer.wrong_pin) return fail(Code::WrongPin, "the server's key is not the one in its link", server);
  if (transfer.wrong_tls)
    return fail(Code::Unreachable, "the server's connection is not TLS 1.3 with X25519MLKEM768", server);
  if (transfer.too_large)
    return fail(Code::TooLarge, "the server's answer is longer than such an answer may be", server);
  if (transfer.too_many_headers) return fail(Code::Malformed, "the server's answer has an endless header", server);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      if (!transfer.connected) return fail(Code::Unreachable, "the server can't be reached in time", server);
      return fail(Code::Timeout, "the server did not answer in time", server);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING:
      return fail(Code::Malformed, "the server's answer is not HTTP: " + reason, server);
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return fail(Code::Internal, "the call could not be made: " + reason, server);
    case CURLE_URL_MALFORMAT:
      return fail(Code::InvalidArgument, "the server's address can't be meant", server);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      return fail(Code::Unreachable, "TLS with the server failed: " + reason, server);
    default:
      return fail(
          Code::Unreachable,
          (transfer.connected ? "the connection to the server broke: " : "the server can't be reached: ") + reason,
          server);
  }
}

}  // namespace

void prepare_curl() {
  static const CURLcode ready = [] {
    prepare_openssl();
    return curl_global_init(CURL_GLOBAL_DEFAULT);
  }();
  if (ready != CURLE_OK) throw std::bad_alloc();
}

void FinishedCalls::push(Item item) {
  {
    const std::lock_guard lock(mutex_);
    items_.push_back(std::move(item));
  }
  wake_.notify_one();
}

FinishedCalls::Item FinishedCalls::pop() {
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [this] { return !items_.empty(); });
  Item item = std::move(items_.front());
  items_.pop_front();
  return item;
}

struct CurlChannel::State {
  State(const ClientOptions& client_options, FinishedCalls& finished_calls);

  void run();
  void set_up(Transfer& transfer);
  void start_waiting();
  void start(Transfer& transfer);
  void finish_done();
  void finish(Transfer& transfer, CURLcode code);

  const ClientOptions options;
  const std::string url;  // "https://host:port"
  const std::string server;
  FinishedCalls& finished;
  List post_headers, get_headers;
  Multi multi{curl_multi_init()};
  std::vector<std::unique_ptr<Transfer>> transfers;  // as many as connections; goes before the multi

  std::mutex mutex;
  std::deque<std::pair<RequestId, HttpCall>> waiting;
  bool stopping = false;
  std::thread thread;
};

CurlChannel::State::State(const ClientOptions& client_options, FinishedCalls& finished_calls)
    : options(client_options),
      url("https://" + (options.host.contains(':') ? "[" + options.host + "]" : options.host) + ":" +
          std::to_string(options.port)),
      server(url.substr(std::strlen("https://"))),
      finished(finished_calls) {
  const auto list = [](std::initializer_list<const char*> lines) {
    curl_slist* out = nullptr;
    for (const char* line : lines) out = curl_slist_append(out, line);
    return out;
  };
  get_headers.reset(list({"Accept:"}));
  post_headers.reset(list({"Accept:", "Expect:", "Content-Type: application/octet-stream"}));
  const long connections = std::max(1l, static_cast<long>(options.connections_per_channel));
  curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, connections);
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
  for (long i = 0; i < connections; ++i) {
    transfers.push_back(std::make_unique<Transfer>());
    set_up(*transfers.back());
  }
}

void CurlChannel::State::set_up(Transfer& transfer) {
  transfer.pin = &options.server_key_hash;
  CURL* const easy = transfer.easy.get();
  const auto set = [easy](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_PRIVATE, &transfer);
  set(CURLOPT_NOSIGNAL, 1l);
  set(CURLOPT_PROTOCOLS_STR, "https");
  set(CURLOPT_FOLLOWLOCATION, 0l);
  set(CURLOPT_PATH_AS_IS, 1l);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_HTTP09_ALLOWED, 0l);
  set(CURLOPT_TCP_KEEPALIVE, 1l);
  set(CURLOPT_MAXAGE_CONN, kept_connection_s);
  set(CURLOPT_BUFFERSIZE, buffer_bytes);
  set(CURLOPT_UPLOAD_BUFFERSIZE, buffer_bytes);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, options.connect_timeout_ns / 1'000'000)));
  if (is_loopback(options.host)) set(CURLOPT_PROXY, "");

  constexpr long tls13 = CURL_SSLVERSION_TLSv1_3;
  set(CURLOPT_SSLVERSION, tls13 | tls13 << 16);  // lowest and highest
  set(CURLOPT_SSL_ENABLE_ALPN, 0l);
  set(CURLOPT_SSL_SESSIONID_CACHE, 0l);
  set(CURLOPT_SSL_VERIFYPEER, 1l);
  set(CURLOPT_SSL_VERIFYHOST, 0l);
  set(CURLOPT_CAINFO, static_cast<char*>(nullptr));  // else curl parses all authorities for each connection
  set(CURLOPT_CAPATH, static_cast<char*>(nullptr));
  set(CURLOPT_SSL_CTX_FUNCTION, set_up_tls);
  set(CURLOPT_SSL_CTX_DATA, &transfer);
  set(CURLOPT_PREREQFUNCTION, check_tls);
  set(CURLOPT_PREREQDATA, &transfer);

  set(CURLOPT_READFUNCTION, give_body);
  set(CURLOPT_READDATA, &transfer);
  set(CURLOPT_SEEKFUNCTION, seek_body);
  set(CURLOPT_SEEKDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, take_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_HEADERFUNCTION, take_header);
  set(CURLOPT_HEADERDATA, &transfer);
}

void CurlChannel::State::start(Transfer& transfer) {
  CURL* const easy = transfer.easy.get();
  const HttpCall& call = transfer.call;
  curl_easy_setopt(easy, CURLOPT_URL, (url + call.path).c_str());
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<std::int64_t>(1, call.timeout_ns / 1'000'000)));
  if (call.method == Method::get) {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1l);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, get_headers.get());
  } else {
    curl_easy_setopt(easy, CURLOPT_POST, 1l);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(transfer.size()));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, post_headers.get());
  }
  if (curl_multi_add_handle(multi.get(), easy) != CURLM_OK) finish(transfer, CURLE_FAILED_INIT);
}

void CurlChannel::State::start_waiting() {
  for (const auto& transfer : transfers) {
    if (transfer->active) continue;
    {
      const std::lock_guard lock(mutex);
      if (waiting.empty()) return;
      transfer->begin(waiting.front().first, std::move(waiting.front().second));
      waiting.pop_front();
    }
    start(*transfer);
  }
}

void CurlChannel::State::finish(Transfer& transfer, CURLcode code) {
  transfer.active = false;
  Result<HttpAnswer> result = HttpAnswer{};
  if (code == CURLE_OK) {
    long status = 0;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer.easy.get(), CURLINFO_RETRY_AFTER, &retry_after_s);
    constexpr curl_off_t retry_after_max_s = 3600;
    result->status = static_cast<int>(status);
    result->retry_after_s = static_cast<unsigned>(std::clamp<curl_off_t>(retry_after_s, 0, retry_after_max_s));
    result->body = std::move(transfer.body);
  } else {
    result = failure(transfer, code, server);
  }
  transfer.call = {};
  transfer.body = {};
  finished.push({transfer.request_id, std::move(result)});
}

void CurlChannel::State::finish_done() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    CURL* const easy = message->easy_handle;
    Transfer* transfer = nullptr;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    curl_multi_remove_handle(multi.get(), easy);
    finish(*transfer, code);
  }
}

void CurlChannel::State::run() {
  sigset_t pipe;  // NOSIGNAL leaves it to us
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  for (;;) {
    {
      const std::lock_guard lock(mutex);
      if (stopping) break;
    }
    start_waiting();
    int running = 0;
    curl_multi_perform(multi.get(), &running);
    finish_done();
    bool more = false;
    {
      const std::lock_guard lock(mutex);
      more = !waiting.empty();
    }
    const bool free = static_cast<std::size_t>(running) < transfers.size();
    constexpr int poll_ms_max = 60'000;
    if (!(more && free)) curl_multi_poll(multi.get(), nullptr, 0, poll_ms_max, nullptr);
  }
  for (const auto& transfer : transfers) {
    if (transfer->active) curl_multi_remove_handle(multi.get(), transfer->easy.get());
  }
}

CurlChannel::CurlChannel(const ClientOptions& options, FinishedCalls& finished)
    : state_(std::make_unique<State>(options, finished)) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

CurlChannel::~CurlChannel() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  curl_multi_wakeup(state_->multi.get());
  state_->thread.join();
}

void CurlChannel::submit(RequestId request_id, HttpCall call) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->waiting.emplace_back(request_id, std::move(call));
  }
  curl_multi_wakeup(state_->multi.get());
}

}  // namespace holdfast::net
