#include "backup/check.h"

#include <algorithm>
#include <ranges>
#include <set>
#include <unordered_set>

#include "backup/snapshots.h"
#include "base/reached.h"
#include "session/log_reader.h"
#include "space/tree_mark.h"

namespace holdfast::backup {

namespace {

constexpr std::size_t paths_kept_max = 1000;
constexpr std::size_t gets_in_flight_max = 2;  // whole packs
constexpr int whole_pack = -1;
constexpr const char* retired_sentence =
    "somebody told the server to remove it, which it does when its grace is over; copy what you need before";

struct BadBlock {
  int block = whole_pack;
  Code code = Code::Tampered;
  std::string sentence;
};

// What a worker finds in one pack.
struct PackOutcome {
  std::vector<BadBlock> bad;
  std::string beside;  // what is wrong with it and touches no block; empty: nothing
  std::uint64_t chunks = 0;
};

PackOutcome read_pack(const space::PackInfo& info, const SpaceId& space, const space::EpochKeys* keys,
                      const crypto::Hmac& chunk_id_key, ByteView object) {
  const auto all_bad = [](Code code, std::string sentence) {
    return PackOutcome{{{whole_pack, code, std::move(sentence)}}, {}, 0};
  };
  if (keys == nullptr) return all_bad(Code::Tampered, "it names an epoch that the space never had");
  const bool as_stored = crypto::sha256(object) == info.sha256;
  if (object.size() < info.block_offset(info.blocks.size()))
    return all_bad(Code::Tampered, "its bytes are not those that were stored");

  std::optional<space::PackDirectory> directory;  // whose chunks stand in the order of their blocks
  auto kind = space::ChunkKind::data;
  if (as_stored) {
    const auto header = space::read_header(object, info.object);
    if (!header) return all_bad(header.error().code, header.error().sentence);
    auto opened = space::open_directory(keys->pack, space, *header, object.size(), object);
    if (!opened) return all_bad(opened.error().code, opened.error().sentence);
    auto* found = std::get_if<space::PackDirectory>(&*opened);
    if (found == nullptr || found->blocks != info.blocks)
      return all_bad(Code::Tampered, "its directory is not the one that the index knows");
    directory = std::move(*found);
    if (directory->kind == space::PackKind::nodes) kind = space::ChunkKind::node;
  }

  PackOutcome out;
  const space::PackOpener opener(keys->pack, space, info);
  const std::vector<std::uint32_t> offsets = info.block_offsets();
  std::size_t next = 0;  // of the directory's chunks
  for (std::size_t block = 0; block < info.blocks.size(); ++block) {
    const auto plain = opener.open_block(static_cast<std::uint16_t>(block),
                                         object.subspan(offsets[block], info.blocks[block].stored.value));
    bool good = plain.has_value();
    for (; directory && next < directory->chunks.size() && directory->chunks[next].block == block; ++next) {
      const space::PackedChunk& chunk = directory->chunks[next];
      ++out.chunks;
      good = good && chunk.offset.value + chunk.length.value <= plain->size() &&
             space::chunk_id(chunk_id_key, kind, ByteView(*plain).subspan(chunk.offset.value, chunk.length.value)) ==
                 chunk.id;
    }
    if (!good)
      out.bad.push_back(
          {static_cast<int>(block), plain ? Code::Tampered : plain.error().code, "a block does not hold what it must"});
  }
  // What of a damaged pack opens is still good, and restored.
  if (!as_stored && out.bad.empty()) out.beside = "its bytes beside the blocks are not those that were stored";
  return out;
}

class Check {
 public:
  Check(session::SpaceSession& space, const CheckOptions& options)
      : space_(space),
        options_(options),
        reader_(space),
        pace_(space.session().doors.clock, options.progress != nullptr) {}

  Result<CheckReport> go() {
    HF_OK(space_.follow_index());
    HF_TRY(const bool rebuilt, space_.recheck_index());
    if (rebuilt) reached("check: a damaged copy of the index was fetched again");
    for (const auto& segment : space_.index().segments())
      for (std::uint32_t pack = 0; pack < segment.view.packs(); ++pack) {
        if (space::is_retired(segment.ref.retired_packs, pack)) continue;  // by a prune: nothing refers to it
        HF_TRY(auto info, segment.view.pack(pack));
        counters_.bytes_total += info.block_offset(info.blocks.size());
        packs_.push_back(std::move(info));
      }
    counters_.files_total = packs_.size();
    HF_OK(ask_for_objects());
    if (options_.read_data) {
      HF_OK(read_packs());
      HF_OK(read_others());
      const auto log = session::for_each_entry(space_, api::first_seq, [](const api::Entry&) { return Status(); });
      if (!log) {
        if (log.error().code != Code::Tampered && log.error().code != Code::RolledBack) return pass_on(log.error());
        find(log.error().object, log.error().code, log.error().sentence, "");
      }
    }
    HF_TRY(const bool trees_are_whole, walk_trees());
    HF_TRY(const bool versions_are_whole, options_.read_data ? walk_versions() : Result<bool>(true));
    if (trees_are_whole && versions_are_whole) {  // what was lost was sent again since, or nothing needs it
      for (const ObjectId& pack : lost_)
        std::erase_if(findings_, [&](const auto& found) { return found.second.object == describe(pack, whole_pack); });
    }
    if (options_.read_data) HF_OK(note_damaged());
    for (const auto& alarm : space_.alarms())
      find("entry " + std::to_string(alarm.seq) + " of the log", Code::Tampered,
           "it counts for nothing: " + alarm.sentence + " (" + alarm.code + ")", "");
    for (auto& [key, finding] : findings_) report_.findings.push_back(std::move(finding));
    tell(true);
    return std::move(report_);
  }

