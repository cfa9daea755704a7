#include "session/http_remote.h"

#include "net/client.h"

namespace holdfast::session {

namespace {

constexpr std::string_view api_root = "/v1/";
constexpr int status_ok = 200, status_too_many = 429;

class HttpRemote final : public Remote {
 public:
  explicit HttpRemote(const api::ServerLink& link) : client_({link.host, link.port, link.server_key}) {}

  RequestId submit(Call call) override {
    net::HttpCall http;
    http.channel = static_cast<unsigned>(call.channel);
    http.path = std::string(api_root) + call.name;
    http.head = std::move(call.body);
    http.bulk = std::move(call.bulk);
    if (call.timeout_ns > 0) http.timeout_ns = call.timeout_ns;
    return client_.submit(std::move(http));
  }

  std::pair<RequestId, Result<Bytes>> next() override {
    auto [ticket, answer] = client_.next();
    if (!answer) return {ticket, pass_on(std::move(answer).error())};
    if (answer->status == status_ok) return {ticket, std::move(answer->body)};
    if (answer->status == status_too_many) return {ticket, fail(Code::RateLimited, "the server asks for patience")};
    return {ticket, fail(Code::Unreachable, "the server answered with HTTP status " + std::to_string(answer->status))};
  }

  [[nodiscard]] std::size_t in_flight() const override { return client_.in_flight(); }

 private:
  net::HttpClient client_;
};

}  // namespace

std::unique_ptr<Remote> http_remote(const api::ServerLink& link) { return std::make_unique<HttpRemote>(link); }

}  // namespace holdfast::session
