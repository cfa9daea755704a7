#include "backup/run.h"

#include <algorithm>

#include "backup/snapshots.h"
#include "base/memory.h"
#include "base/reached.h"

namespace holdfast::backup {

namespace {

// The last component of each path, made different where two are equal, in the order that a tree has.
std::vector<std::pair<Path, std::string>> name_roots(const std::vector<PathToSave>& paths) {
  std::vector<std::pair<Path, std::string>> out;
  for (const auto& [path, given] : paths) {
    const std::string base = given.empty() ? "root" : given;
    std::string name = base;
    for (int other = 2; std::ranges::any_of(out, [&](const auto& root) { return root.second == name; }); ++other)
      name = base + "~" + std::to_string(other);
    out.emplace_back(path, name);
  }
  std::ranges::sort(out, {}, &std::pair<Path, std::string>::second);
  return out;
}

}  // namespace

Run::Run(session::SpaceSession& space, const BackupOptions& options)
    : space_(space),
      options_(options),
      doors_(space.session().doors),
      names_(doors_.files),
      scan_time_ns_(doors_.clock.now_ns()),
      prunes_seen_(space.prunes_seen()),
      roots_(name_roots(options.paths)),
      pace_(doors_.clock, options.progress != nullptr) {}

Run::~Run() {
  if (!state_claim_.empty()) space_.session().shared.claims->release(state_claim_);
}

std::string Run::purpose() const {
  std::string out = options_.only_read ? "read" : options_.into_live ? "put\n" + *options_.into_live + "\n" : "backup";
  for (const auto& [path, name] : roots_) out += "\n" + path + "\n" + name;
  out += "\n";
  for (const std::string& exclude : options_.excludes) out += "\n" + exclude;
  return out + (options_.one_file_system ? "\none file system" : "");
}

Path Run::file_state_path() const {
  const std::string name = space_.id().short_hex() + "-" + crypto::sha256(as_bytes(purpose())).short_hex();
  return join_path(join_path(space_.session().shared.home, "file_state"), name);
}

void Run::problem(const Path& path, Error error, bool left_out) {
  if (left_out) ++stats_.left_out;
  report_.add({path, std::move(error), left_out});
}

void Run::tell(const Path& current, bool now) {
  if (!pace_.due(now)) return;
  counters_.current = current;
  counters_.bytes_sent = upload_ ? upload_->bytes_acknowledged() : 0;
  options_.progress(counters_);
}

Status Run::prepare() {
  HF_OK(space_.follow_index());
  // A file that is put by itself is read each time.
  keeps_state_ = !options_.only_read && !options_.label &&
                 (!options_.into_live || std::ranges::any_of(roots_, [this](const auto& root) {
                   const auto stat = doors_.files.stat(root.first);
                   return stat && stat->type == FileType::directory;
                 }));
  if (!options_.only_read) {
    HF_TRY(report_.packs_lost, space_.look_for_packs());
  }
  if (report_.packs_lost > 0) reached("backup: what the server lost is sent again");
  auto old = FileState::open(doors_.files, file_state_path());
  if (old) {
    old_ = *std::move(old);
    std::vector<std::string> paths;
    paths.reserve(roots_.size());
    for (const auto& root : roots_) paths.push_back(root.first);
    if (old_->header().space != space_.id() || old_->header().paths != paths) old_.reset();
  }
  if (old_) {
    HF_TRY(const auto snapshots, list_snapshots(space_));
    trusted_ = std::ranges::any_of(
        snapshots, [&](const space::Snapshot& snapshot) { return snapshot.root == old_->header().root; });
    if (!trusted_) reached("backup: file state of a snapshot that is gone");
    trusted_ = trusted_ && report_.packs_lost == 0;
  }

  HF_TRY(const bool left_behind, session::Upload::left_behind(space_, purpose()));
  const bool mends_index = !options_.only_read && !space_.lost_index().bad.empty();
  if (mends_index) reached("backup: the index that the server lost is sent again");
  if ((left_behind || mends_index) && !options_.dry_run) HF_OK(ensure_upload());

  const auto known = [this](const ChunkId& id) {
    return options_.only_read || rely_on(id) || (upload_ && upload_->has(id));
  };
  const space::IngestContext context{space_.root_keys().chunk_id,
                                     space_.root_keys().chunker,
                                     space_.epoch_keys().pack,
                                     space_.id(),
                                     space_.epoch_keys().epoch,
                                     options_.zstd_level,
                                     "device " + space_.session().account().profile.device.hex(),
                                     doors_.workers,
                                     doors_.random,
                                     known,
                                     [this](std::uint64_t token, const ChunkId& id, std::uint32_t length) {
                                       return assembly_->chunk(token, id, length);
                                     },
                                     [this] { return upload_ ? upload_->make_room() : Status(); },
                                     [this](space::SealedPack pack) { return deliver(std::move(pack)); }};
  if (options_.into_live || options_.only_read)
    kept_ =
        std::make_unique<KeptNodes>(doors_.files, doors_.random, join_path(space_.session().shared.home, "uploads"));
  intake_.emplace(context, options_.into_live ? space::inline_bytes_max : 0, kept_.get());
  const auto usable = [this](const space::TreeEntry& entry) {
    const auto* file = entry.file();
    const auto* one = file == nullptr ? nullptr : std::get_if<space::OneChunk>(&file->data);
    const bool attributes_here = std::holds_alternative<std::vector<space::WireAttribute>>(entry.attributes);
    const bool whole = file == nullptr || file->size == 0 || (one != nullptr && rely_on(one->id));
    return attributes_here && whole && entry.directory() == nullptr;
  };
  compare_.emplace(
      old_.get(), trusted_, usable, scan_time_ns_, [this]() -> Assembly& { return assembly(); },
      static_cast<Folders&>(*this));
  return {};
}

Assembly& Run::assembly() {
  if (!assembly_) {
    FileStateWriter* writer = nullptr;
    if (!options_.dry_run && keeps_state_ && space_.session().shared.claims->claim(file_state_path())) {
      state_claim_ = file_state_path();
      (void)doors_.files.make_directories(Path(parent_of(file_state_path())));
      if (auto created = FileStateWriter::create(doors_.files, file_state_path())) {
        state_writer_.emplace(*std::move(created));
        writer = &*state_writer_;
      }
    }
    assembly_.emplace(
        space_.root_keys(), [this](const ChunkId& id, Bytes node) { return intake_->add_node(id, std::move(node)); },
        writer, old_ ? &old_->mapping() : nullptr);
  }
  return *assembly_;
}

Status Run::ensure_upload() {
  if (upload_) return {};
  HF_TRY(upload_, session::Upload::begin(space_, purpose()));
  upload_began_ns_ = doors_.clock.monotonic_ns();
  report_.bytes_resumed += upload_->bytes_resumed();
  return {};
}

Status Run::deliver(space::SealedPack pack) {
  HF_OK(ensure_upload());
  return upload_->put(std::move(pack));
}

void Run::forget_upload() {
  if (upload_ && !upload_->forget()) reached("backup: list of a dead upload stays");
}

Status Run::flush_all() {
  HF_OK(read_small());
  HF_OK(intake_->settle());
  if (assembly_) HF_OK(assembly_->advance());
  return {};
}

space::Snapshot Run::new_snapshot(const space::Root& root, bool partial) {
  space::Snapshot snapshot;
  snapshot.id = doors_.random.make<space::SnapshotId>();
  snapshot.account = space_.session().account().profile.account;
  snapshot.device = space_.session().account().profile.device;
  snapshot.time_ns = doors_.clock.now_ns();  // a scan that takes hours must not fall behind a short one's (D23)
  snapshot.root = root;
  for (const auto& [path, name] : roots_) snapshot.paths.push_back(path);
  snapshot.tags = options_.tags;
  snapshot.host = options_.host;
  snapshot.program = options_.program;
  snapshot.partial = partial;
  snapshot.stats = stats_;
  if (const auto& label = options_.label; label && !partial) {
    snapshot.id = label->id;
    snapshot.time_ns = label->time_ns;
    snapshot.paths = label->paths;
    snapshot.tags = label->tags;
    snapshot.host = label->host;
    snapshot.program = label->program;
    snapshot.partial = label->partial;
  }
  return snapshot;
}

bool Run::rely_on(const ChunkId& id) {
  if (!space_.index().known(id)) return false;
  if (relied_.size() < relied_max) relied_.insert(id);
  return true;
}

// R2 of F1. A prune keeps what its commit's roots and index need; so what this run refers to stands if its own old
// roots are still there and its other chunks are still known.
Result<bool> Run::stands_without_upload() {
  HF_OK(space_.follow_index());
  HF_TRY(const auto snapshots, list_snapshots(space_));
  const auto has_root = [&](const space::Snapshot& snapshot) { return snapshot.root == old_->header().root; };
  if (trusted_ && std::ranges::none_of(snapshots, has_root)) return false;
  for (const std::string& key : partials_)
    if (std::ranges::find(snapshots, key, &space::Snapshot::key) == snapshots.end()) return false;
  return relied_.size() < relied_max && relied_.all_of([&](const ChunkId& id) { return space_.index().known(id); });
}

Status Run::check_prunes() {
  if (space_.prunes_seen() == prunes_seen_) return {};
  HF_TRY(const bool stands, stands_without_upload());
  if (!stands) return fail(Code::Behind, "the space was pruned while the command ran");  // the caller starts over
  prunes_seen_ = space_.prunes_seen();
  reached("backup: a prune in between took nothing that it needs");
  return {};
}

Result<session::Draft> Run::draft(space::Snapshot& snapshot) {
  HF_OK(check_prunes());
  // Under its label it would pass for the whole one, also when it is asked for again.
  if (options_.label && report_.problems_count > 0) {
    Error error = report_.problems.front().error;
    error.object = printable(report_.problems.front().path);
    error.whole = "nothing was taken of this snapshot";
    return pass_on(std::move(error));
  }
  HF_OK(space_.follow_index());
  session::SpaceReader reader(space_);
  session::Draft draft;
  draft.kind = space::CommitKind::snapshot;
  draft.state = space_.state();
  snapshot.seq = space_.head().seq + 1;

  std::vector<space::InlineChunk> nodes;
  const space::NodeSink sink = [&](const ChunkId& id, Bytes node) -> Status {
    if (space_.inlined().contains(id)) return {};
    nodes.push_back({space::ChunkKind::node, std::move(node)});
    return {};
  };
  HF_TRY(draft.state.snapshots_root,
         space::with_snapshot(reader, space_.root_keys(), sink, space_.state().snapshots_root, snapshot, partials_));

  HF_OK(session::carry(space_, std::move(nodes), upload_, [this] { return ensure_upload(); }, draft));
  return draft;
}

Status Run::commit(space::Snapshot& snapshot) {
  if (upload_) {
    HF_OK(upload_->settle());
    return_freed_memory();  // blocks and packs are gone; an index of a million chunks takes 32 MiB at once
  }
  HF_OK(space_.commit([&] { return draft(snapshot); }));
  return published();
}

// An upload that went on relied on what the server had acknowledged before: one that was put back from an older copy
// meanwhile may not have it any more.
Status Run::look_for_resumed() {
  if (upload_->bytes_resumed() == 0) return {};
  bool there = true;
  HF_OK(space_.stat(upload_->packs(),
                    [&](std::size_t, const api::ObjectStatus& object) { there = there && object.can_be_read(); }));
  if (there) return {};
  reached("backup: the server has lost what an interrupted command had sent");
  forget_upload();
  upload_.reset();
  return fail(Code::Behind, "the server has lost what an interrupted command had sent");  // the caller starts over
}

Status Run::published() {
  if (!upload_) return {};
  report_.bytes_stored += upload_->bytes_put();
  HF_OK(look_for_resumed());
  HF_OK(upload_->published());
  upload_.reset();
  return {};
}

// What was sent so far becomes part of the space, so that nobody sends it again whatever happens to the rest (D21).
Status Run::commit_partial() {
  reached("backup: partial commit");
  HF_OK(flush_all());
  HF_TRY(const auto built, assembly().so_far());
  HF_OK(intake_->finish());
  auto snapshot = new_snapshot(built.root, true);
  HF_OK(commit(snapshot));
  partials_ = {snapshot.key()};
  relied_ = {};
  HF_OK(space_.follow_index());
  return {};
}

Result<space::Root> Run::finish_tree(bool same) {
  if (same && !assembly_) return old_->header().root;
  assembly();
  HF_OK(flush_all());
  HF_TRY(const auto built, assembly_->finish());
  HF_OK(intake_->finish());
  return built.root;
}

// An empty snapshot would be the newest one, and take a good one's place in every rule.
Status Run::expect_something_saved() const {
  const bool some = stats_.files + stats_.directories + stats_.others + small_.size() > 0;
  if (some || report_.problems_count == 0) return {};
  const Problem& first = report_.problems.front();
  return fail(first.error.code, "nothing of what was named could be saved: " + first.error.sentence,
              printable(first.path));
}

Result<BackupReport> Run::go() {
  if (options_.count_first) HF_OK(count());
  HF_OK(prepare());
  if (options_.into_live) HF_OK(check_live_place());
  HF_OK(walk_all());
  HF_OK(expect_something_saved());
  HF_TRY(const bool same, compare_->finish());
  if (options_.dry_run) {
    report_.snapshot = new_snapshot(same ? old_->header().root : space::Root(), false);
    return std::move(report_);
  }
  HF_TRY(const auto root, finish_tree(same));
  HF_OK(expect_something_saved());  // a file that was named itself is read only now
  tell({}, true);
  report_.snapshot = new_snapshot(root, false);
  if (options_.before_commit) HF_OK(options_.before_commit());
  HF_OK(options_.into_live ? commit_live(report_.snapshot) : commit(report_.snapshot));
  if (state_writer_) {
    std::vector<std::string> paths;
    paths.reserve(roots_.size());
    for (const auto& [path, name] : roots_) paths.push_back(path);
    // Losing it costs time at the next backup, nothing else.
    if (!state_writer_->finish({{}, space_.id(), report_.snapshot.key(), root, std::move(paths)}))
      reached("backup: file state not kept");
  }
  tell({}, true);
  return std::move(report_);
}

Result<BackupReport> run_backup(session::SpaceSession& space, const BackupOptions& options) {
  if (options.only_read) return fail(Code::Internal, "a tree that is only read can't be committed");
  bool left_partial = false;
  for (int tries = 0;; ++tries) {
    Run run(space, options);
    auto report = run.go();
    left_partial = left_partial || run.left_partial();
    if (!report && left_partial && options.label)
      report.error().whole =
          "all that the account holds; what was saved of this tree by then stands as a partial snapshot until that is "
          "forgotten, and the same command goes on from it";
    const bool again =
        !report && tries < 2 && (report.error().code == Code::UploadGone || report.error().code == Code::Behind);
    if (!again) return report;
    reached("backup: started over");
    if (report.error().code == Code::UploadGone) run.forget_upload();
  }
}

}  // namespace holdfast::backup
