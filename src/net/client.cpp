#include "net/client.h"

#include <map>

#include "net/curl_channel.h"

namespace holdfast::net {

struct HttpClient::State {
  ClientOptions options;
  RequestId last_request_id = 0;
  std::size_t in_flight = 0;
  FinishedCalls finished;
  std::map<unsigned, CurlChannel> channels;  // last: their threads end before the queue goes
};

HttpClient::HttpClient(ClientOptions options) : state_(std::make_unique<State>()) {
  prepare_curl();
  state_->options = std::move(options);
}

HttpClient::~HttpClient() = default;

RequestId HttpClient::submit(HttpCall call) {
  const RequestId request_id = ++state_->last_request_id;
  ++state_->in_flight;
  const auto [channel, fresh] = state_->channels.try_emplace(call.channel, state_->options, state_->finished);
  channel->second.submit(request_id, std::move(call));
  return request_id;
}

std::pair<RequestId, Result<HttpAnswer>> HttpClient::next() {
  auto item = state_->finished.pop();
  --state_->in_flight;
  return item;
}

std::size_t HttpClient::in_flight() const { return state_->in_flight; }

}  // namespace holdfast::net
