#include "backup/restore_mark.h"

#include <algorithm>

#include "base/reached.h"
#include "crypto/hash.h"

namespace holdfast::backup {

namespace {

constexpr std::string_view prefix = "restore/";
constexpr std::size_t names_max = 100'000;  // of one folder
constexpr std::size_t targets_max = 16;     // whose restores were interrupted and never ended

std::optional<RestoreTarget> open_target(session::Session& session, const std::string& key, ByteView box) {
  const auto plain = session.open_local(key, box);
  const auto kept = plain ? decode<RestoreTarget>(*plain, "what is kept of a restore") : pass_on(plain.error());
  return kept ? std::optional(*kept) : std::nullopt;
}

std::string hashed(std::string_view text) { return crypto::sha256(as_bytes(text)).hex(); }

}  // namespace

std::string RestoreMark::key_of(const std::string& folder) const { return key_ + "/" + hashed(folder); }

Result<std::string> RestoreMark::begin(const Path& target, std::uint64_t inode, const std::string& temporary_prefix) {
  const std::string key = std::string(prefix) + hashed(target);
  claim_.emplace(*session_.shared.claims, key);
  if (!claim_->held()) return std::string();
  HF_TRY(const auto box, session_.state().get(key));
  if (box) {
    const auto kept = open_target(session_, key, *box);
    if (kept && kept->target == target && kept->inode == inode) {
      reached("restore: goes on where one was interrupted");
      key_ = key;
      goes_on_ = true;
      return kept->temporary_prefix;
    }
    HF_OK(forget(key));  // of another folder, which had this name
  }
  HF_OK(forget_oldest());
  HF_OK(put(key, encode(RestoreTarget{session_.doors.clock.now_ns(), target, inode, temporary_prefix})));
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
  HF_OK(put(key_of(folder), encode(StoodBefore{inode, {names.begin(), names.end()}})));
  return true;
}

Status RestoreMark::end() {
  if (key_.empty()) return {};
  goes_on_ = false;
  return forget(std::exchange(key_, {}));
}

Status RestoreMark::put(const std::string& key, ByteView plain) {
  return session_.state().apply({{{key, session_.seal_local(key, plain)}}, {}});
}

Status RestoreMark::forget(const std::string& key) {
  session::Change change;
  change.erase.push_back(key);
  HF_OK(
      session_.state().scan(key + "/", [&](std::string_view folder, ByteView) { change.erase.emplace_back(folder); }));
  return session_.state().apply(change);
}

Status RestoreMark::forget_oldest() {
  std::vector<std::pair<std::string, Bytes>> targets;
  HF_OK(session_.state().scan(prefix, [&](std::string_view key, ByteView value) {
    const bool of_folder = key.find('/', prefix.size()) != std::string_view::npos;
    if (!of_folder) targets.emplace_back(key, to_bytes(value));
  }));
  if (targets.size() < targets_max) return {};
  const auto began = [&](const auto& target) -> std::int64_t {
    const auto kept = open_target(session_, target.first, target.second);
    return kept ? kept->began_ns : 0;
  };
  return forget(std::ranges::min_element(targets, {}, began)->first);
}

}  // namespace holdfast::backup
