#include "worktree/scan.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "space/tree.h"

namespace holdfast::worktree {

namespace {

// How far the walk reads ahead: enough to keep several threads busy, little enough to hold in memory.
constexpr std::size_t directories_ahead_max = 256;
constexpr std::size_t directories_looked_at_max = 1024;
constexpr std::size_t entries_ahead_max = 64 << 10;
constexpr std::uint64_t directory_bytes_ahead_max = 1 << 20;  // by st_size, which grows with the number of entries

bool is_not_found(const Error& error) { return error.code == Code::NotFound; }

// Where `path` ends, "/" included, when an entry's name follows.
void begin_child_path(std::string& path) {
  if (!path.empty()) path.push_back('/');
}

}  // namespace

struct Scanner::Directory {
  std::string name;
  FileStat stat;
  const Directory* parent = nullptr;
  std::unique_ptr<Listing> listing;  // null: not read yet, or left
};

struct Scanner::Listing {
  std::shared_ptr<const IgnoreScope> scope;
  std::vector<ScanProblem> problems;
  std::shared_ptr<const ListedFolder> folder;  // null: it could not be listed, or is a mount point that is not entered
  std::vector<DirectoryEntry> entries;         // no directories
  std::vector<Directory> directories;          // never moved once made: pointers to them are kept
  std::size_t entry_next = 0, directory_next = 0;
  bool vanished = false;

  [[nodiscard]] std::size_t size() const { return entries.size() + directories.size(); }
};

Scanner::Scanner(Files& files, Path root, ScanOptions options)
    : files_(files), root_path_(std::move(root)), options_(std::move(options)) {}

Scanner::~Scanner() = default;

std::string Scanner::path_of(const Directory& directory) const {
  if (directory.parent == nullptr) return {};
  std::string path = path_of(*directory.parent);
  begin_child_path(path);
  return path += directory.name;
}

bool Scanner::is_another_file_system(const FileStat& stat) const {
  return options_.one_file_system && stat.device != root_->stat.device;
}

bool Scanner::is_left_out(const FileStat& stat) const {
  return std::ranges::find(options_.exclude_inodes, stat.id()) != options_.exclude_inodes.end();
}

Result<std::optional<ScanEvent>> Scanner::begin() {
  begun_ = true;
  HF_TRY(const FileStat stat, files_.stat(root_path_));
  if (stat.type != FileType::directory)
    return ScanEvent(ScanEntry{std::string(last_component(root_path_)), stat, root_path_});
  root_ = std::make_unique<Directory>(Directory{.name = {}, .stat = stat, .listing = {}});
  read_ahead(*root_);
  if (root_->listing->vanished)
    return fail(Code::NotFound, "the directory is not there any more", printable(root_path_));
  entries_ahead_ -= root_->listing->size();
  open_.push_back(root_.get());
  return enter({}, *root_);
}

TreePlace Scanner::place_of(const Directory& directory) const {
  if (directory.listing && directory.listing->folder) return {directory.listing->folder, ""};
  if (directory.parent == nullptr) return root_path_;
  return {directory.parent->listing->folder, directory.name};
}

ScanEvent Scanner::enter(const std::string& path, const Directory& directory) const {
  return EnterDirectory{path, directory.stat, place_of(directory)};
}

Result<std::optional<ScanEvent>> Scanner::next() {
  if (!begun_) return begin();
  while (!open_.empty()) {
    Listing& listing = *open_.back()->listing;
    if (!listing.problems.empty()) {
      ScanProblem problem = std::move(listing.problems.back());
      listing.problems.pop_back();
      return ScanEvent(std::move(problem));
    }
    if (listing.entry_next < listing.entries.size()) {
      DirectoryEntry& entry = listing.entries[listing.entry_next++];
      TreePlace place(listing.folder, entry.name);
      return ScanEvent(ScanEntry{std::move(entry.name), *entry.stat, std::move(place)});
    }
    if (listing.directory_next == listing.directories.size()) {
      open_.back()->listing.reset();
      open_.pop_back();
      return ScanEvent(LeaveDirectory{});
    }
    listing.entries = {};  // given away already; the folders below may be many
    Directory& child = listing.directories[listing.directory_next];
    if (open_.size() >= space::folders_deep_max) {
      ++listing.directory_next;
      if (child.listing) entries_ahead_ -= child.listing->size();
      child.listing.reset();
      return ScanEvent(
          ScanProblem{path_of(child), Error{Code::Unsupported, "folders are nested too deep to be saved", {}, {}}});
    }
    if (!child.listing) read_ahead(child);
    ++listing.directory_next;
    entries_ahead_ -= child.listing->size();
    if (child.listing->vanished) continue;
    open_.push_back(&child);
    return enter(path_of(child), child);
  }
  return std::nullopt;
}

// `first`, which is needed now, and what the walk will enter next as far as it is known.
std::vector<Scanner::Directory*> Scanner::choose_ahead(Directory& first) const {
  std::vector<Directory*> chosen = {&first};
  std::uint64_t bytes = first.stat.size;
  std::size_t looked_at = 0;
  const auto full = [&] {
    return chosen.size() >= directories_ahead_max || looked_at >= directories_looked_at_max ||
           bytes > directory_bytes_ahead_max || entries_ahead_ > entries_ahead_max;
  };
  const auto look_below = [&](const auto& self, Listing& listing) -> void {
    for (std::size_t i = listing.directory_next; i < listing.directories.size() && !full(); ++i) {
      Directory& directory = listing.directories[i];
      ++looked_at;
      if (directory.listing) {
        self(self, *directory.listing);
      } else if (&directory != &first) {
        bytes += directory.stat.size;
        if (!full()) chosen.push_back(&directory);
      }
    }
  };
  for (std::size_t i = open_.size(); i-- > 0 && !full();) look_below(look_below, *open_[i]->listing);
  return chosen;
}

void Scanner::read_ahead(Directory& first) {
  const std::vector<Directory*> chosen = choose_ahead(first);
  std::vector<std::string> relative;
  std::vector<TreePlace> places;
  for (const Directory* directory : chosen) {
    relative.push_back(path_of(*directory));
    places.push_back(place_of(*directory));
  }
  auto lists = files_.list_batch(places);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    chosen[i]->listing = std::make_unique<Listing>();
    if (!lists[i]) continue;
    // What the folder above said may be another's by now: somebody's folder must not show what another's hides.
    chosen[i]->stat = lists[i]->self;
    if (is_another_file_system(lists[i]->self)) {
      lists[i]->entries.clear();
    } else {
      chosen[i]->listing->folder = lists[i]->folder;
    }
  }
  read_ignore_files(chosen, relative, lists);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    Listing& listing = *chosen[i]->listing;
    if (lists[i]) {
      take_listing(*chosen[i], relative[i], std::move(lists[i]->entries));
    } else if (!is_not_found(lists[i].error())) {
      listing.problems.push_back({relative[i], std::move(lists[i]).error()});
    } else {
      listing.vanished = true;
    }
  }
}