 private:
  void tell(bool now = false) {
    if (pace_.due(now)) options_.progress(counters_);
  }

  // One finding for each thing that is wrong, with the paths that it touches.
  void find(const std::string& object, Code code, const std::string& sentence, const std::string& path) {
    Finding& finding = findings_.try_emplace(object + sentence, Finding{code, sentence, object, {}, 0}).first->second;
    if (path.empty()) return;
    ++finding.paths_count;
    if (finding.paths.size() < paths_kept_max) finding.paths.push_back(path);
  }

  void bad(const ObjectId& pack, BadBlock block) {
    find(describe(pack, block.block), block.code, block.sentence, "");
    bad_[pack].push_back(std::move(block));
  }

  static std::string describe(const ObjectId& object, int block) {
    const std::string pack = "pack " + object.short_hex();
    return block == whole_pack ? pack : pack + ", block " + std::to_string(block);
  }

  Status ask_for_objects() {
    std::vector<ObjectId> ids(packs_.size());
    std::ranges::transform(packs_, ids.begin(), &space::PackInfo::object);
    HF_OK(space_.stat(ids, [&](std::size_t i, const api::ObjectStatus& object) {
      ++report_.objects;
      ++counters_.files;
      tell();
      if (!object.can_be_read()) {
        bad(ids[i], {whole_pack, Code::Missing, "the server does not have it any more"});
        lost_.push_back(ids[i]);
      } else if (object.sha256 != packs_[i].sha256) {
        bad(ids[i], {whole_pack, Code::Tampered, "the server has other bytes than were stored"});
      } else if (object.state == api::ObjectState::retired) {  // it can still be read
        find(describe(ids[i], whole_pack), Code::Missing, retired_sentence, "");
      }
    }));
    for (const auto& segment : space_.index().segments())
      for (const auto& object : segment.ref.objects) others_.push_back({"index object", object.id, object.sha256});
    HF_TRY(const auto boxes, space_.boxes());
    others_.push_back({"key boxes", boxes.first, crypto::sha256(boxes.second)});
    std::vector<ObjectId> other_ids(others_.size());
    std::ranges::transform(others_, other_ids.begin(), &Other::object);
    return space_.stat(other_ids, [&](std::size_t i, const api::ObjectStatus& object) {
      Other& other = others_[i];
      ++report_.objects;
      if (object.state == api::ObjectState::unknown || object.sha256 != other.sha256)
        bad_other(other, Code::Missing, "the server does not have it as it was stored; this device has a copy");
      else if (object.state == api::ObjectState::retired)
        find(other.kind + " " + other.object.short_hex(), Code::Missing, retired_sentence, "");
    });
  }

  // What is neither data nor tree, and what this device has, too: index segments and key boxes.
  struct Other {
    std::string kind;
    ObjectId object;
    Hash sha256;
    bool bad = false;
  };
  void bad_other(Other& other, Code code, const std::string& sentence) {
    find(other.kind + " " + other.object.short_hex(), code, sentence, "");
    other.bad = true;
  }

  Status read_others() {
    session::ApiClient::Gets ranges(space_.session().server);
    for (Other& other : others_) {
      if (other.bad) continue;
      ranges.submit(group_of(space_.id()), space_.read_key(), other.object, 0, 0);
      const auto got = ranges.finish().got;
      if (!got && !about_one_object(got.error().code)) return pass_on(got.error());
      if (got) report_.bytes_read += got->bytes.size();
      if (!got) bad_other(other, Code::Missing, "the server does not give it; this device has a copy");
      if (got && crypto::sha256(got->bytes) != other.sha256)
        bad_other(other, Code::Tampered, "its bytes are not those that were stored; this device has a copy");
    }
    return {};
  }

