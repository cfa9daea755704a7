#include "backup/keep.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>

#include "backup/calendar.h"

namespace holdfast::backup {

namespace {

constexpr std::int64_t partial_age_max_ns = 30 * 24 * 3600 * second_ns;

// That a time lies in, as a number that no other such period has.
using Period = std::int64_t (*)(std::int64_t time_ns);

std::int64_t hour(std::int64_t time_ns) { return floor_divide(time_ns, 3600 * second_ns); }
std::int64_t day(std::int64_t time_ns) { return floor_divide(hour(time_ns), 24); }
std::int64_t week(std::int64_t time_ns) { return floor_divide(day(time_ns) + 3, 7); }  // 1970 began on a Thursday

std::int64_t year(std::int64_t time_ns) { return civil_date(time_ns).year; }
std::int64_t month(std::int64_t time_ns) { return 12 * year(time_ns) + civil_date(time_ns).month; }

struct PeriodRule {
  const char* name;
  std::uint32_t KeepRules::* count;
  Period period;
};
constexpr PeriodRule period_rules[] = {{"hourly", &KeepRules::hourly, hour},
                                       {"daily", &KeepRules::daily, day},
                                       {"weekly", &KeepRules::weekly, week},
                                       {"monthly", &KeepRules::monthly, month},
                                       {"yearly", &KeepRules::yearly, year}};

// Of one device and set of paths, newest first.
using Line = std::vector<Judged*>;

void keep_by_number(const KeepRules& rules, const Line& dated) {
  for (std::size_t i = 0; i < std::min<std::size_t>(rules.last, dated.size()); ++i)
    dated[i]->reasons.emplace_back("last");
  for (const PeriodRule& rule : period_rules) {
    std::set<std::int64_t> periods;
    for (Judged* judged : dated) {
      if (periods.size() >= rules.*rule.count) break;
      if (periods.insert(rule.period(judged->listed.snapshot.time_ns)).second) judged->reasons.emplace_back(rule.name);
    }
  }
}

void keep_within(const KeepRules& rules, const Line& dated) {
  if (rules.within_ns <= 0) return;
  std::int64_t newest = std::numeric_limits<std::int64_t>::min();
  for (const Judged* judged : dated) newest = std::max(newest, judged->listed.snapshot.time_ns);
  for (Judged* judged : dated) {
    const auto age = static_cast<std::uint64_t>(newest) - static_cast<std::uint64_t>(judged->listed.snapshot.time_ns);
    if (age <= static_cast<std::uint64_t>(rules.within_ns)) judged->reasons.emplace_back("within");
  }
}

void keep_tagged(const KeepRules& rules, const Line& line) {
  for (Judged* judged : line)
    for (const std::string& tag : rules.tags)
      if (std::ranges::find(judged->listed.snapshot.tags, tag) != judged->listed.snapshot.tags.end())
        judged->reasons.push_back("tag " + tag);
}

void judge_line(const KeepRules& rules, const Line& line, std::int64_t now_ns) {
  Line dated;  // and whole: what rules count
  bool whole_follows = false;
  for (Judged* judged : line) {
    const auto& [snapshot, undated] = judged->listed;
    if (undated) {
      judged->reasons.emplace_back("undated");
    } else if (!snapshot.partial) {
      dated.push_back(judged);
    } else if (!whole_follows && (snapshot.time_ns > now_ns ||
                                  static_cast<std::uint64_t>(now_ns) - static_cast<std::uint64_t>(snapshot.time_ns) <=
                                      static_cast<std::uint64_t>(partial_age_max_ns))) {
      judged->reasons.emplace_back("partial");
    }
    if (!undated && !snapshot.partial && !std::exchange(whole_follows, true)) judged->reasons.emplace_back("newest");
  }
  keep_by_number(rules, dated);
  keep_within(rules, dated);
  keep_tagged(rules, line);
}

}  // namespace

bool KeepRules::empty() const {
  return last + std::uint64_t{hourly} + daily + weekly + monthly + yearly == 0 && within_ns <= 0 && tags.empty();
}

std::vector<Judged> judge(const KeepRules& rules, std::span<const DatedSnapshot> snapshots, std::int64_t now_ns) {
  std::vector<Judged> out;
  out.reserve(snapshots.size());
  std::map<std::tuple<AccountId, DeviceId, std::vector<std::string>>, Line> lines;
  for (const DatedSnapshot& listed : snapshots) out.push_back({listed, {}});
  for (auto judged = out.rbegin(); judged != out.rend(); ++judged) {
    const space::Snapshot& snapshot = judged->listed.snapshot;
    lines[{snapshot.account, snapshot.device, snapshot.paths}].push_back(&*judged);
  }
  for (const auto& [of, line] : lines) judge_line(rules, line, now_ns);
  return out;
}

}  // namespace holdfast::backup
