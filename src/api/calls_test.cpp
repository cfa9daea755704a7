#include "api/calls.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace holdfast::api {
namespace {

Entry some_link() {
  Entry entry;
  entry.group.bytes.fill(1);
  entry.seq = 7;
  entry.prev.bytes.fill(2);
  entry.blob = {1, 2, 3};
  return entry;
}

TEST(EntryHash, OfALinkCoversItsPlace) {
  const Entry link = some_link();
  Entry moved = link;
  moved.seq = 8;
  EXPECT_NE(entry_hash(link), entry_hash(moved));
  moved = link;
  moved.prev.bytes[31] ^= 1;
  EXPECT_NE(entry_hash(link), entry_hash(moved));
}

TEST(EntryHash, OfANoteIsKnownBeforeItsPlace) {
  Entry note = some_link();
  note.kind = EntryKind::note;
  Entry placed = note;
  placed.seq = 99;
  placed.prev = {};
  EXPECT_EQ(entry_hash(note), entry_hash(placed));
  placed.fence = 1;
  EXPECT_NE(entry_hash(note), entry_hash(placed));
}

RC_GTEST_PROP(Put, HeadAndBytesAreTheCall, (const Bytes& bytes, const Bytes& ticket)) {
  RC_PRE(ticket.size() <= 160u);
  Put put;
  put.ticket.bytes = ticket;
  put.id.bytes.fill(3);
  put.sha256 = crypto::sha256(bytes);
  put.bytes = bytes;
  Bytes sent = encode_put_head(put, bytes.size());
  append(sent, bytes);
  RC_ASSERT(sent == encode(put));
}

TEST(Answer, RepliesAndRefusalsAreToldApartByTheFirstByte) {
  const Answer<Usage> reply = Usage::Reply{1, 2, 3};
  const Answer<Usage> refusal = Refusal{Reason::rate_limited, "later", 5000};
  EXPECT_EQ(encode(reply)[0], 1);
  EXPECT_EQ(encode(refusal)[0], 2);
  const auto read = decode<Answer<Usage>>(encode(refusal), "an answer");
  ASSERT_TRUE(read);
  EXPECT_EQ(error_of(std::get<Refusal>(*read)).code, Code::RateLimited);
}

TEST(Refusal, EveryReasonComesBackAsTheCodeItWasMadeFrom) {
  for (int reason = 1; reason <= static_cast<int>(Reason::conflict); ++reason) {
    const Refusal refusal{static_cast<Reason>(reason), "why", 0};
    const Error error = error_of(refusal);
    EXPECT_EQ(refusal_of(error).reason, refusal.reason) << reason;
  }
}

TEST(Refusal, DoesNotTellTheServersOwnTroubles) {
  const Refusal refusal = refusal_of(Error{Code::IoError, "the disk /srv/secret failed", "/srv/secret", {}});
  EXPECT_EQ(refusal.reason, Reason::unavailable);
  EXPECT_EQ(refusal.sentence.find("secret"), std::string::npos);
}

TEST(Refusal, OfAHostileServerIsPrintable) {
  const Error error = error_of(Refusal{Reason::malformed, "a\x1b[2Jb", 0});
  EXPECT_EQ(error.sentence.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace holdfast::api
