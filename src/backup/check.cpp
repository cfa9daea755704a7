#include "backup/check.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "backup/snapshots.h"
#include "base/reached.h"

namespace holdfast::backup {

namespace {

constexpr std::size_t paths_kept_max = 20;
constexpr std::size_t gets_in_flight_max = 3;
constexpr std::size_t stat_ids_max = api::append_objects_max;
constexpr std::int64_t tell_every_ns = second_ns / 10;
constexpr int whole_pack = -1;

// A pack by where the index names it.
using PackKey = std::pair<const session::OpenSegment*, std::uint32_t>;

struct BadBlock {
  int block = whole_pack;
  Code code = Code::Tampered;
  std::string sentence;
};

// What a worker finds in one pack.
struct PackOutcome {
  std::vector<BadBlock> bad;
  std::uint64_t chunks = 0;
};

PackOutcome read_pack(const space::PackInfo& info, const SpaceId& space, const space::EpochKeys* keys,
                      const crypto::Hmac& chunk_id_key, ByteView object) {
  const auto all_bad = [](Code code, std::string sentence) {
    return PackOutcome{{{whole_pack, code, std::move(sentence)}}, 0};
  };
  if (crypto::sha256(object) != info.sha256) return all_bad(Code::Tampered, "its bytes are not those that were stored");
  if (keys == nullptr) return all_bad(Code::Tampered, "it names an epoch that the space never had");
  const auto header = space::read_header(object, info.object);
  if (!header) return all_bad(header.error().code, header.error().sentence);
  const auto opened = space::open_directory(keys->pack, space, *header, object.size(), object);
  if (!opened) return all_bad(opened.error().code, opened.error().sentence);
  const auto* directory = std::get_if<space::PackDirectory>(&*opened);
  if (directory == nullptr || directory->blocks != info.blocks)
    return all_bad(Code::Tampered, "its directory is not the one that the index knows");

  PackOutcome out;
  const space::PackOpener opener(keys->pack, space, info);
  const auto kind = directory->kind == space::PackKind::nodes ? space::ChunkKind::node : space::ChunkKind::data;
  std::size_t next = 0;
  for (std::size_t block = 0; block < info.blocks.size(); ++block) {
    const ByteView sealed = object.subspan(info.block_offset(block), info.blocks[block].stored.value);
    const auto plain = opener.open_block(static_cast<std::uint16_t>(block), sealed);
    bool good = plain.has_value();
    for (; next < directory->chunks.size() && directory->chunks[next].block == block; ++next) {
      const auto& chunk = directory->chunks[next];
      ++out.chunks;
      good = good && chunk.offset.value + chunk.length.value <= plain->size() &&
             space::chunk_id(chunk_id_key, kind, ByteView(*plain).subspan(chunk.offset.value, chunk.length.value)) ==
                 chunk.id;
    }
    if (!good)
      out.bad.push_back(
          {static_cast<int>(block), plain ? Code::Tampered : plain.error().code, "a block does not hold what it must"});
  }
  return out;
}

class Check {
 public:
  Check(session::SpaceSession& space, const CheckOptions& options) : space_(space), options_(options), reader_(space) {}

  Result<CheckReport> go() {
    HF_OK(space_.follow_index());
    HF_TRY(const bool rebuilt, space_.recheck_index());
    if (rebuilt) reached("check: a damaged copy of the index was fetched again");
    for (const auto& segment : space_.index().segments())
      for (std::uint32_t pack = 0; pack < segment.view.packs(); ++pack) {
        HF_TRY(auto info, segment.view.pack(pack));
        counters_.bytes_total += info.block_offset(info.blocks.size());
        packs_.emplace_back(PackKey{&segment, pack}, std::move(info));
      }
    counters_.files_total = packs_.size();
    HF_OK(ask_for_objects());
    if (options_.read_data) HF_OK(read_packs());
    HF_OK(walk_trees());
    for (auto& [key, finding] : findings_) report_.findings.push_back(std::move(finding));
    tell(true);
    return std::move(report_);
  }

 private:
  void tell(bool now = false) {
    if (!options_.progress) return;
    const std::int64_t time = space_.session().doors.clock.monotonic_ns();
    if (!now && time - told_ns_ < tell_every_ns) return;
    told_ns_ = time;
    options_.progress(counters_);
  }

  // One finding for each thing that is wrong, with the paths that it touches.
  void find(const std::string& object, Code code, const std::string& sentence, const std::string& path) {
    Finding& finding = findings_.try_emplace(object + sentence, Finding{code, sentence, object, {}, 0}).first->second;
    if (path.empty()) return;
    ++finding.paths_count;
    if (finding.paths.size() < paths_kept_max) finding.paths.push_back(path);
  }