void Scanner::read_ignore_files(const std::vector<Directory*>& directories, const std::vector<std::string>& paths,
                                const std::vector<Result<DirectoryListing>>& lists) {
  std::vector<ReadRequest> requests;
  std::vector<std::size_t> whose;
  for (std::size_t i = 0; i < directories.size(); ++i) {
    Listing& listing = *directories[i]->listing;
    if (!lists[i] || !options_.ignore_files) continue;
    const auto found = std::ranges::find(lists[i]->entries, ignore_file_name, &DirectoryEntry::name);
    if (found == lists[i]->entries.end() || !found->stat || found->stat->type != FileType::regular) continue;
    std::string path = paths[i];
    begin_child_path(path);
    path += ignore_file_name;
    const TreePlace place(lists[i]->folder, std::string(ignore_file_name));
    if (found->stat->size > ignore_file_size_max) {
      listing.problems.push_back({path, Error{Code::TooLarge,
                                              "the ignore file is too large to have an effect",
                                              printable(join_path(root_path_, path)),
                                              {}}});
      continue;
    }
    requests.push_back({place, found->stat->size});
    whose.push_back(i);
  }
  auto answers = files_.read_batch(requests);

  // A directory's scope stands on its parent's, and parents come first.
  std::size_t next = 0;
  for (std::size_t i = 0; i < directories.size(); ++i) {
    Directory& directory = *directories[i];
    auto scope = directory.parent == nullptr ? IgnoreScope::root(options_.exclude) : directory.parent->listing->scope;
    if (next < whose.size() && whose[next] == i) {
      if (auto& answer = answers[next]; answer) {
        scope = IgnoreScope::within(std::move(scope), paths[i], IgnoreRules::parse(answer->bytes));
      } else if (!is_not_found(answer.error())) {
        std::string path = paths[i];
        begin_child_path(path);
        path += ignore_file_name;
        directory.listing->problems.push_back({std::move(path), std::move(answer).error()});
      }
      ++next;
    }
    directory.listing->scope = std::move(scope);
  }
}

// Sorts, leaves out what is excluded, and divides into directories and the rest.
void Scanner::take_listing(Directory& directory, const std::string& path, std::vector<DirectoryEntry> entries) {
  Listing& listing = *directory.listing;
  std::vector<std::uint32_t> order(entries.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, {}, [&](std::uint32_t i) -> const std::string& { return entries[i].name; });

  std::string child_path = path;
  begin_child_path(child_path);
  const std::size_t prefix = child_path.size();
  std::size_t directories = 0;
  std::erase_if(order, [&](std::uint32_t i) {
    const DirectoryEntry& entry = entries[i];
    const bool is_directory = entry.stat && entry.stat->type == FileType::directory;
    if (entry.stat && is_left_out(*entry.stat)) return true;
    child_path.replace(prefix, std::string::npos, entry.name);
    if (listing.scope->excludes(child_path, is_directory)) return true;
    if (!entry.stat) {
      if (!is_not_found(entry.stat.error())) listing.problems.push_back({child_path, entry.stat.error()});
      return true;
    }
    if (entry.name.size() > space::name_bytes_max) {
      listing.problems.push_back({child_path, Error{Code::Unsupported, "its name is longer than 255 bytes", {}, {}}});
      return true;
    }
    directories += is_directory ? 1 : 0;
    return false;
  });

  listing.directories.reserve(directories);
  listing.entries.reserve(order.size() - directories);
  for (const std::uint32_t i : order) {
    DirectoryEntry& entry = entries[i];
    if (entry.stat->type != FileType::directory) {
      listing.entries.push_back(std::move(entry));
      continue;
    }
    Directory child{.name = std::move(entry.name), .stat = *entry.stat, .parent = &directory, .listing = {}};
    // A mount point stands for itself: what is mounted there is another file system's.
    if (is_another_file_system(child.stat)) child.listing = std::make_unique<Listing>();
    listing.directories.push_back(std::move(child));
  }
  std::ranges::reverse(listing.problems);  // they are given from the back
  entries_ahead_ += listing.size();
}

}  // namespace holdfast::worktree
