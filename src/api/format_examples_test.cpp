// Promise: the worked examples of docs/formats/api.md are what this code writes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "api/calls.h"

namespace holdfast::api {
namespace {

constexpr std::size_t digits_a_line = 64;

std::string document() {
  const char* source = std::getenv("HOLDFAST_SOURCE");
  std::ifstream file(std::string(source ? source : ".") + "/docs/formats/api.md");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// One line a field: its bytes in hex, then its name.
void add_field(std::string& block, ByteView bytes, std::string_view name) {
  std::string hex = to_hex(bytes);
  for (bool first = true; first || !hex.empty(); first = false) {
    std::string line = hex.substr(0, digits_a_line);
    hex.erase(0, line.size());
    if (first) {
      line.resize(digits_a_line, ' ');
      line += "  " + std::string(name);
    }
    block += line + "\n";
  }
}

template <class Struct>
std::string fields_of(const Struct& value, std::initializer_list<std::string_view> names) {
  std::string block;
  auto name = names.begin();
  value.wire_fields([&](const auto&... fields) {
    EXPECT_EQ(sizeof...(fields), names.size());
    const auto add = [&](const auto& field) {
      Writer bytes;
      wire::put(bytes, field);
      add_field(block, std::move(bytes).take(), *name++);
    };
    (add(fields), ...);
  });
  return block;
}

void expect_documented(std::string_view title, const std::string& fields) {
  const std::string block = "```hex\n" + fields + "```\n";
  EXPECT_NE(document().find(block), std::string::npos) << "docs/formats/api.md should have, for " << title << ":\n"
                                                       << block;
}

template <class Call>
void expect_call(const Call& call, std::initializer_list<std::string_view> names) {
  expect_documented(std::string("body of ") + std::string(Call::name), fields_of(call, names));
}

template <class Call>
void expect_reply(const typename Call::Reply& reply, std::initializer_list<std::string_view> names) {
  std::string block;
  add_field(block, Bytes{1}, "Reply");
  block += fields_of(reply, names);
  EXPECT_EQ(encode(Answer<Call>(reply))[0], 1);
  expect_documented(std::string("answer of ") + std::string(Call::name), block);
}

template <class Id>
Id filled(std::uint8_t byte) {
  Id id;
  id.bytes.fill(byte);
  return id;
}

const GroupId group = filled<GroupId>(0x61);
const TicketBytes ticket{{0x71, 0x72, 0x73}};
const UploadId upload = filled<UploadId>(0x75);
const ObjectId object = filled<ObjectId>(0x6f);
const Bytes object_bytes{0x01, 0x02, 0x03, 0x04, 0x05};

crypto::Ed25519Key capability() {
  std::array<std::uint8_t, 32> seed{};
  seed.fill(0x01);
  return crypto::Ed25519Key(crypto::Ed25519Seed::copy_of(seed));
}

Entry first_link() {
  Entry entry;
  entry.group = group;
  entry.seq = first_seq;
  entry.blob = {0xb1, 0xb2};
  return entry;
}

Entry second_link() {
  Entry entry = first_link();
  entry.seq = 2;
  entry.prev = entry_hash(first_link());
  entry.blob = {0xb3};
  return entry;
}

Entry a_note() {
  Entry entry;
  entry.group = group;
  entry.kind = EntryKind::note;
  entry.fence = 2;
  entry.note_id = filled<NoteId>(0x6e);
  entry.blob = {0xb4};
  return entry;
}

Caps caps() {
  const std::vector keys{capability().public_key()};
  return {keys, keys, {}, keys};
}

TEST(Format, Entries) {
  expect_documented("a first link",
                    fields_of(first_link(), {"group", "kind: link", "seq", "prev", "fence", "note_id", "blob"}));
  expect_documented("a link",
                    fields_of(second_link(), {"group", "kind: link", "seq", "prev", "fence", "note_id", "blob"}));
  expect_documented("a note", fields_of(a_note(), {"group", "kind: note", "seq", "prev", "fence", "note_id", "blob"}));
  const std::string text = document();
  for (const Entry& entry : {first_link(), second_link(), a_note()})
    EXPECT_NE(text.find(entry_hash(entry).hex()), std::string::npos) << entry_hash(entry).hex();
  expect_documented("caps", fields_of(caps(), {"read", "write", "maintain", "admin"}));
}

TEST(Format, InfoAndRefusal) {
  expect_reply<Info>(
      {version, "quorum none\n", 1'800'000'000'000'000'000, {{0xc1, 0xc2}}, false, false, 1'209'600},
      {"version", "policy", "time_ns", "challenge", "invitation_needed", "direct_transfer", "grace_seconds"});
  std::string block;
  add_field(block, Bytes{2}, "Refusal");
  block += fields_of(Refusal{Reason::rate_limited, "later", 5000}, {"reason", "sentence", "retry_after_ms"});
  expect_documented("a refusal", block);
}

TEST(Format, Groups) {
  expect_call(CreateAccount{{}, first_link(), caps()}, {"invitation", "first", "caps"});
  expect_call(CreateGroup{ticket, first_link(), caps(), {{object, {0xd1}}}}, {"creator", "first", "caps", "attached"});
  expect_call(Usage{ticket}, {"ticket"});
  expect_reply<Usage>({4096, 1'099'511'627'776, 3}, {"bytes_used", "bytes_max", "objects"});
}

TEST(Format, Tickets) {
  const ChallengeBytes challenge{{0xc1, 0xc2}};
  const CapabilityContext context{filled<Hash>(0x5a), group, Right::write};
  const auto signature = capability().sign("Holdfast 1 capability", encode(context), crypto::sha256(challenge.bytes));
  expect_documented("the context of a proof", fields_of(context, {"server_key", "group", "right: write"}));
  const crypto::SignedMessage message{"Holdfast 1 capability", crypto::sha256(capability().public_key().view()),
                                      encode(context), crypto::sha256(challenge.bytes)};
  expect_documented("what is signed", fields_of(message, {"label", "signer", "context", "body"}));
  EXPECT_TRUE(crypto::ed25519_verify(capability().public_key(), encode(message), signature));
  expect_call(OpenTicket{group, Right::write, capability().public_key(), challenge, signature},
              {"group", "right: write", "key", "challenge", "signature"});
  expect_reply<OpenTicket>({ticket, 600}, {"ticket", "valid_seconds"});
}

TEST(Format, Logs) {
  const Position last{1, entry_hash(first_link())};
  expect_call(Append{{ticket}, last, second_link(), std::nullopt, {upload}, {}, {}},
              {"tickets", "expect", "entry", "caps: none", "publish", "retire", "unretire"});
  expect_reply<Append>({Append::Appended{2}}, {"outcome: Appended{seq}"});
  expect_reply<Append>({Append::Behind{1, last, {first_link()}}}, {"outcome: Behind{head_seq, last_link, since}"});
  expect_reply<Append>({Append::UploadGone{upload}}, {"outcome: UploadGone{upload}"});
  expect_call(Head{ticket}, {"ticket"});
  expect_reply<Head>({1, first_link()}, {"head_seq", "last_link"});
  expect_call(Read{ticket, 1}, {"ticket", "from_seq"});
  expect_reply<Read>({1, {first_link()}}, {"head_seq", "entries"});
  expect_call(Watch{{{ticket, 1}}, 55}, {"logs", "timeout_seconds"});
  expect_reply<Watch>({}, {"index", "head_seq", "entries"});
}

TEST(Format, Objects) {
  expect_call(Begin{ticket, 1'048'576}, {"ticket", "bytes_expected"});
  expect_reply<Begin>({upload}, {"upload"});
  expect_call(Put{ticket, upload, object, crypto::sha256(object_bytes), object_bytes},
              {"ticket", "upload", "id", "sha256", "bytes"});
  expect_call(Stat{ticket, {object}}, {"ticket", "ids"});
  expect_reply<Stat>({{{ObjectState::live, 5, crypto::sha256(object_bytes)}}}, {"objects"});
  expect_call(Get{ticket, object, get_from_end, 2}, {"ticket", "id", "offset", "length"});
  expect_reply<Get>({5, ByteView(object_bytes).last(2)}, {"size", "bytes"});
}

}  // namespace
}  // namespace holdfast::api
