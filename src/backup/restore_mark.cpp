#include "backup/restore_mark.h"

#include <algorithm>

#include "base/reached.h"
#include "crypto/hash.h"

namespace holdfast::backup {

namespace {

constexpr std::string_view prefix = "restore/";
constexpr std::size_t names_max = 100'000;  // of one folder
constexpr std::size_t targets_max = 16;     // whose restores were interrupted and never ended

std::string hashed(std::string_view text) { return crypto::sha256(as_bytes(text)).hex(); }

}  // namespace

std::string RestoreMark::key_of(const std::string& folder) const { return key_ + "/" + hashed(folder); }

Result<std::string> RestoreMark::begin(const Path& target, std::uint64_t inode, const std::string& temporary_prefix) {
  const std::string key = std::string(prefix) + hashed(target);
  claim_.emplace(*session_.shared.claims, key);
  if (!claim_->held()) return std::string();
  HF_TRY(const auto box, session_.state().get(key));
  if (box) {
    const auto plain = session_.open_local(key, *box);
    const auto kept = plain ? decode<RestoreTarget>(*plain, "what is kept of a restore") : pass_on(plain.error());
    if (kept && kept->target == target && kept->inode == inode) {
      reached("restore: goes on where one was interrupted");
      key_ = key;
      goes_on_ = true;
      return kept->temporary_prefix;
    }
    key_ = key;
    HF_OK(end());  // of another folder, which had this name
  }
  HF_OK(forget_oldest());
  const RestoreTarget made{session_.doors.clock.now_ns(), target, inode, temporary_prefix};
  session::Change change;
  change.put.emplace_back(key, session_.seal_local(key, encode(made)));
  HF_OK(session_.state().apply(change));
  key_ = key;
  return std::string();
}

std::optional<std::set<std::string>> RestoreMark::stood(const std::string& folder, std::uint64_t inode) {
  if (!goes_on_) return std::nullopt;
  const std::string key = key_of(folder);
  const auto box = session_.state().get(key);
  if (!box || !*box) return std::nullopt;
  const auto plain = session_.open_local(key, **box);
  if (!plain) return std::nullopt;
  auto kept = decode<StoodBefore>(*plain, "what stood in a folder");
  if (!kept || kept->inode != inode) return std::nullopt;
  return std::set<std::string>(kept->names.begin(), kept->names.end());
}

Result<bool> RestoreMark::note(const std::string& folder, std::uint64_t inode, const std::set<std::string>& names) {
  if (key_.empty() || names.size() > names_max) return false;
  const std::string key = key_of(folder);
  const StoodBefore made{inode, {names.begin(), names.end()}};
  session::Change change;
  change.put.emplace_back(key, session_.seal_local(key, encode(made)));
  HF_OK(session_.state().apply(change));
  return true;
}

Status RestoreMark::end() {
  if (key_.empty()) return {};
  session::Change change;
  change.erase.push_back(std::exchange(key_, {}));
  HF_OK(session_.state().scan(change.erase.front() + "/",
                              [&](std::string_view key, ByteView) { change.erase.emplace_back(key); }));
  goes_on_ = false;
  return session_.state().apply(change);
}

Status RestoreMark::forget_oldest() {
  std::vector<std::pair<std::string, Bytes>> targets;
  std::vector<std::string> folders;
  HF_OK(session_.state().scan(prefix, [&](std::string_view key, ByteView value) {
    if (key.find('/', prefix.size()) != std::string_view::npos)
      folders.emplace_back(key);
    else
      targets.emplace_back(key, to_bytes(value));
  }));
  if (targets.size() < targets_max) return {};
  const auto began = [&](const auto& target) -> std::int64_t {
    const auto plain = session_.open_local(target.first, target.second);
    const auto kept = plain ? decode<RestoreTarget>(*plain, "what is kept of a restore") : pass_on(plain.error());
    return kept ? kept->began_ns : 0;
  };
  const std::string oldest = std::ranges::min_element(targets, {}, began)->first;
  session::Change change;
  change.erase.push_back(oldest);
  for (const std::string& folder : folders)
    if (folder.starts_with(oldest + "/")) change.erase.push_back(folder);
  return session_.state().apply(change);
}

}  // namespace holdfast::backup
