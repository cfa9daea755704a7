#include "api/calls.h"

#include <array>
#include <utility>

namespace holdfast::api {

namespace {

constexpr std::array<std::pair<Reason, Code>, 14> codes{{
    {Reason::malformed, Code::Malformed},
    {Reason::not_authorized, Code::NotAuthorized},
    {Reason::not_found, Code::NotFound},
    {Reason::already_exists, Code::AlreadyExists},
    {Reason::too_large, Code::TooLarge},
    {Reason::quota_exceeded, Code::QuotaExceeded},
    {Reason::rate_limited, Code::RateLimited},
    {Reason::no_space, Code::NoSpaceLeft},
    {Reason::missing, Code::Missing},
    {Reason::upload_gone, Code::UploadGone},
    {Reason::invitation_needed, Code::PermissionDenied},
    {Reason::unavailable, Code::Unreachable},
    {Reason::too_old, Code::TooOld},
    {Reason::conflict, Code::Busy},
}};

}  // namespace

Error error_of(const Refusal& refusal) {
  for (const auto& [reason, code] : codes)
    if (reason == refusal.reason) return {code, "the server refused: " + printable(refusal.sentence), {}, {}};
  return {Code::Internal, "the server refused", {}, {}};
}

Refusal refusal_of(const Error& error) {
  for (const auto& [reason, code] : codes)
    if (code == error.code) return {reason, error.sentence, 0};
  return {Reason::unavailable, "the server could not do this now", 0};
}

Bytes encode_put_head(const Put& put, std::size_t bytes_size) {
  Writer out;
  wire::put(out, put.ticket);
  wire::put(out, put.upload);
  wire::put(out, put.id);
  wire::put(out, put.sha256);
  out.length(bytes_size);
  return std::move(out).take();
}

}  // namespace holdfast::api
