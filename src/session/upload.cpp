#include "session/upload.h"

#include <algorithm>
#include <array>

#include "base/reached.h"

namespace holdfast::session {

namespace {

constexpr std::size_t frame_bytes_max = 2 * space::pack_bytes_max;  // a pack has its directory in itself

// "upload/<space>/<purpose hash>" in the local state.
struct UploadRecord {
  UploadId upload;
  std::uint32_t epoch = 0;
  HOLDFAST_WIRE(upload, epoch)
};

// One frame of the list: size u32, SHA-256, then this.
struct ArrivedPack {
  space::PackInfo info;
  std::vector<space::PackedChunk> chunks;
  HOLDFAST_WIRE(info, chunks)
};
constexpr std::size_t frame_head_bytes = 4 + Hash::size;

// Whole frames from the front, one at a time; gives where they end. read_at: false, not all of it is there. It is asked
// for nothing beyond `size`.
template <class ReadAt, class Visit>
std::uint64_t read_frames(std::uint64_t size, const ReadAt& read_at, const Visit& visit) {
  std::uint64_t at = 0;
  for (Bytes frame; at + frame_head_bytes <= size;) {
    std::array<std::uint8_t, frame_head_bytes> head_bytes;
    if (!read_at(at, head_bytes)) break;
    Reader head(head_bytes);
    frame.resize(std::min<std::uint64_t>(head.big_endian(4), frame_bytes_max));
    const Hash sum = Hash::from(head.raw(Hash::size));
    if (frame.size() > size - at - frame_head_bytes) break;
    if (!read_at(at + frame_head_bytes, frame) || crypto::sha256(frame) != sum) break;
    auto pack = decode<ArrivedPack>(frame, "the list of what an upload has sent");
    if (!pack) break;
    visit(*std::move(pack));
    at += frame_head_bytes + frame.size();
  }
  return at;
}

std::string state_key(const SpaceSession& space, const std::string& purpose, int other) {
  return "upload/" + space.id().hex() + "/" + crypto::sha256(as_bytes(purpose)).short_hex() + "." +
         std::to_string(other);
}

}  // namespace

Result<bool> Upload::left_behind(SpaceSession& space, const std::string& purpose) {
  HF_TRY(const auto held, space.session().state().get(state_key(space, purpose, 0)));
  return held.has_value();
}

Status Upload::drop_left_behind(SpaceSession& space) {
  Session& session = space.session();
  std::vector<std::pair<std::string, Bytes>> left;
  HF_OK(session.state().scan("upload/" + space.id().hex() + "/", [&](std::string_view name, ByteView record) {
    left.emplace_back(std::string(name), to_bytes(record));
  }));
  for (const auto& [name, bytes] : left) {
    const Claim claim(*session.shared.claims, name);
    if (!claim.held()) continue;  // a verb of this process is at it
    HF_TRY(const auto record, decode<UploadRecord>(bytes, "an upload that this device remembers"));
    HF_OK(session.state().apply({{}, {name}}));
    const Path list = join_path(join_path(session.shared.home, "uploads"), record.upload.hex());
    if (const auto removed = session.doors.files.remove(list); !removed && removed.error().code != Code::NotFound)
      return pass_on(removed.error());
  }
  return {};
}

Result<std::unique_ptr<Upload>> Upload::begin(SpaceSession& space, const std::string& purpose) {
  Session& session = space.session();
  std::unique_ptr<Upload> upload(new Upload(space));
  for (int other = 0;; ++other) {  // the same command twice at once: each has its own
    upload->state_key_ = state_key(space, purpose, other);
    if (session.shared.claims->claim(upload->state_key_)) break;
  }
  upload->claim_ = upload->state_key_;
  const Path directory = join_path(session.shared.home, "uploads");
  HF_OK(session.doors.files.make_directories(directory));

  HF_TRY(const auto held, session.state().get(upload->state_key_));
  if (held) {
    HF_TRY(const auto record, decode<UploadRecord>(*held, "an upload that this device remembers"));
    upload->upload_ = record.upload;
    upload->list_path_ = join_path(directory, record.upload.hex());
    auto list = session.doors.files.open(upload->list_path_, OpenMode::write_existing);
    if (record.epoch == space.epoch_keys().epoch && list) {
      upload->list_ = *std::move(list);
      HF_OK(upload->resume());
    } else {
      (void)session.doors.files.remove(upload->list_path_);
      upload->upload_ = {};
    }
  }
  if (upload->upload_.is_zero()) {
    HF_TRY(const auto ticket,
           session.server.ticket(Channel::capability, group_of(space.id()), api::Right::write, space.write_key()));
    HF_TRY(const auto begun, session.server.call(Channel::capability, api::Begin{ticket, 0}));
    upload->upload_ = begun.upload;
    upload->list_path_ = join_path(directory, begun.upload.hex());
    // The id is the server's to choose: what another upload has sent must not pass for this one's.
    auto list = session.doors.files.open(upload->list_path_, OpenMode::create_new);
    if (!list && list.error().code == Code::AlreadyExists)
      return fail(Code::Tampered, "the server gave the id of an upload that this device has already",
                  space.named().name);
    HF_TRY(upload->list_, std::move(list));
    HF_OK(session.state().apply(
        {{{upload->state_key_, encode(UploadRecord{begun.upload, space.epoch_keys().epoch})}}, {}}));
  }
  HF_OK(upload->list_->truncate(upload->list_size_));
  return upload;
}

Upload::~Upload() {
  while (!flying_.empty()) (void)receive_one();
  if (!claim_.empty()) space_.session().shared.claims->release(claim_);
}

template <class Visit>
std::uint64_t Upload::read_list(std::uint64_t size, Visit visit) {
  return read_frames(
      size,
      [this](std::uint64_t at, std::span<std::uint8_t> out) {
        const auto got = list_->read_at(at, out);
        return got && *got == out.size();
      },
      visit);
}

std::optional<UploadList> look_at_upload_list(ByteView list) {
  UploadList out;
  const auto read_at = [&](std::uint64_t at, std::span<std::uint8_t> to) {
    std::ranges::copy(list.subspan(at, to.size()), to.begin());
    return true;
  };
  const std::uint64_t end = read_frames(list.size(), read_at, [&](const ArrivedPack& pack) {
    ++out.packs;
    out.chunks += pack.chunks.size();
    for (const auto& block : pack.info.blocks) out.bytes += block.stored.value;
  });
  out.torn_bytes = list.size() - end;
  return out.packs > 0 ? std::optional(out) : std::nullopt;
}

// What a crash tore off at the end is sent again.
Status Upload::resume() {
  HF_TRY(const FileStat list, list_->stat());
  list_size_ = read_list(list.size, [&](const ArrivedPack& pack) {
    for (const auto& block : pack.info.blocks) bytes_resumed_ += block.stored.value;
    for (const auto& chunk : pack.chunks) chunks_.insert(chunk.id);
    packs_.push_back(pack.info.object);
    chunks_arrived_ += pack.chunks.size();
  });
  if (bytes_resumed_ > 0) reached("session: upload goes on after an interruption");
  return {};
}

Result<space::Segment> Upload::arrived() {
  space::SegmentBuilder builder(chunks_arrived_);
  const auto add = [&](ArrivedPack pack) { builder.add(std::move(pack.info), pack.chunks); };
  if (read_list(list_size_, add) != list_size_)
    return fail(Code::IoError, "the list of what this upload has sent can't be read back", printable(list_path_),
                "the packs before that place are on the server: the same command goes on from there");
  return std::move(builder).finish();
}

Status Upload::note_arrived(const space::SealedPack& pack) {
  const Bytes frame = encode(ArrivedPack{pack.info, pack.chunks});
  Writer out(frame.size() + frame_head_bytes);
  out.big_endian(frame.size(), 4);
  out.raw(crypto::sha256(frame).view());
  out.raw(frame);
  const Bytes bytes = std::move(out).take();
  HF_OK(list_->write_at(list_size_, bytes));
  list_size_ += bytes.size();
  packs_.push_back(pack.info.object);
  chunks_arrived_ += pack.chunks.size();
  return {};
}

Status Upload::receive_one() {
  const auto done = puts_.finish();
  auto [pack, listed] = std::move(flying_.extract(done.object).mapped());
  HF_OK(done.status);
  bytes_acknowledged_ += pack.object->size();
  if (!listed) return {};
  return note_arrived(pack);
}

Status Upload::make_room() {
  while (puts_.in_flight() >= packs_in_memory_max) HF_OK(receive_one());
  return {};
}

Status Upload::put(space::SealedPack pack) { return send(std::move(pack), true); }

Status Upload::put_index(space::SealedPack object) { return send(std::move(object), false); }

Status Upload::send(space::SealedPack pack, bool listed) {
  HF_OK(make_room());
  if (listed)
    for (const auto& chunk : pack.chunks) chunks_.insert(chunk.id);
  bytes_put_ += pack.object->size();
  puts_.submit(group_of(space_.id()), space_.write_key(), upload_, pack.info.object, pack.info.sha256, pack.object);
  const ObjectId object = pack.info.object;
  flying_.emplace(object, Flying{std::move(pack), listed});
  return {};
}

Status Upload::settle() {
  while (!flying_.empty()) HF_OK(receive_one());
  return {};
}

Status Upload::published() {
  HF_OK(space_.session().state().apply({{}, {state_key_}}));
  return space_.session().doors.files.remove(list_path_);
}

Status Upload::forget() {
  while (!flying_.empty()) (void)receive_one();
  return published();
}

}  // namespace holdfast::session