  void bad(const PackKey& key, BadBlock block) {
    find(describe(key, block.block), block.code, block.sentence, "");
    bad_[key].push_back(std::move(block));
  }

  std::string describe(const PackKey& key, int block) const {
    const auto info = key.first->view.pack(key.second);
    const std::string pack = "pack " + (info ? info->object.short_hex() : std::to_string(key.second));
    return block == whole_pack ? pack : pack + ", block " + std::to_string(block);
  }

  Result<std::vector<api::ObjectStatus>> stat(const std::vector<ObjectId>& ids) {
    HF_TRY(const auto ticket, space_.session().server.ticket(Channel::capability, group_of(space_.id()),
                                                             api::Right::read, space_.read_key()));
    HF_TRY(auto reply, space_.session().server.call(Channel::capability, api::Stat{ticket, ids}));
    if (reply.objects.size() != ids.size())
      return fail(Code::Malformed, "the server told of another number of objects than it was asked for");
    return std::move(reply.objects);
  }

  Status ask_for_objects() {
    for (std::size_t from = 0; from < packs_.size(); from += stat_ids_max) {
      const std::size_t to = std::min(packs_.size(), from + stat_ids_max);
      std::vector<ObjectId> ids;
      for (std::size_t i = from; i < to; ++i) ids.push_back(packs_[i].second.object);
      HF_TRY(const auto objects, stat(ids));
      for (std::size_t i = from; i < to; ++i) {
        const auto& object = objects[i - from];
        ++report_.objects;
        ++counters_.files;
        if (object.state == api::ObjectState::unknown || object.state == api::ObjectState::staged) {
          bad(packs_[i].first, {whole_pack, Code::Missing, "the server does not have it any more"});
        } else if (object.sha256 != packs_[i].second.sha256) {
          bad(packs_[i].first, {whole_pack, Code::Tampered, "the server has other bytes than were stored"});
        }
      }
      tell();
    }
    for (const auto& segment : space_.index().segments()) {
      std::vector<ObjectId> ids;
      for (const auto& object : segment.ref.objects) ids.push_back(object.id);
      HF_TRY(const auto objects, stat(ids));
      for (std::size_t i = 0; i < ids.size(); ++i) {
        ++report_.objects;
        if (objects[i].state == api::ObjectState::unknown || objects[i].sha256 != segment.ref.objects[i].sha256)
          find("index object " + ids[i].short_hex(), Code::Missing,
               "the server does not have it as it was stored; this device has a copy", "");
      }
    }
    return {};
  }

  Status read_packs() {
    session::Server::Gets ranges(space_.session().server);
    Jobs<PackOutcome> jobs(space_.session().doors.workers);
    std::map<Ticket, std::size_t> flying, working;
    const auto settle = [&](std::pair<Ticket, PackOutcome> done) {
      const PackKey& key = packs_[working.extract(done.first).mapped()].first;
      report_.chunks += done.second.chunks;
      for (BadBlock& block : done.second.bad) bad(key, std::move(block));
    };
    for (std::size_t next = 0; next < packs_.size() || !flying.empty() || !working.empty();) {
      if (next < packs_.size() && flying.size() < gets_in_flight_max) {
        if (!is_whole_bad(packs_[next].first))
          flying.emplace(ranges.submit(group_of(space_.id()), space_.read_key(), packs_[next].second.object, 0, 0),
                         next);
        ++next;
        continue;
      }
      if (flying.empty() || working.size() > space_.session().doors.workers.count()) {
        settle(jobs.next());
        continue;
      }
      auto done = ranges.finish();
      const std::size_t at = flying.extract(done.ticket).mapped();
      auto reply = done.body ? session::Server::decode_answer<api::Get>(*done.body)
                             : Result<api::Get::Reply>(pass_on(done.body.error()));
      if (!reply) {
        const Code code = reply.error().code;
        if (code != Code::Missing && code != Code::NotFound && code != Code::Malformed && code != Code::Tampered)
          return pass_on(reply.error());
        bad(packs_[at].first, {whole_pack, Code::Missing, "the server does not give it"});
        continue;
      }
      counters_.bytes += reply->bytes.size();
      report_.bytes_read += reply->bytes.size();
      tell();
      const auto body = std::make_shared<const Bytes>(*std::move(done.body));
      const auto& info = packs_[at].second;
      working.emplace(jobs.submit([this, body, bytes = reply->bytes, &info] {
        return read_pack(info, space_.id(), space_.epoch_keys(info.epoch), space_.root_keys().chunk_id, bytes);
      }),
                      at);
    }
    return {};
  }

