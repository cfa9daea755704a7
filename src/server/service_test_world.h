// A service over the simulator's stores, called as a client calls it: bytes in, bytes out.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <random>

#include "crypto/signature.h"
#include "server/map_meta_store.h"
#include "server/memory_object_store.h"
#include "server/service.h"
#include "server/sweep.h"

namespace holdfast::server {

class TestClock final : public Clock {
 public:
  std::int64_t now_ns() override { return wall_ns; }
  std::int64_t monotonic_ns() override { return steady_ns; }
  void sleep_ns(std::int64_t duration) override {
    wall_ns += duration;
    steady_ns += duration;
  }
  void pass(std::int64_t seconds) { sleep_ns(seconds * second_ns); }
  std::atomic<std::int64_t> wall_ns = 1'800'000'000 * second_ns, steady_ns = second_ns;
};

class TestRandom final : public Random {
 public:
  explicit TestRandom(unsigned seed) : engine_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    const std::lock_guard lock(mutex_);
    for (std::uint8_t& byte : out) byte = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 engine_;
};

// The keys of one group, one for each right.
struct TestGroup {
  GroupId id;
  std::vector<crypto::Ed25519Key> keys;  // by right - 1
  api::Entry last_link;
  std::uint64_t head_seq = 0;

  [[nodiscard]] const crypto::Ed25519Key& key(api::Right right) const {
    return keys[static_cast<std::size_t>(right) - 1];
  }
  [[nodiscard]] api::Caps caps() const {
    const auto of = [&](api::Right right) { return std::vector{key(right).public_key()}; };
    return {of(api::Right::read), of(api::Right::write), of(api::Right::maintain), of(api::Right::admin)};
  }
  [[nodiscard]] api::Position last() const { return {last_link.seq, api::entry_hash(last_link)}; }
  [[nodiscard]] api::Entry next_link(std::string_view blob) const {
    api::Entry entry;
    entry.group = id;
    entry.seq = head_seq + 1;
    entry.prev = api::entry_hash(last_link);
    entry.blob = to_bytes(as_bytes(blob));
    return entry;
  }
};

class TestWorld {
 public:
  explicit TestWorld(ServiceOptions options = {}, unsigned seed = 4711)
      : TestWorld(own_rows, own_objects, std::move(options), seed) {}
  TestWorld(MetaStore& rows_of_engine, ObjectStore& objects_of_engine, ServiceOptions options = {},
            unsigned seed = 4711)
      : random(seed), rows(rows_of_engine), objects(objects_of_engine), sweeper(rows, objects, clock, log) {
    options.server_key.bytes.fill(0x5a);
    options.policy = "quorum none\n";
    server_key = options.server_key;
    service = *Service::open(rows, objects, clock, random, log, options);
  }

  Bytes answer(std::string_view name, ByteView body, std::string_view peer = "192.0.2.7") {
    auto served = service->handle(name, body, peer);
    if (auto* reply = std::get_if<ServiceReply>(&served)) return std::move(*reply).joined();
    watching = std::get<Watching>(std::move(served));
    return {};
  }

  template <class Call>
  static Result<typename Call::Reply> read(ByteView bytes) {
    HF_TRY(auto answer, decode<api::Answer<Call>>(bytes, "the answer"));
    if (auto* refusal = std::get_if<api::Refusal>(&answer)) return pass_on(api::error_of(*refusal));
    return std::get<typename Call::Reply>(std::move(answer));
  }

  template <class Call>
  Result<typename Call::Reply> call(const Call& call, std::string_view peer = "192.0.2.7") {
    last_answer = answer(Call::name, encode(call), peer);  // views in the reply point into it
    return read<Call>(last_answer);
  }

  TestGroup fresh_group(std::string_view first_blob = "first") {
    TestGroup group;
    group.id = random.make<GroupId>();
    for (int i = 0; i < 4; ++i) group.keys.emplace_back(crypto::Ed25519Seed::random(random));
    group.last_link.group = group.id;
    group.last_link.seq = api::first_seq;
    group.last_link.blob = to_bytes(as_bytes(first_blob));
    group.head_seq = api::first_seq;
    return group;
  }

  TestGroup sign_up() {
    TestGroup account = fresh_group();
    EXPECT_TRUE(call(api::CreateAccount{{}, account.last_link, account.caps()}, random.make<NoteId>().hex()));
    return account;
  }

