// What a device keeps of a space in its local state, below "space/<id>/" (docs/formats/local.md). Internal to
// space_*.cpp.
#pragma once

#include <algorithm>

#include "session/space_session.h"

namespace holdfast::session {

// "view": where the last verb stood.
struct View {
  api::Position head;
  ObjectId boxes;
  std::uint32_t epoch = 0;
  space::SpaceState state;
  std::int64_t checkpoint_time_ns = 0;
  std::vector<Alarm> alarms;
  HOLDFAST_WIRE(head, boxes, epoch, state, checkpoint_time_ns, alarms)
};

// "intent/<entry hash>": a commit that was sealed and may or may not have been appended. Cleared together with what
// reading its entry writes, whichever verb reads it; so what is left is not in the log up to the view's head.
struct Intent {
  api::Entry entry;
  std::vector<UploadId> publish;
  HOLDFAST_WIRE(entry, publish)
};

struct InlinedChunks {  // "inlined/<seq>", sealed: the home space's hold keys
  std::vector<space::InlineChunk> chunks;
  HOLDFAST_WIRE(chunks)
};

// From which entry on a device keeps what it reads: from the last checkpoint, and the last 1,024, so that a server that
// was put back from an older copy can be healed, though a checkpoint comes every day (F6).
inline constexpr std::uint64_t entries_kept_min = 1024;
constexpr std::uint64_t kept_from(std::uint64_t head_seq, std::uint64_t checkpoint_seq) {
  return std::min(checkpoint_seq, head_seq < entries_kept_min ? 0 : head_seq - entries_kept_min + 1);
}

// <seq> as it stands at a key's end, so that keys sort by it.
inline std::string seq_key(std::uint64_t seq) { return to_hex(encode(seq)); }

}  // namespace holdfast::session
