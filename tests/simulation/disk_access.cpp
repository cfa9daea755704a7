#include "tests/simulation/disk_access.h"

#include "base/reached.h"

namespace holdfast::sim {

std::vector<Attribute> attributes_of(const Inode& inode) {
  std::vector<Attribute> out;
  for (const auto& [name, value] : inode.meta.attributes) out.push_back({name, value});
  return out;
}

Status DiskAccess::pass(Kind kind, const Event& event, const std::function<void()>& half) {
  if (process == nullptr) return {};
  switch (scheduler.pass(*process, kind)) {
    case Verdict::go:
      return {};
    case Verdict::dead:
      break;
    case Verdict::dying: {
      const std::string what = "would " + std::string(event.what);
      scheduler.note({.who = who(), .what = what, .object = event.object, .other = event.other});
      if (half && dice->coin()) half();
      scheduler.crash_now(*process);
      break;
    }
  }
  return fail(Code::Crashed, "the process is dead", printable(event.object));
}

Status DiskAccess::begin(Kind kind, const Event& event, const std::function<void()>& half) {
  HF_OK(pass(kind, event, half));
  Event noted = event;
  noted.who = who();
  scheduler.note(noted);
  if (process == nullptr) return {};
  disk.call_made();
  if (dice->chance(chances.disk_full)) {
    reached("sim: disk full");
    disk.fill_up(1 + dice->below(20));
  }
  HF_OK(disk.not_refused(Path(event.object)));
  if (dice->chance(chances.io_error)) {
    reached("sim: call of Files failed");
    if (half && dice->coin()) half();
    return fail(Code::IoError, "the disk does not answer", printable(event.object));
  }
  return {};
}

Status DiskAccess::begin_sync(const Event& event, const std::function<void()>& failure) {
  HF_OK(begin(Kind::change, event));
  if (process == nullptr || !dice->chance(chances.sync_error)) return {};
  failure();
  return fail(Code::IoError, "the disk did not take what was written", printable(event.object));
}

}  // namespace holdfast::sim
