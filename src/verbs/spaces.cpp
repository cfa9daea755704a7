#include <algorithm>

#include "verbs/verbs.h"

namespace holdfast::verbs {

namespace {

holdfast::Status count_index(session::SpaceSession& space, SpaceInfo& out) {
  for (const auto& segment : space.index().segments()) {
    ++out.segments;
    out.chunks += segment.view.records();
    for (std::uint32_t i = 0; i < segment.view.packs(); ++i) {
      if (space::is_retired(segment.ref.retired_packs, i)) continue;
      ++out.packs;
      HF_TRY(const auto pack, segment.view.pack(i));
      out.bytes_stored += pack.block_offset(pack.blocks.size());
      for (const auto& block : pack.blocks) out.bytes_plain += block.plain.value;
    }
  }
  return {};
}

}  // namespace

Result<session::SpaceName> space_create(Session& session, const std::string& name) {
  HF_TRY(const auto space, session::create_space(session, name));
  return space->named();
}

Result<std::vector<session::SpaceName>> space_list(Session& session) {
  HF_TRY(const auto spaces, session::list_spaces(session));
  std::vector<session::SpaceName> out(spaces.size());
  std::ranges::transform(spaces, out.begin(), &session::ListedSpace::named);
  return out;
}

Result<SpaceInfo> space_info(Session& session, const std::string& name) {
  HF_TRY(const auto space, session::open_space(session, name));
  HF_TRY(const auto snapshots, backup::list_snapshots(*space));
  HF_TRY(const auto server, session.server.info());
  SpaceInfo out;
  out.named = space->named();
  out.commits = space->head().seq;
  out.epoch = space->secrets().epoch;
  out.members = space->secrets().members.members.size();
  out.snapshots = snapshots.size();
  out.inline_bytes = space->inlined_bytes();
  out.grace_seconds = server.grace_seconds;
  out.alarms = session.alarms;
  const SpaceInfo before = out;
  auto counted = count_index(*space, out);
  if (!counted) {
    HF_TRY(const bool rebuilt, space->recheck_index());
    if (rebuilt) {
      out = before;
      counted = count_index(*space, out);
    }
  }
  if (!counted) return pass_on(counted.error());
  return out;
}

}  // namespace holdfast::verbs
