#include "verbs/tree_at.h"

namespace holdfast::verbs {

Result<BackupDone> backup(Session& session, const std::optional<std::string>& space_name,
                          const backup::BackupOptions& options) {
  BackupDone done;
  done.space = space_name.value_or(std::string(session::backups_space));
  auto space = session::open_space(session, done.space);
  if (!space && space.error().code == Code::NotFound && done.space == session::backups_space) {
    // A dry run makes none. Of what it looks at nothing is in the home space either: all is new.
    space = options.dry_run ? session::open_home(session) : session::create_space(session, done.space);
    done.space_made = space.has_value();
  }
  if (!space) return pass_on(space.error());
  HF_TRY(done.report, backup::run_backup(**space, options));
  done.alarms = session.alarms;
  return done;
}

Result<Snapshots> snapshots(Session& session, const std::string& name) {
  HF_TRY(const auto space, session::open_space(session, name));
  HF_TRY(auto snapshots, backup::list_snapshots(*space));
  HF_TRY(const std::int64_t now, backup::earlier_now(session));
  return Snapshots{name, backup::dated(std::move(snapshots), now), session.alarms};
}

Result<RestoreDone> restore(Session& session, const std::string& name, const std::string& which,
                            const backup::RestoreOptions& options) {
  HF_TRY(const auto space, session::open_space(session, name));
  HF_TRY(const auto snapshots, backup::list_snapshots(*space));
  HF_TRY(auto snapshot, backup::find_snapshot(snapshots, which));
  HF_TRY(auto report, backup::run_restore(*space, snapshot.root, options));
  return RestoreDone{std::move(snapshot), std::move(report), session.alarms};
}

Result<Listing> list(Session& session, const std::string& name, const TreePath& at, bool recursive) {
  HF_TRY(const auto tree, open_tree(session, name, at));
  Listing out;
  out.snapshot = tree.snapshot;
  out.alarms = session.alarms;
  session::SpaceReader reader(*tree.space);
  space::Root root = tree.root;
  const std::string& path = at.path;
  if (!path.empty()) {
    HF_TRY(auto entry, space::find_path(reader, root, path));
    if (entry.directory() == nullptr) {
      out.entries.emplace_back(path, std::move(entry));
      return out;
    }
    root = entry.directory()->root;
  }
  const std::function<holdfast::Status(const space::Root&, const std::string&)> folder =
      [&](const space::Root& inside_of, const std::string& prefix) -> holdfast::Status {
    HF_OK(space::check_depth(prefix));
    std::vector<space::TreeEntry> entries;
    HF_OK(space::read_folder(reader, inside_of, entries));
    std::vector<std::pair<std::string, space::Root>> below;
    for (space::TreeEntry& entry : entries) {
      std::string full = join_path(prefix, entry.name);
      if (recursive && entry.directory() != nullptr) below.emplace_back(full, entry.directory()->root);
      out.entries.emplace_back(std::move(full), std::move(entry));
    }
    for (const auto& [full, inside] : below) HF_OK(folder(inside, full));
    return {};
  };
  HF_OK(folder(root, path));
  return out;
}

holdfast::Status cat(Session& session, const std::string& name, const TreePath& at,
                     const std::function<holdfast::Status(ByteView)>& out) {
  HF_TRY(const auto tree, open_tree(session, name, at));
  return backup::cat_file(*tree.space, tree.root, at.path, out);
}

Result<backup::CheckReport> check(Session& session, const std::string& name, const backup::CheckOptions& options) {
  HF_TRY(const auto space, session::open_space(session, name));
  HF_TRY(auto report, backup::run_check(*space, options));
  HF_TRY(const auto home, session::open_home(session));  // it leads to all others
  HF_TRY(auto of_home, backup::run_check(*home, {options.read_data, {}}));
  report.objects += of_home.objects;
  report.chunks += of_home.chunks;
  report.bytes_read += of_home.bytes_read;
  for (auto& finding : of_home.findings) {
    finding.object = "the home space: " + finding.object;
    report.findings.push_back(std::move(finding));
  }
  if (const auto chain = session::check_chain(session.server, session.account()); !chain) {
    const Error& error = chain.error();
    if (error.code == Code::Unreachable || error.code == Code::Timeout) return pass_on(error);
    report.findings.push_back({error.code, error.sentence, "the account's chain", {}, 0});
  }
  return report;
}

}  // namespace holdfast::verbs
