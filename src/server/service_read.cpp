// Head, read and watch.
#include "server/service.h"
#include "server/service_checks.h"

namespace holdfast::server {

namespace {

// In each answer at most 256 KiB of entries, and at least one if there is one.
constexpr Limit entries_limit{.rows = 4096, .bytes = api::read_bytes_max};

}  // namespace

Result<std::vector<api::Entry>> Service::entries_after(const GroupId& group, std::uint64_t after, std::uint64_t up_to) {
  std::vector<api::Entry> entries;
  if (after >= up_to) return entries;
  HF_TRY(const Page page,
         from_store(rows_.scan(entry_key(group, after + 1), entry_key(group, up_to + 1), entries_limit)));
  for (const Write& row : page.rows) {
    HF_TRY(entries.emplace_back(), decode_entry(row.value));
  }
  return entries;
}

Result<api::Head::Reply> Service::perform(const api::Head& call, std::string_view) {
  HF_TRY(const Ticket ticket, ticket_for(call.ticket, api::Right::read));
  const Key key = group_key(ticket.group);
  HF_TRY(const auto values, get({&key, 1}));
  HF_TRY(const auto group, group_of(values[0], ticket));
  HF_TRY(auto last, entries_after(ticket.group, group.row.last_link.seq - 1, group.row.last_link.seq));
  if (last.empty()) return fail(Code::Internal, "a log's last link is not there");
  return api::Head::Reply{group.row.head_seq, std::move(last.front())};
}

Result<api::Read::Reply> Service::perform(const api::Read& call, std::string_view) {
  HF_TRY(const Ticket ticket, ticket_for(call.ticket, api::Right::read));
  const Key key = group_key(ticket.group);
  HF_TRY(const auto values, get({&key, 1}));
  HF_TRY(const auto group, group_of(values[0], ticket));
  const std::uint64_t after = call.from_seq == 0 ? 0 : call.from_seq - 1;
  HF_TRY(auto entries, entries_after(ticket.group, after, group.row.head_seq));
  return api::Read::Reply{group.row.head_seq, std::move(entries)};
}

Result<std::variant<Bytes, Watching>> Service::begin_watch(const api::Watch& call) {
  if (call.logs.empty()) return fail(Code::Malformed, "a watch names at least one log");
  if (call.logs.size() > api::watch_logs_max) return fail(Code::TooLarge, "a watch names at most 512 logs");
  Watching watching;
  for (const api::WatchedLog& log : call.logs) {
    HF_TRY(const Ticket ticket, ticket_for(log.ticket, api::Right::read));
    watching.logs.push_back({ticket, log.after_seq});
  }
  std::vector<GroupId> groups;
  groups.reserve(watching.logs.size());
  for (const Watching::Log& log : watching.logs) groups.push_back(log.ticket.group);
  if (!all_distinct(std::move(groups))) return fail(Code::Malformed, "a watch names each log once");
  std::vector<std::size_t> all(watching.logs.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  HF_TRY(auto answer, moved(watching, all));
  if (answer) return std::move(*answer);
  const std::uint16_t seconds = std::min(call.timeout_seconds, watch_seconds_max);
  watching.deadline_ns = clock_.monotonic_ns() + seconds * second_ns;
  return watching;
}

Result<std::optional<Bytes>> Service::moved(const Watching& watching, std::span<const std::size_t> which) {
  std::vector<Key> keys;
  for (const std::size_t i : which) keys.push_back(group_key(watching.logs[i].ticket.group));
  HF_TRY(const auto values, get(keys));
  std::optional<GroupClass> seen;
  std::optional<std::pair<std::size_t, std::uint64_t>> first;  // index of the first that moved, its head
  for (std::size_t k = 0; k < which.size(); ++k) {
    const Watching::Log& log = watching.logs[which[k]];
    HF_TRY(const auto group, group_of(values[k], log.ticket));
    if (seen && *seen != group.row.group_class)
      return fail(Code::Malformed, "account logs are watched apart from others");
    seen = group.row.group_class;
    if (!first && group.row.head_seq > log.after_seq) first = {which[k], group.row.head_seq};
  }
  if (!first) return std::optional<Bytes>();
  const auto [index, head_seq] = *first;
  const Watching::Log& log = watching.logs[index];
  HF_TRY(auto entries, entries_after(log.ticket.group, log.after_seq, head_seq));
  return encode(
      api::Answer<api::Watch>(api::Watch::Reply{static_cast<std::uint16_t>(index), head_seq, std::move(entries)}));
}

std::optional<Bytes> Service::look(const Watching& watching) {
  std::vector<std::size_t> all(watching.logs.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  auto answer = moved(watching, all);
  return answer ? std::move(*answer) : refuse(api::Watch::name, answer.error());
}

std::optional<Bytes> Service::look_at(const Watching& watching, std::size_t log) {
  auto answer = moved(watching, {&log, 1});
  return answer ? std::move(*answer) : refuse(api::Watch::name, answer.error());
}

Bytes Service::too_many_wait() {
  api::Refusal refusal =
      api::refusal_of({Code::RateLimited, "too many wait already, for this log or from this address", {}, {}});
  refusal.retry_after_ms = retry_rate_ms;
  return encode(api::Answer<api::Watch>(std::move(refusal)));
}

Bytes Service::nothing_moved() { return encode(api::Answer<api::Watch>(api::Watch::Reply{})); }

}  // namespace holdfast::server
