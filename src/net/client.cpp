#include "net/client.h"

#include <map>

#include "net/curl_channel.h"

namespace holdfast::net {

struct HttpClient::State {
  ClientOptions options;
  Ticket last_ticket = 0;
  std::size_t in_flight = 0;
  FinishedCalls finished;
  std::map<unsigned, CurlChannel> channels;  // last: their threads end before the queue goes
};

HttpClient::HttpClient(ClientOptions options) : state_(std::make_unique<State>()) {
  prepare_curl();
  state_->options = std::move(options);
}

HttpClient::~HttpClient() = default;

Ticket HttpClient::submit(HttpCall call) {
  const Ticket ticket = ++state_->last_ticket;
  ++state_->in_flight;
  const auto [channel, fresh] = state_->channels.try_emplace(call.channel, state_->options, state_->finished);
  channel->second.submit(ticket, std::move(call));
  return ticket;
}

std::pair<Ticket, Result<HttpAnswer>> HttpClient::next() {
  auto item = state_->finished.pop();
  --state_->in_flight;
  return item;
}

std::size_t HttpClient::in_flight() const { return state_->in_flight; }

}  // namespace holdfast::net