  bool is_whole_bad(const PackKey& key) const {
    const auto found = bad_.find(key);
    return found != bad_.end() &&
           std::ranges::any_of(found->second, [](const BadBlock& block) { return block.block == whole_pack; });
  }

  // Whether one of the chunk's places is good; else what is wrong, told with the path.
  bool chunk_is_there(const ChunkId& id, const std::string& path) {
    if (space_.inlined().contains(id)) return true;
    const auto places = space_.index().find(id);
    if (places.empty()) {
      find("chunk " + id.short_hex(), Code::Missing, "the index does not know it", path);
      return false;
    }
    const BadBlock* first = nullptr;
    PackKey first_key;
    for (const auto& place : places) {
      const PackKey key{place.segment, place.record.pack};
      const auto blocks = bad_.find(key);
      const BadBlock* trouble = nullptr;
      if (blocks != bad_.end())
        for (const BadBlock& block : blocks->second)
          if (block.block == whole_pack || block.block == place.record.block) trouble = &block;
      if (trouble == nullptr) return true;
      if (first == nullptr) {
        first = trouble;
        first_key = key;
      }
    }
    find(describe(first_key, first->block), first->code, first->sentence, path);
    return false;
  }

  Status walk_trees() {
    HF_TRY(const auto snapshots, list_snapshots(space_));
    for (const auto& listed : snapshots) {
      ++report_.snapshots;
      folder(listed.snapshot.root, listed.snapshot.id.short_hex() + ":");
    }
    folder(space_.state().live_root, "live:");
    return {};
  }

  // False: something below is not whole. What is whole under one snapshot is not walked again under the next.
  bool folder(const space::Root& root, const std::string& path) {
    if (root.is_zero() || whole_.contains(root)) return true;
    if (static_cast<std::size_t>(std::ranges::count(path, '/')) > space::folders_deep_max) {
      find("", Code::Malformed, "folders are nested deeper than any path can be", path);
      return false;
    }
    bool good = true;
    std::vector<space::TreeEntry> folders;
    const std::string prefix = path.back() == ':' ? path : path + "/";
    const Status read =
        space::for_each_entry<space::TreeEntry>(reader_, root, [&](space::TreeEntry&& entry) -> Result<bool> {
          good = this->entry(entry, prefix + entry.name) && good;
          if (entry.directory() != nullptr) folders.push_back(std::move(entry));
          return true;
        });
    if (!read) {
      find(read.error().object, read.error().code, read.error().sentence, path);
      good = false;
    }
    for (const auto& below : folders) good = folder(below.directory()->root, prefix + below.name) && good;
    if (good) whole_.insert(root);
    tell();
    return good;
  }

  bool entry(const space::TreeEntry& entry, const std::string& path) {
    bool good = true;
    if (const auto* attributes = std::get_if<space::AttributesChunk>(&entry.attributes))
      good = chunk_is_there(attributes->id, path);
    const auto* file = entry.file();
    if (file == nullptr) return good;
    if (const auto* one = std::get_if<space::OneChunk>(&file->data)) return chunk_is_there(one->id, path) && good;
    const auto* manifest = std::get_if<space::ManifestRoot>(&file->data);
    if (manifest == nullptr || whole_.contains(manifest->root)) return good;
    const Status read = space::for_each_entry<space::ManifestEntry>(
        reader_, manifest->root, [&](space::ManifestEntry&& piece) -> Result<bool> {
          if (const auto* chunk = std::get_if<space::ChunkExtent>(&piece.extent))
            good = chunk_is_there(chunk->id, path) && good;
          return true;
        });
    if (!read) find(read.error().object, read.error().code, read.error().sentence, path);
    if (read && good) whole_.insert(manifest->root);
    return read && good;
  }

  session::SpaceSession& space_;
  const CheckOptions& options_;
  session::SpaceReader reader_;
  CheckReport report_;
  Counters counters_;
  std::int64_t told_ns_ = 0;
  std::vector<std::pair<PackKey, space::PackInfo>> packs_;
  std::map<PackKey, std::vector<BadBlock>> bad_;
  std::map<std::string, Finding> findings_;
  std::unordered_set<ChunkId, FixedBytesHash> whole_;
};

}  // namespace

Result<CheckReport> run_check(session::SpaceSession& space, const CheckOptions& options) {
  return Check(space, options).go();
}

}  // namespace holdfast::backup
