#include "worktree/scan.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace holdfast::worktree {

namespace {

// How far the walk reads ahead: enough to keep several threads busy, little enough to hold in memory.
constexpr std::size_t directories_ahead_max = 256;
constexpr std::size_t directories_looked_at_max = 1024;
constexpr std::size_t entries_ahead_max = 64 << 10;
constexpr std::uint64_t directory_bytes_ahead_max = 4 << 20;  // by st_size, which grows with the number of entries

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
  std::vector<DirectoryEntry> entries;  // no directories
  std::vector<Directory> directories;   // never moved once made: pointers to them are kept
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

bool Scanner::is_left_out(const FileStat& stat) const {
  return std::ranges::any_of(options_.exclude_inodes, [&](const auto& inode) {
    return inode.first == stat.device && inode.second == stat.inode;
  });
}

Result<std::optional<ScanEvent>> Scanner::begin() {
  begun_ = true;
  HF_TRY(const FileStat stat, files_.stat(root_path_));
  if (stat.type != FileType::directory) return ScanEvent(ScanEntry{std::string(last_component(root_path_)), stat});
  root_ = std::make_unique<Directory>(Directory{.name = {}, .stat = stat, .listing = {}});
  read_ahead(*root_);
  if (root_->listing->vanished)
    return fail(Code::NotFound, "the directory is not there any more", printable(root_path_));
  entries_ahead_ -= root_->listing->size();
  open_.push_back(root_.get());
  return ScanEvent(EnterDirectory{{}, stat});
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
      return ScanEvent(ScanEntry{std::move(entry.name), *entry.stat});
    }
    if (listing.directory_next == listing.directories.size()) {
      open_.back()->listing.reset();
      open_.pop_back();
      return ScanEvent(LeaveDirectory{});
    }
    listing.entries = {};  // given away already; the folders below may be many
    Directory& child = listing.directories[listing.directory_next];
    if (!child.listing) read_ahead(child);
    ++listing.directory_next;
    entries_ahead_ -= child.listing->size();
    if (child.listing->vanished) continue;
    open_.push_back(&child);
    return ScanEvent(EnterDirectory{path_of(child), child.stat});
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
  std::vector<Path> absolute;
  for (const Directory* directory : chosen) {
    relative.push_back(path_of(*directory));
    absolute.push_back(relative.back().empty() ? root_path_ : join_path(root_path_, relative.back()));
  }
  auto lists = files_.list_batch(absolute);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    if (!lists[i]) continue;
    // Who is listed must be who was seen in the folder above: else somebody's folder would show what another's hides.
    if (lists[i]->self.id() == chosen[i]->stat.id()) {
      chosen[i]->stat = lists[i]->self;
    } else {
      lists[i] = fail(Code::Changed, "this folder was replaced while it was looked at", printable(absolute[i]));
    }
  }
  for (Directory* directory : chosen) directory->listing = std::make_unique<Listing>();
  read_ignore_files(chosen, relative, lists);
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    Listing& listing = *chosen[i]->listing;
    if (lists[i]) {
      take_listing(*chosen[i], relative[i], std::move(lists[i]->entries));
    } else if (!is_not_found(lists[i].error())) {
      listing.problems.push_back({relative[i], std::move(lists[i]).error()});
    } else if (const auto there = files_.stat(absolute[i]); !there && is_not_found(there.error())) {
      listing.vanished = true;
    } else {
      listing.problems.push_back(
          {relative[i], Error{Code::Changed, "this is no directory any more", printable(absolute[i]), {}}});
    }
  }
}

void Scanner::read_ignore_files(const std::vector<Directory*>& directories, const std::vector<std::string>& paths,
                                const std::vector<Result<DirectoryListing>>& lists) {
  std::vector<ReadRequest> requests;
  std::vector<std::size_t> whose;
  for (std::size_t i = 0; i < directories.size(); ++i) {
    Listing& listing = *directories[i]->listing;
    if (!lists[i]) continue;
    const auto found = std::ranges::find(lists[i]->entries, ignore_file_name, &DirectoryEntry::name);
    if (found == lists[i]->entries.end() || !found->stat || found->stat->type != FileType::regular) continue;
    std::string path = paths[i];
    begin_child_path(path);
    path += ignore_file_name;
    const TreePlace place(join_path(root_path_, paths[i]), directories[i]->stat.id(), std::string(ignore_file_name));
    if (found->stat->size > ignore_file_size_max) {
      listing.problems.push_back(
          {path, Error{Code::TooLarge, "the ignore file is too large to have an effect", printable(place.path()), {}}});
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
    if (options_.one_file_system && child.stat.device != root_->stat.device)
      child.listing = std::make_unique<Listing>();
    listing.directories.push_back(std::move(child));
  }
  std::ranges::reverse(listing.problems);  // they are given from the back
  entries_ahead_ += listing.size();
}

}  // namespace holdfast::worktree
