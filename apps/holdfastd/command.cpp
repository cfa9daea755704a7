#include "command.h"

#include "api/server_link.h"
#include "complete.h"
#include "value.h"

namespace holdfast::app {

namespace {

using command_line::number;
using command_line::path;
using command_line::takes;
using command_line::Value;

Value listen_address() {
  return {"ADDR:PORT", "an address and a port, host:port or [IPv6]:port; port 0: any free one", "127.0.0.1:8470",
          [](std::string& typed) { return api::parse_host_port(typed).has_value(); }};
}

Value public_address() {
  return {"HOST[:PORT]", "host, host:port or [IPv6]:port", "cloud.example:8470", [](std::string& typed) {
            auto address = api::parse_host_port(typed);
            if (!address) address = api::parse_host_port(typed + ":1");
            return address && address->port != 0;
          }};
}

void define_serve(CLI::App& serve, CommandLine& line) {
  takes(serve.add_option("--data", line.serve.data,
                         "where everything is kept, writable by its owner alone; made at the first start"),
        path("DIR", "/var/lib/holdfast"))
      ->required();
  takes(serve.add_option("--listen", line.serve.listen, "where to listen; port 0: any free one"), listen_address())
      ->capture_default_str();
  takes(serve.add_option("--public-address", line.serve.public_address,
                         "what the link names (default: where it listens; on all addresses: this machine's name)"),
        public_address());
  takes(serve.add_option("--account-quota", line.account_bytes_max, "what one account may store"),
        command_line::size(std::uint64_t{1} << 20, std::uint64_t{1} << 60, "500G"))
      ->default_str("1TiB");
  takes(serve.add_option("--grace-days", line.grace_days, "how long retired objects are kept and can be brought back"),
        number("DAYS", 1, 3650, "30"))
      ->capture_default_str();
  takes(serve.add_option("--threads", line.serve.worker_threads, "calls that are worked on at once"),
        number("COUNT", 1, 256, "8"))
      ->capture_default_str();
  takes(serve.add_option("--log-level", line.log_level, "debug also names the addresses of clients"),
        command_line::one_of("LEVEL", {"error", "warning", "info", "debug"}))
      ->capture_default_str();
  serve.add_flag("--invitation-only", line.serve.invitation_only,
                 "who signs up needs an invitation (holdfastd invite)");
}

void define_invite(CLI::App& invite, CommandLine& line) {
  takes(invite.add_option("--data", line.invite_data, "the server's data directory"), path("DIR", "/var/lib/holdfast"))
      ->required();
  takes(invite.add_option("--days", line.invite_days, "how long they are good"), number("DAYS", 1, 3650, "30"))
      ->capture_default_str();
  takes(invite.add_option("--count", line.invite_count, "how many"), number("COUNT", 1, 10'000, "5"))
      ->capture_default_str();
}

}  // namespace

void define(CLI::App& app, CommandLine& line) {
  app.set_version_flag("--version", std::string("holdfastd ") + HOLDFAST_VERSION);
  app.require_subcommand(1);
  app.footer(manual().help_footer("holdfastd"));
  const auto verb = [&](const std::string& name, const std::string& what) -> CLI::App& {
    CLI::App& out = *app.add_subcommand(name, what);
    out.footer(manual().help_footer("holdfastd " + name));
    return out;
  };
  define_serve(verb("serve", "run the server"), line);
  define_invite(verb("invite", "print invitations, each for one account, while the server runs or not"), line);
  takes(
      verb("completion", "print the completion script of a shell").add_option("shell", line.shell, "bash, zsh or fish"),
      command_line::shell())
      ->required();
  verb("complete", "what may stand in place of the last word: what the completion of a shell asks for")
      .add_option("words", line.words, "behind --: the line as typed so far, without the program")
      ->type_name("WORD");
  takes(verb("man", "write the man pages into a folder").add_option("folder", line.man_folder, "where to"),
        path("DIR", "/usr/local/share/man/man8"))
      ->required();
}

const command_line::Manual& manual() {
  static const command_line::Manual all = [] {
    command_line::Manual out;
    out.section = 8;
    out.pages = {
        {"holdfastd",
         {"Keeps what clients of Holdfast sealed, and can open none of it.",
          {{"holdfastd serve --data /var/lib/holdfast --listen 0.0.0.0:8470", "serve on all addresses"}}}},
        {"holdfastd serve",
         {"The first line on standard output is the server's link, hf://host:port#key.policy: hand it to whoever may "
          "sign up. The log goes to standard error, one JSON object a line. SIGTERM and SIGINT stop the server; calls "
          "under way finish.\n\nUnder a service manager it tells when it is ready (sd_notify), and serves the socket "
          "that it was handed in place of --listen.",
          {{"holdfastd serve --data /var/lib/holdfast --listen 0.0.0.0:8470 --public-address cloud.example",
            "serve on all addresses, under the name that clients know"},
           {"holdfastd serve --data /var/lib/holdfast --invitation-only --account-quota 500G",
            "only for who has an invitation, 500 GiB each"}}}},
        {"holdfastd invite",
         {"Prints a line for each invitation; each makes one account. Whoever is given one puts it into a file for "
          "holdfast signup --invitation-file.",
          {{"holdfastd invite --data /var/lib/holdfast --count 5 --days 30", "five invitations, good for a month"}}}},
        {"holdfastd completion",
         {"Prints what a shell reads when it starts, to complete commands, options and their values.",
          {{"holdfastd completion bash", "in ~/.bashrc: source <(holdfastd completion bash)"}}}},
        {"holdfastd complete",
         {"What the scripts of completion ask: the first line says whether the shell adds files, folders or only "
          "words; each other line is a word that may stand in place of the last one, a tab, and what it is.",
          {{"holdfastd complete -- serve --log-level ''", "all levels"}}}},
        {"holdfastd man",
         {"Writes a page of the manual for each command into a folder, which is made when it is missing.",
          {{"holdfastd man /usr/local/share/man/man8", "where man(1) looks for them"}}}}};
    out.exit_codes = {{"0", "stopped, or done"}, {"1", "failed"}, {"2", "wrong command line"}};
    out.files = {{"DIR (--data)",
                  "all that the server keeps: its keys, the metadata and the folder of objects; writable by its owner "
                  "alone. Keep copies of tls.pem and log.key in it: they are the identity of the server"}};
    out.see_also = {{"holdfast", 1}};
    return out;
  }();
  return all;
}

}  // namespace holdfast::app
