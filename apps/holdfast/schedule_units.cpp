#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <ranges>

#include "passphrase.h"
#include "schedule/interval.h"
#include "schedule/unit.h"
#include "schedules.h"
#include "session/key_file.h"
#include "show.h"
#include "show_schedule.h"
#include "systemctl.h"

namespace holdfast::app {

namespace {

constexpr std::size_t unit_bytes_max = std::size_t{1} << 20;
constexpr unsigned patience_scheduled_s = 600;  // after sleep the network comes later than the timer
constexpr unsigned credentials_since = 256;     // systemd.exec(5), LoadCredentialEncrypted= of a user's manager
constexpr const char* passphrase_variable = "HOLDFAST_PASSPHRASE_FILE";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Path units_folder() {
  const std::string config = variable("XDG_CONFIG_HOME");
  return join_path(config.starts_with('/') ? config : join_path(variable("HOME"), ".config"), "systemd/user");
}

// As typed, without "." and "..": for names of units, which need not be looked up to be found again.
Path plain(const Path& path) {
  std::string out = std::filesystem::path(path).lexically_normal().string();
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

class Collected final : public agent::Output {
 public:
  explicit Collected(agent::Output& errors) : errors_(errors) {}
  bool out(std::string_view bytes) override {
    text += bytes;
    return true;
  }
  bool error(std::string_view bytes) override { return errors_.error(bytes); }
  std::string text;

 private:
  agent::Output& errors_;
};

// What is typed, with all that it needs to be typed anywhere.
struct Typed {
  Path home, folder;
  std::string space, name;
  std::vector<Path> paths;
};
Result<Typed> typed_of(const World& world, const Command& command, const std::string& directory) {
  Typed out;
  HF_TRY(out.home, absolute(world.home, directory));
  out.folder = units_folder();
  if (!out.folder.starts_with('/'))
    return fail(Code::InvalidArgument,
                "neither HOME nor XDG_CONFIG_HOME says where systemd looks for units of this user");
  out.space = command.space.value_or(std::string(session::backups_space));
  std::vector<Path> named;
  for (const auto& path : command.paths) {
    HF_TRY(out.paths.emplace_back(), absolute(path, directory));
    named.push_back(plain(out.paths.back()));
  }
  out.name = schedule::unit_name(plain(out.home), out.space, std::move(named));
  return out;
}

// REQUIRES: the keys are sealed by a passphrase. Where a run finds it; it is tried here.
Result<Path> passphrase_file(World& world, const Command& command, const std::string& directory) {
  const std::string file = variable(passphrase_variable);
  if (file.empty() || command.passphrase_fd >= 0)
    return fail(Code::InvalidArgument, About::passphrase,
                "the keys are sealed by a passphrase, and nobody is there to type it when a schedule runs");
  HF_TRY(const auto passphrase, get_passphrase(-1, Ask::once));
  HF_OK(session::read_key_file(*world.files, join_path(world.home, "keys"), &passphrase));
  return absolute(file, directory);
}

std::vector<std::string> words_of(const Command& command, const Typed& typed) {
  std::vector<std::string> words{"backup", "--scheduled=" + typed.name, "--quiet", "--space=" + typed.space,
                                 "--patience=" + std::to_string(command.patience_s.value_or(patience_scheduled_s))};
  for (const auto& tag : command.tags) words.push_back("--tag=" + tag);
  for (const auto& pattern : command.excludes) words.push_back("--exclude=" + pattern);
  if (command.one_file_system) words.emplace_back("--one-file-system");
  words.insert(words.end(), typed.paths.begin(), typed.paths.end());
  return words;
}

Status check_words(const std::vector<std::string>& words, const Command& command, const Typed& typed) {
  const auto parsed = parse(words);
  if (parsed.command && parsed.command->paths == typed.paths && parsed.command->tags == command.tags &&
      parsed.command->excludes == command.excludes && parsed.command->scheduled == typed.name)
    return {};
  return fail(Code::InvalidArgument, "this command line can't be given to a schedule: an option's word is empty");
}

// Files that belong together: all of them are written, or it is as it was.
class UnitFiles {
 public:
  explicit UnitFiles(Files& files) : files_(files) {}
  ~UnitFiles() {
    if (kept_ || written_.empty()) return;
    for (const auto& [path, before] : written_ | std::views::reverse)
      (void)(before ? files_.replace_file(path, *before) : files_.remove(path));
    (void)manager_reloads();
  }
  UnitFiles(const UnitFiles&) = delete;
  UnitFiles& operator=(const UnitFiles&) = delete;

  Status write(const Path& path, const std::string& text) {
    auto before = files_.read_file(path, unit_bytes_max);
    if (!before && before.error().code != Code::NotFound) return pass_on(before.error());
    HF_OK(files_.make_durable_directories(Path(parent_of(path))));
    written_.emplace_back(path, before ? std::optional(*std::move(before)) : std::nullopt);
    return files_.replace_file(path, as_bytes(text));
  }
  [[nodiscard]] bool replaced() const { return !written_.empty() && written_.front().second.has_value(); }
  void keep() { kept_ = true; }

 private:
  Files& files_;
  std::vector<std::pair<Path, std::optional<Bytes>>> written_;
  bool kept_ = false;
};

std::string description_of(const schedule::Schedule& made) {
  std::string paths;
  for (const auto& path : made.paths) paths += (paths.empty() ? "" : ", ") + path;
  return "Holdfast: backup of " + paths + " into " + made.space;
}

struct Units {
  schedule::Schedule schedule;
  std::string service, timer;
};
Result<Units> units_of(World& world, const Command& command, const Typed& typed, const std::string& directory) {
  Units out;
  out.schedule.space = typed.space;
  out.schedule.paths = typed.paths;
  out.schedule.every_s = static_cast<std::uint64_t>(*command.every_s);
  out.schedule.made_ns = world.clock->now_ns();
  out.schedule.unit_folder = typed.folder;
  HF_TRY(out.schedule.program, world.files->real_path("/proc/self/exe"));
  schedule::Service service{description_of(out.schedule),
                            out.schedule.program,
                            words_of(command, typed),
                            {{"HOLDFAST_HOME", typed.home}},
                            {}};
  HF_OK(check_words(service.arguments, command, typed));
  const auto keys = session::look_at_key_file(*world.files, join_path(world.home, "keys"));
  if (!command.passphrase_credential.empty()) {
    HF_TRY(const Path credential, absolute(command.passphrase_credential, directory));
    HF_TRY(service.credential, world.files->real_path(credential));
    out.schedule.passphrase = service.credential;
  } else if (keys && keys->has_passphrase) {
    HF_TRY(out.schedule.passphrase, passphrase_file(world, command, directory));
    service.environment.emplace_back(passphrase_variable, out.schedule.passphrase);
  }
  std::uint64_t draw = 0;
  world.random->fill({reinterpret_cast<std::uint8_t*>(&draw), sizeof draw});
  const std::int64_t every_s = *command.every_s;
  const auto phase_s = static_cast<std::int64_t>(draw % static_cast<std::uint64_t>(schedule::tick_s(every_s)));
  HF_TRY(out.service, schedule::service_text(service));
  out.timer = schedule::timer_text(service.description, schedule::calendar_of(every_s, phase_s));
  return out;
}

// What cron would run.
Result<std::string> by_cron(World& world, const Command& command, const Typed& typed, const std::string& directory) {
  if (!command.passphrase_credential.empty())
    return fail(Code::Unsupported, About::passphrase, "cron opens no sealed credential, and no systemd answers");
  auto words = words_of(command, typed);
  words.insert(words.begin(), world.files->real_path("/proc/self/exe").value_or("holdfast"));
  std::vector<std::pair<std::string, std::string>> environment{{"HOLDFAST_HOME", typed.home}};
  const auto keys = session::look_at_key_file(*world.files, join_path(world.home, "keys"));
  if (keys && keys->has_passphrase) {
    HF_TRY(auto file, passphrase_file(world, command, directory));
    environment.emplace_back(passphrase_variable, std::move(file));
  }
  const std::string line = schedule::cron_line(schedule::cron_of(*command.every_s), environment, words);
  return line.contains('\n') ? "(a line of cron can't hold a path with a line's end)" : line;
}

Result<Scheduled> install(World& world, const Typed& typed, Units units) {
  Scheduled out;
  out.name = typed.name;
  const std::string timer = typed.name + ".timer";
  UnitFiles files(*world.files);
  HF_OK(files.write(join_path(typed.folder, timer), units.timer));
  HF_OK(files.write(join_path(typed.folder, typed.name + ".service"), units.service));
  HF_OK(manager_reloads());
  if (const auto started = manager_starts(timer); !started) {  // it may be enabled all the same
    if (!files.replaced()) manager_stops(timer, typed.name + ".service");
    return pass_on(started.error());
  }
  if (const auto known = schedule::remember(*world.files, world.home, typed.name, units.schedule); !known) {
    if (!files.replaced()) manager_stops(timer, typed.name + ".service");
    return pass_on(known.error());
  }
  files.keep();
  out.replaced = files.replaced();
  out.schedule = std::move(units.schedule);
  out.lingers = user_lingers();
  if (const auto state = timer_state(typed.name); state.next_ns) {
    const auto known = schedule::known_schedule(*world.files, world.home, typed.name);
    out.next_ns = schedule::next_run_ns(static_cast<std::int64_t>(out.schedule.every_s),
                                        known.run ? known.run->good_ns : 0, *state.next_ns);
  }
  return out;
}

Status remove_file(Files& files, const Path& path) {
  const auto removed = files.remove(path);
  return !removed && removed.error().code == Code::NotFound ? Status() : removed;
}

Status uninstall(World& world, const std::string& name, const Path& folder, bool manager) {
  const std::string timer = name + ".timer", service = name + ".service";
  if (manager) manager_stops(timer, service);
  for (const Path& file : {join_path("timers.target.wants", timer), timer, service})
    HF_OK(remove_file(*world.files, join_path(folder, file)));
  return schedule::forget(*world.files, world.home, name);
}

// Needs no key, no server, and none of the paths to be there still.
Result<Unscheduled> remove_schedules(World& world, const Command& command, const std::string& directory) {
  HF_TRY(const Typed typed, typed_of(world, command, directory));
  HF_TRY(auto all, schedule::all_schedules(*world.files, world.home));
  const std::string name = !command.scheduled.empty() ? command.scheduled : !command.paths.empty() ? typed.name : "";
  std::erase_if(all, [&](const schedule::Known& known) {
    if (!name.empty()) return known.name != name;
    return !known.schedule || (command.space && known.schedule->space != *command.space);
  });
  if (all.empty() && !name.empty() && world.files->stat(join_path(typed.folder, name + ".timer"))) {
    all.emplace_back();
    all.back().name = name;  // of a home that was lost meanwhile
  }
  if (all.empty()) return fail(Code::NotFound, "there is no such schedule", name);
  Unscheduled out;
  out.manager_answered = manager_version().has_value();
  for (const auto& known : all) {
    const bool has_units = known.schedule || world.files->stat(join_path(typed.folder, known.name + ".timer"));
    HF_OK(uninstall(world, known.name, known.schedule ? known.schedule->unit_folder : typed.folder,
                    out.manager_answered && has_units));
    out.schedules.emplace_back(known.name, known.schedule);
  }
  if (out.manager_answered) HF_OK(manager_reloads());
  return out;
}

}  // namespace

int schedule_backup(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output,
                    const RunAtHome& run) {
  const auto show = [&](const auto& done) {
    output.out(command.json ? json_of(done) : text_of(done, command));
    return exit_done;
  };
  if (*command.every_s == 0) {
    const auto removed = remove_schedules(world, command, line.directory);
    return removed ? show(*removed) : report(removed.error(), command, output);
  }
  const auto typed = typed_of(world, command, line.directory);
  if (!typed) return report(typed.error(), command, output);
  const auto version = manager_version();
  if (!command.passphrase_credential.empty() && version && *version < credentials_since)
    return report({Code::Unsupported,
                   "the systemd here opens no sealed credential for a user: 256 is the first that does",
                   "systemd " + std::to_string(*version),
                   {},
                   About::passphrase},
                  command, output);
  auto units = version ? units_of(world, command, *typed, line.directory) : Result<Units>(Units());
  if (!units) return report(units.error(), command, output);
  Collected collected(output);
  const int code = run(command, collected);
  if (collected.text != can_run) return code;
  if (!version) {
    Command hinted = command;
    const auto cron = by_cron(world, command, *typed, line.directory);
    if (!cron) return report(cron.error(), command, output);
    hinted.by_cron = *cron;
    return report(version.error(), hinted, output);
  }
  const auto installed = install(world, *typed, *std::move(units));
  if (!installed) return report(installed.error(), command, output);
  show(*installed);
  return code;  // alarms of a log are no reason not to back up
}

}  // namespace holdfast::app
