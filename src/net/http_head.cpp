#include "net/http_head.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <limits>

namespace holdfast::net {
namespace {

namespace http = boost::beast::http;

HeadParser::Step refused(int status) { return {.state = HeadParser::Step::State::refused, .status = status}; }

}  // namespace

struct HeadParser::State {
  http::request_parser<http::empty_body> parser;
};

HeadParser::HeadParser(std::size_t head_bytes_max) : state_(std::make_unique<State>()) {
  state_->parser.header_limit(
      static_cast<std::uint32_t>(std::min<std::size_t>(head_bytes_max, std::numeric_limits<std::uint32_t>::max())));
  state_->parser.body_limit(boost::none);  // the connection compares the length with its own limit
}

HeadParser::~HeadParser() = default;

HeadParser::Step HeadParser::feed(ByteView bytes) {
  auto& parser = state_->parser;
  boost::system::error_code error;
  const std::size_t consumed = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), error);
  if (error == http::error::header_limit) return refused(431);
  if (error && error != http::error::need_more) return refused(400);
  if (!parser.is_header_done()) return {.consumed = consumed};
  const auto& request = parser.get();
  if (request.has_content_length() && request.find(http::field::transfer_encoding) != request.end())
    return refused(400);
  if (request.find(http::field::transfer_encoding) != request.end()) return refused(411);
  if (!request.has_content_length() && (request.method() == http::verb::post || request.method() == http::verb::put))
    return refused(411);
  return {.state = Step::State::complete, .consumed = consumed};
}

RequestHead HeadParser::take() {
  const auto& request = state_->parser.get();
  const auto text_of = [&request](http::field field) { return std::string(request[field]); };
  return {.method = std::string(request.method_string()),
          .target = std::string(request.target()),
          .content_type = text_of(http::field::content_type),
          .body_size = state_->parser.content_length().value_or(0),
          .keep_alive = request.version() == 11 && request.keep_alive(),
          .expects_continue = boost::beast::iequals(request[http::field::expect], "100-continue")};
}

std::string reply_head(const HttpReply& reply, std::size_t body_size, bool keep_alive) {
  const auto reason = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(reply.status)));
  std::string head = "HTTP/1.1 " + std::to_string(reply.status) + " " + std::string(reason) + "\r\n";
  const bool may_have_body = reply.status != 204 && reply.status != 304;
  if (may_have_body) head += "Content-Length: " + std::to_string(body_size) + "\r\n";
  if (may_have_body && body_size > 0) head += "Content-Type: " + reply.content_type + "\r\n";
  if (reply.retry_after_s > 0) head += "Retry-After: " + std::to_string(reply.retry_after_s) + "\r\n";
  if (!keep_alive) head += "Connection: close\r\n";
  return head + "\r\n";
}

}  // namespace holdfast::net