  TestGroup make_space(const TestGroup& account) {
    TestGroup space = fresh_group();
    EXPECT_TRUE(call(api::CreateGroup{ticket(account, api::Right::write), space.last_link, space.caps(), {}}));
    return space;
  }

  api::OpenTicket proof(const TestGroup& group, api::Right right) {
    api::OpenTicket open{group.id, right, group.key(right).public_key(), call(api::Info{})->challenge, {}};
    open.signature = group.key(right).sign(capability_label, capability_context(server_key, group.id, right),
                                           crypto::sha256(open.challenge.bytes));
    return open;
  }

  api::TicketBytes ticket(const TestGroup& group, api::Right right) {
    const auto reply = call(proof(group, right));
    EXPECT_TRUE(reply) << reply.error().sentence;
    return reply ? reply->ticket : api::TicketBytes{};
  }

  api::Append link(const TestGroup& group, std::string_view blob,
                   std::initializer_list<api::Right> rights = {api::Right::write}) {
    api::Append append;
    for (const api::Right right : rights) append.tickets.push_back(ticket(group, right));
    append.expect = group.last();
    append.entry = group.next_link(blob);
    return append;
  }

  api::Append note(const TestGroup& group, std::string_view blob) {
    api::Append append;
    append.tickets = {ticket(group, api::Right::write)};
    append.entry.group = group.id;
    append.entry.kind = api::EntryKind::note;
    append.entry.fence = group.last_link.seq;
    append.entry.note_id = random.make<NoteId>();
    append.entry.blob = to_bytes(as_bytes(blob));
    return append;
  }

  // Nullopt: another outcome than Appended. The group moves on with it.
  std::optional<std::uint64_t> append(TestGroup& group, const api::Append& append) {
    const auto reply = call(append);
    if (!reply || !std::holds_alternative<api::Append::Appended>(reply->outcome)) return std::nullopt;
    const std::uint64_t seq = std::get<api::Append::Appended>(reply->outcome).seq;
    if (seq <= group.head_seq) return seq;
    group.head_seq = seq;
    if (append.entry.kind == api::EntryKind::link) group.last_link = append.entry;
    return seq;
  }

  UploadId begin(const TestGroup& group) {
    const auto reply = call(api::Begin{ticket(group, api::Right::write), 0});
    EXPECT_TRUE(reply);
    return reply ? reply->upload : UploadId{};
  }

  api::Put put_of(const TestGroup& group, const UploadId& upload, const ObjectId& id, ByteView bytes) {
    return {ticket(group, api::Right::write), upload, id, crypto::sha256(bytes), bytes};
  }

  // A fresh object that is live.
  ObjectId live_object(TestGroup& group, std::string_view bytes) {
    const UploadId upload = begin(group);
    const auto id = random.make<ObjectId>();
    EXPECT_TRUE(call(put_of(group, upload, id, as_bytes(bytes))));
    api::Append publishing = link(group, "publish");
    publishing.publish = {upload};
    EXPECT_TRUE(append(group, publishing));
    return id;
  }

  api::ObjectState state(const TestGroup& group, const ObjectId& id) {
    const auto reply = call(api::Stat{ticket(group, api::Right::read), {id}});
    EXPECT_TRUE(reply);
    return reply ? reply->objects.at(0).state : api::ObjectState::unknown;
  }

  api::Usage::Reply usage(const TestGroup& account) { return *call(api::Usage{ticket(account, api::Right::read)}); }

  MapMetaStore own_rows;
  MemoryObjectStore own_objects;
  TestClock clock;
  TestRandom random;
  std::string lines;
  EventLog log{clock, Level::debug, [this](std::string_view line) { lines += line; }};
  MetaStore& rows;
  ObjectStore& objects;
  Sweeper sweeper;
  Hash server_key;
  std::unique_ptr<Service> service;
  Bytes last_answer;
  std::optional<Watching> watching;  // of the last call, if it waits
};

template <class T>
Code code_of(const Result<T>& result) {
  EXPECT_FALSE(result);
  return result ? Code::Internal : result.error().code;
}

// After a refused call: nothing was written.
#define EXPECT_REFUSED(world, code, expression)                    \
  do {                                                             \
    const auto hf_rows_before = (world).own_rows.contents();       \
    const auto hf_objects_before = (world).own_objects.contents(); \
    EXPECT_EQ(code_of(expression), code);                          \
    EXPECT_EQ((world).own_rows.contents(), hf_rows_before);        \
    EXPECT_EQ((world).own_objects.contents(), hf_objects_before);  \
  } while (false)

}  // namespace holdfast::server
