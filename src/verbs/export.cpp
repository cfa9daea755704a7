#include "verbs/export.h"

#include "backup/export_contents.h"

namespace holdfast::verbs {

namespace {

// The list of all trees, now that all are whole. What an earlier one had is said, and not missed for ever.
holdfast::Status write_contents(Files& files, ExportDone& done) {
  const Path path = join_path(done.folder, backup::contents_file);
  HF_TRY(const auto folders, backup::names_in(files, done.folder, FileType::directory));
  backup::ExportContents contents;
  for (const std::string& space : folders)
    for (const std::string_view kind : backup::tree_kinds)
      HF_OK(backup::add_contents(files, done.folder, join_path(space, kind), contents));
  const auto bytes = backup::read_beside(files, path);
  if (!bytes && bytes.error().code != Code::NotFound) return pass_on(bytes.error());
  const auto before = bytes ? backup::decode_contents(*bytes) : Result<backup::ExportContents>();
  if (before && *before == contents && bytes) return {};
  for (const auto& [tree, hash] : before.value_or(backup::ExportContents()))
    if (!contents.contains(tree))
      done.report.warnings.push_back("a tree that an earlier export wrote is gone: " + printable(tree));
  return files.replace_file(path, backup::encode_contents(contents));
}

}  // namespace

Result<ExportDone> export_all(Session& session, backup::ExportOptions options) {
  Files& files = session.doors.files;
  const Path folder = options.folder;
  const std::string own = "holdfast export 1\naccount\t" + session.account().profile.account.hex() + "\n";
  HF_OK(backup::make_private_folder(files, folder, options.restorer ? options.restorer->first : 0));
  const Path marker = join_path(folder, own_file);
  const auto there = backup::read_beside(files, marker);
  if (!there && there.error().code != Code::NotFound) return pass_on(there.error());
  if (there && as_text(*there) != own)
    return fail(Code::AlreadyExists, "the folder holds the export of another account", printable(folder));
  if (!there) {
    HF_TRY(const auto entries, files.list(folder));
    if (!entries.empty())
      return fail(Code::NotEmpty, "the folder holds something that is no export of this account", printable(folder),
                  "nothing was written");
    HF_OK(files.replace_file(marker, as_bytes(own)));
  }
  ExportDone out;
  out.folder = folder;
  HF_TRY(const auto spaces, session::list_spaces(session));
  for (const session::ListedSpace& listed : spaces) {
    const std::string& name = listed.named.name;
    if (name == "." || name == "..") return fail(Code::Unsupported, "no folder can have the name of this space", name);
    out.spaces.push_back(name);
    HF_TRY(const auto space, session::open_space(session, name));
    options.folder = join_path(folder, name);
    HF_OK(backup::run_export(*space, options, out.report));
  }
  if (out.report.problems_count == 0) HF_OK(write_contents(files, out));
  out.alarms = session.alarms;
  return out;
}

}  // namespace holdfast::verbs
