#include "schedule/unit.h"

#include <algorithm>

#include "crypto/hash.h"

namespace holdfast::schedule {

namespace {

// What neither systemd nor a shell makes something else of.
constexpr std::string_view plain_letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-=:,+@";

constexpr std::string_view origin =
    "# Written by `holdfast backup PATH... --every INTERVAL`: the same command with another interval changes it, and "
    "with\n"
    "# `--every never` removes it.\n";

// printable() leaves a text alone in which there is nothing but UTF-8 and nothing that a terminal obeys.
bool is_utf8(std::string_view text) {
  std::string visible(text);
  std::ranges::replace_if(visible, [](char c) { return (c >= 0 && c < ' ') || c == '\x7f' || c == '\\'; }, ' ');
  return printable(visible) == visible;
}

enum class Dollar { plain, doubled };

// systemd.syntax(7), "Quoting"; systemd.service(5), "Command lines"; systemd.unit(5), "Specifiers".
Result<std::string> quoted(std::string_view word, Dollar dollar) {
  if (word.contains('\0') || !is_utf8(word))
    return fail(Code::InvalidArgument, "it is not UTF-8, and a unit of systemd can't name anything else",
                printable(word));
  constexpr std::string_view digits = "0123456789abcdef";
  if (!word.empty() && word.find_first_not_of(plain_letters) == std::string_view::npos) return std::string(word);
  std::string out = "\"";
  for (const char c : word) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '%' || (c == '$' && dollar == Dollar::doubled)) out += c;
    if (c == '\n') {
      out += "\\n";
    } else if ((c >= 0 && c < ' ') || c == '\x7f') {
      out += "\\x";
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

// Of a text that is no list of words.
std::string described(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '%') out += c;
    out += c;
  }
  return out;
}

// systemd takes no program whose path has one of these (string_is_safe() in its sources).
bool can_be_program(std::string_view path) {
  return path.starts_with('/') && std::ranges::none_of(path, [](char c) {
           return (c >= 0 && c < ' ') || std::string_view("\"'\\\x7f").contains(c);
         });
}

}  // namespace

Result<std::string> service_text(const Service& service) {
  if (!can_be_program(service.program))
    return fail(Code::InvalidArgument, "systemd does not start a program whose path has quotes or control characters",
                printable(service.program));
  HF_TRY(std::string command, quoted(service.program, Dollar::plain));
  for (const auto& argument : service.arguments) {
    HF_TRY(const std::string word, quoted(argument, Dollar::doubled));
    command += " " + word;
  }
  std::string environment;
  for (const auto& [name, value] : service.environment) {
    HF_TRY(const std::string word, quoted(name + "=" + value, Dollar::plain));
    environment += "Environment=" + word + "\n";
  }
  if (!service.credential.empty()) {
    // A path up to the line's end, in which only specifiers are replaced: there is no way to quote it.
    if (std::ranges::any_of(service.credential,
                            [](char c) { return c >= 0 && (c < ' ' || c == '\\' || c == '\x7f'); }) ||
        service.credential.ends_with(' ') || !is_utf8(service.credential))
      return fail(Code::InvalidArgument, "a unit of systemd can't name this path", printable(service.credential));
    environment +=
        "LoadCredentialEncrypted=" + std::string(credential_name) + ":" + described(service.credential) + "\n";
  }
  // 3: something was left out, and named. All else that hardens a service of a user needs a user namespace of its own,
  // in which files of others lose their owners, or hides files: a backup must see all that its user sees.
  return std::string(origin) + "[Unit]\nDescription=" + described(service.description) +
         "\nDocumentation=man:holdfast-backup(1)\n\n[Service]\nType=oneshot\n" + environment + "ExecStart=" + command +
         "\nSuccessExitStatus=3\nTimeoutStartSec=infinity\nUMask=0077\nLimitCORE=0\n"
         "Nice=10\nCPUSchedulingPolicy=batch\nIOSchedulingClass=idle\n"
         "NoNewPrivileges=yes\nLockPersonality=yes\nMemoryDenyWriteExecute=yes\nRestrictNamespaces=yes\n"
         "RestrictRealtime=yes\nRestrictSUIDSGID=yes\nSystemCallArchitectures=native\n"
         "RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK AF_UNIX\n";
}

// Persistent: what was missed while the machine was off is made up for once; a calendar's timer does so after sleep by
// itself. The delay parts devices that come back together; apart from that the calendar does.
std::string timer_text(const std::string& description, const std::string& calendar) {
  return std::string(origin) + "[Unit]\nDescription=" + described(description) +
         "\nDocumentation=man:holdfast-backup(1)\n\n[Timer]\nOnCalendar=" + calendar +
         "\nPersistent=true\nRandomizedDelaySec=2min\nAccuracySec=30s\n\n[Install]\nWantedBy=timers.target\n";
}

std::string unit_name(const Path& home, const std::string& space, std::vector<Path> paths) {
  std::ranges::sort(paths);
  Writer out;
  wire::put(out, std::string("Holdfast 1 schedule name"));
  wire::put(out, home);
  wire::put(out, space);
  wire::put(out, paths);
  return "holdfast-backup-" + crypto::sha256(std::move(out).take()).hex().substr(0, 16);
}

std::string cron_line(const std::string& when, const std::vector<std::pair<std::string, std::string>>& environment,
                      const std::vector<std::string>& words) {
  const auto word = [&](std::string_view text) {
    if (!text.empty() && text.find_first_not_of(plain_letters) == std::string_view::npos) return std::string(text);
    std::string out = "'";
    for (const char c : text) {
      if (c == '%') out += "'\\%'";  // cron makes a newline of it, quoted or not
      if (c == '\'') out += "'\\''";
      if (c != '%' && c != '\'') out += c;
    }
    return out + "'";
  };
  std::string out = when + " ";
  for (const auto& [name, value] : environment) out += " " + name + "=" + word(value);
  for (const auto& one : words) out += " " + word(one);
  return out;
}

}  // namespace holdfast::schedule