  Status read_packs() {
    session::ApiClient::Gets ranges(space_.session().server);
    Jobs<PackOutcome> jobs(space_.session().doors.workers);
    std::map<RequestId, std::size_t> flying, working;
    const auto settle = [&](std::pair<RequestId, PackOutcome> done) {
      const ObjectId& pack = packs_[working.extract(done.first).mapped()].object;
      report_.chunks += done.second.chunks;
      for (BadBlock& block : done.second.bad) bad(pack, std::move(block));
      if (!done.second.beside.empty()) find(describe(pack, whole_pack), Code::Tampered, done.second.beside, "");
    };
    for (std::size_t next = 0; next < packs_.size() || !flying.empty() || !working.empty();) {
      if (next < packs_.size() && flying.size() < gets_in_flight_max) {
        if (!is_whole_bad(packs_[next].object))
          flying.emplace(ranges.submit(group_of(space_.id()), space_.read_key(), packs_[next].object, 0, 0), next);
        ++next;
        continue;
      }
      if (flying.empty() || working.size() >= space_.session().doors.workers.count()) {
        settle(jobs.next());
        continue;
      }
      auto [request, got] = ranges.finish();
      const std::size_t at = flying.extract(request).mapped();
      if (!got) {
        if (!about_one_object(got.error().code)) return pass_on(got.error());
        bad(packs_[at].object, {whole_pack, Code::Missing, "the server does not give it"});
        continue;
      }
      counters_.bytes += got->bytes.size();
      report_.bytes_read += got->bytes.size();
      tell();
      const auto object = std::make_shared<const session::GotRange>(*std::move(got));
      const auto& info = packs_[at];
      working.emplace(jobs.submit([this, object, &info] {
        return read_pack(info, space_.id(), space_.epoch_keys(info.epoch), space_.root_keys().chunk_id, object->bytes);
      }),
                      at);
    }
    return {};
  }

  static bool about_one_object(Code code) {
    return code == Code::Missing || code == Code::NotFound || code == Code::Malformed || code == Code::Tampered ||
           code == Code::TooLarge;
  }

  bool is_whole_bad(const ObjectId& pack) const {
    const auto found = bad_.find(pack);
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
    if (bad_.empty()) return true;
    const BadBlock* first = nullptr;
    ObjectId first_pack;
    for (const auto& place : places) {
      const auto info = place.segment->view.pack(place.record.pack);
      const ObjectId pack = info ? info->object : ObjectId();
      const auto blocks = bad_.find(pack);
      const BadBlock* trouble = nullptr;
      if (blocks != bad_.end())
        for (const BadBlock& block : blocks->second)
          if (block.block == whole_pack || block.block == place.record.block) trouble = &block;
      if (trouble == nullptr) return true;
      if (first == nullptr) {
        first = trouble;
        first_pack = pack;
      }
    }
    find(describe(first_pack, first->block), first->code, first->sentence, path);
    return false;
  }

  // So that the next backup sends again what it can.
  Status note_damaged() {
    std::vector<ObjectId> packs(bad_.size());
    std::ranges::copy(bad_ | std::views::keys, packs.begin());
    for (const Other& other : others_)
      if (other.bad) packs.push_back(other.object);
    return space_.note_damaged(std::move(packs));
  }

  // True: all of them are whole.
  Result<bool> walk_trees() {
    HF_TRY(const auto snapshots, list_snapshots(space_));
    bool good = true;
    for (const space::Snapshot& snapshot : snapshots) {
      ++report_.snapshots;
      good = folder(snapshot.root, snapshot.id.short_hex() + ":") && good;
    }
    return folder(space_.state().live_root, "live:") && good;
  }

  // Every tree that stood in the space (`holdfast history`). True: all of them are whole.
  Result<bool> walk_versions() {
    bool good = true;
    space::ChunkSet seen;
    session::CommitReader log(space_);
    space::Root last;
    const Status read = log.read_on([&](const space::CommitBody& commit) -> Status {
      if (commit.state.live_root == last) return {};
      last = commit.state.live_root;
      const std::string path = "version " + std::to_string(commit.seq) + ":";
      const auto visit = [&](space::ChunkKind kind, const ChunkId& id) -> Status {
        good = (kind == space::ChunkKind::node || chunk_is_there(id, path)) && good;
        return {};
      };
      const auto lost = [&](const Error& error) -> Status {
        find(error.object, error.code, error.sentence, path);
        good = false;
        return {};
      };
      HF_OK(space::mark_tree(reader_, last, seen, visit, lost));
      tell();
      return {};
    });
    if (!read && read.error().code != Code::Tampered && read.error().code != Code::RolledBack)
      return pass_on(read.error());
    return good && read;  // what is wrong with the log itself was found where its bytes were read
  }

  // False: something below is not whole. What is whole under one snapshot is not walked again under the next.
  bool folder(const space::Root& root, const std::string& path) {
    if (root.is_zero() || whole_.contains(root)) return true;
    bool good = true;
    std::vector<space::TreeEntry> folders;
    const std::string prefix = path.back() == ':' ? path : path + "/";
    Status read = space::check_depth(path);
    if (read)
      read = space::for_each_entry<space::TreeEntry>(reader_, root, [&](space::TreeEntry&& entry) -> Result<bool> {
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
  Pace pace_;
  std::vector<space::PackInfo> packs_;
  std::vector<Other> others_;
  std::map<ObjectId, std::vector<BadBlock>> bad_;
  std::vector<ObjectId> lost_;
  std::map<std::string, Finding> findings_;
  std::unordered_set<ChunkId, FixedBytesHash> whole_;
};

}  // namespace

Result<CheckReport> run_check(session::SpaceSession& space, const CheckOptions& options) {
  return Check(space, options).go();
}

}  // namespace holdfast::backup
