// Packs that the server has lost or damaged: what they held is sent again by whoever still has it (DECISIONS F6).
#include <algorithm>

#include "session/space_session.h"

namespace holdfast::session {

namespace {

constexpr std::size_t packs_looked_at_max = 65'536;  // 1 TiB

struct DamagedPacks {  // "space/<id>/damaged": as the last check that read all found them, and index objects
  std::vector<ObjectId> packs;
  HOLDFAST_WIRE(packs)
};

}  // namespace

Status SpaceSession::stat(std::span<const ObjectId> ids,
                          const std::function<void(std::size_t i, const api::ObjectStatus& object)>& visit) {
  for (std::size_t from = 0; from < ids.size();) {
    const auto asked = ids.subspan(from, std::min(ids.size() - from, api::append_objects_max));
    HF_TRY(const auto ticket, session_.server.ticket(Channel::capability, group_of(id()), api::Right::read, *read_));
    HF_TRY(const auto reply,
           session_.server.call(Channel::capability, api::Stat{ticket, {asked.begin(), asked.end()}}));
    if (reply.objects.size() != asked.size())
      return fail(Code::Malformed, "the server told of another number of objects than it was asked for");
    for (const api::ObjectStatus& object : reply.objects) visit(from++, object);
  }
  return {};
}

Result<PackSet> SpaceSession::damaged() const {
  HF_TRY(const auto noted, session_.state().get(key("damaged")));
  if (!noted) return PackSet();
  HF_TRY(const auto list, decode<DamagedPacks>(*noted, "this device's list of damaged packs"));
  return PackSet(list.packs.begin(), list.packs.end());
}

Result<SpaceSession::Trouble> SpaceSession::look_for_trouble() {
  Trouble out;
  HF_TRY(const auto bad, damaged());
  struct Named {
    ObjectId id;
    Hash sha256;
    bool pack = false, own = false;
  };
  std::vector<Named> asked;
  lost_index_ = {};
  const auto ask = [&]() -> Status {
    std::vector<ObjectId> ids(asked.size());
    std::ranges::transform(asked, ids.begin(), &Named::id);
    HF_OK(stat(ids, [&](std::size_t i, const api::ObjectStatus& object) {
      const bool there = object.can_be_read();
      if (asked[i].pack && (!there || object.sha256 != asked[i].sha256)) out.lost.insert(asked[i].id);
      if (!there) out.gone.insert(asked[i].id);
      if (there && asked[i].pack) out.sizes.emplace(asked[i].id, object.size);
      if (!asked[i].pack && asked[i].own) note_index_object(asked[i].id, asked[i].sha256, object, bad);
      if (object.state == api::ObjectState::retired) out.retired.push_back(asked[i].id);
    }));
    asked.clear();
    return {};
  };
  const auto add = [&](const Named& named) -> Status {
    asked.push_back(named);
    return asked.size() < api::append_objects_max ? Status() : ask();
  };
  for (const OpenSegment& segment : index_.segments()) {
    for (const auto& object : segment.ref.objects) HF_OK(add({object.id, object.sha256, false, segment.own}));
    for (std::uint32_t i = 0; i < segment.view.packs(); ++i) {
      if (space::is_retired(segment.ref.retired_packs, i)) continue;
      HF_TRY(const auto pack, segment.view.pack(i));
      if (bad.contains(pack.object)) out.lost.insert(pack.object);
      HF_OK(add({pack.object, pack.sha256, true, segment.own}));
    }
  }
  if (!asked.empty()) HF_OK(ask());
  index_.lose(out.lost);
  return out;
}

void SpaceSession::note_index_object(const ObjectId& id, const Hash& sha256, const api::ObjectStatus& object,
                                     const PackSet& bad) {
  if (object.state == api::ObjectState::unknown) lost_index_.unknown.insert(id);
  if (!object.can_be_read() || object.sha256 != sha256 || bad.contains(id)) lost_index_.bad.insert(id);
}

Result<std::size_t> SpaceSession::look_for_packs() {
  std::vector<ObjectId> packs, index_objects;
  std::vector<Hash> index_hashes;
  for (const OpenSegment& segment : index_.segments()) {
    for (std::size_t i = 0; segment.own && i < segment.ref.objects.size(); ++i) {
      index_objects.push_back(segment.ref.objects[i].id);
      index_hashes.push_back(segment.ref.objects[i].sha256);
    }
    for (std::uint32_t i = 0; segment.own && i < segment.view.packs(); ++i) {
      HF_TRY(const auto pack, segment.view.pack(i));
      if (!space::is_retired(segment.ref.retired_packs, i)) packs.push_back(pack.object);
    }
  }
  PackSet lost;
  HF_TRY(const auto bad, damaged());
  for (const ObjectId& pack : packs)
    if (bad.contains(pack)) lost.insert(pack);
  if (packs.size() > packs_looked_at_max) {
    std::ranges::sort(packs);
    std::ranges::rotate(packs, std::ranges::lower_bound(packs, session_.doors.random.make<ObjectId>()));
    packs.resize(packs_looked_at_max);
  }
  HF_OK(stat(packs, [&](std::size_t i, const api::ObjectStatus& object) {
    if (object.state == api::ObjectState::unknown) lost.insert(packs[i]);
  }));
  lost_index_ = {};
  HF_OK(stat(index_objects, [&](std::size_t i, const api::ObjectStatus& object) {
    note_index_object(index_objects[i], index_hashes[i], object, bad);
  }));
  const std::size_t count = lost.size();
  index_.lose(std::move(lost));
  return count;
}

Status SpaceSession::note_damaged(std::vector<ObjectId> objects) {
  if (objects.empty()) return session_.state().apply({{}, {key("damaged")}});
  return session_.state().apply({{{key("damaged"), encode(DamagedPacks{std::move(objects)})}}, {}});
}

}  // namespace holdfast::session
