#include "server/rows.h"

namespace holdfast::server {

namespace {

constexpr std::size_t timer_key_size = 2 + 8 + GroupId::size + 1 + 16;

class KeyWriter {
 public:
  explicit KeyWriter(std::string_view kind) : key_(kind) {}
  template <class Tag, std::size_t N>
  KeyWriter& id(const FixedBytes<Tag, N>& id) {
    key_ += as_text(id.view());
    return *this;
  }
  KeyWriter& number(std::uint64_t number) {
    for (int shift = 56; shift >= 0; shift -= 8) key_.push_back(static_cast<char>(number >> shift));
    return *this;
  }
  KeyWriter& slash() {
    key_.push_back('/');
    return *this;
  }
  Key take() { return std::move(key_); }

 private:
  Key key_;
};

std::unexpected<Error> no_key_of_ours() { return fail(Code::Internal, "a key of the metadata store can't be read"); }

// A clock before 1970 must not put a timer behind all others.
std::uint64_t sortable(std::int64_t time_ns) { return time_ns < 0 ? 0 : static_cast<std::uint64_t>(time_ns); }

}  // namespace

Key group_key(const GroupId& group) { return KeyWriter("g/").id(group).take(); }

std::optional<GroupId> group_of_key(std::string_view key) {
  if (key.size() != 2 + GroupId::size || !key.starts_with("g/")) return std::nullopt;
  return GroupId::from(as_bytes(key.substr(2)));
}

Key entry_key(const GroupId& group, std::uint64_t seq) { return KeyWriter("e/").id(group).slash().number(seq).take(); }
Key note_key(const GroupId& group, const NoteId& note) { return KeyWriter("n/").id(group).slash().id(note).take(); }
Key upload_key(const GroupId& group, const UploadId& upload) {
  return KeyWriter("u/").id(group).slash().id(upload).take();
}
Key last_use_key(const GroupId& group, const UploadId& upload) {
  return KeyWriter("l/").id(group).slash().id(upload).take();
}
Key object_key(const GroupId& group, const ObjectId& object) {
  return KeyWriter("o/").id(group).slash().id(object).take();
}
Key retired_key(const GroupId& group, const ObjectId& object) {
  return KeyWriter("r/").id(group).slash().id(object).take();
}
Key doomed_key(const GroupId& group, const StoredId& stored) {
  return KeyWriter(doomed_prefix).id(group).slash().id(stored).take();
}
Key used_invitation_key(const InvitationId& invitation) { return KeyWriter("v/").id(invitation).take(); }
Key bytes_used_key(const GroupId& creator) { return KeyWriter("qb/").id(creator).take(); }
Key objects_used_key(const GroupId& creator) { return KeyWriter("qo/").id(creator).take(); }
Key groups_used_key(const GroupId& creator) { return KeyWriter("qg/").id(creator).take(); }

Key members_prefix(const GroupId& group, const UploadId& upload) {
  return KeyWriter("i/").id(group).slash().id(upload).slash().take();
}

Key member_key(const GroupId& group, const UploadId& upload, const ObjectId& object) {
  return members_prefix(group, upload) + std::string(as_text(object.view()));
}

Result<ObjectId> object_of_member_key(std::string_view key) {
  if (key.size() != 2 + GroupId::size + 1 + UploadId::size + 1 + ObjectId::size) return no_key_of_ours();
  return ObjectId::from(as_bytes(key.substr(key.size() - ObjectId::size)));
}

Result<Doomed> doomed_of_key(std::string_view key) {
  if (key.size() != 2 + GroupId::size + 1 + StoredId::size) return no_key_of_ours();
  return Doomed{GroupId::from(as_bytes(key.substr(2, GroupId::size))),
                StoredId::from(as_bytes(key.substr(2 + GroupId::size + 1)))};
}

Key timer_key(const Timer& timer) {
  Key key = KeyWriter("s/").number(sortable(timer.due_ns)).id(timer.group).take();
  key.push_back(static_cast<char>(timer.kind));
  key += as_text(timer.id);
  return key;
}

Result<Timer> timer_of_key(std::string_view key) {
  if (key.size() != timer_key_size) return no_key_of_ours();
  Reader in(as_bytes(key.substr(2)));
  Timer timer;
  timer.due_ns = static_cast<std::int64_t>(in.big_endian(8));
  wire::get(in, timer.group);
  timer.kind = static_cast<TimerKind>(in.big_endian(1));
  wire::get(in, timer.id);
  if (timer.kind < TimerKind::upload || timer.kind > TimerKind::note) return no_key_of_ours();
  return timer;
}

Key timers_from() { return "s/"; }
Key timers_to(std::int64_t now_ns) { return KeyWriter("s/").number(sortable(now_ns) + 1).take(); }

}  // namespace holdfast::server
