"""What the parser's definitions generate: help, man pages and completion, with every verb; and --json, which prints one object, of an error
too.
"""

import fcntl
import json
import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import termios
import time

from cloud import DONE, FAILED, HOLDFAST, HOLDFASTD, USAGE, Story, expect, expect_equal, step, wait_until
from trees import put

VERBS = [("signup",), ("whoami",), ("status",), ("doctor",), ("heal",), ("space", "create"), ("space", "list"), ("space", "info"), ("backup",), ("snapshots",),
         ("restore",), ("ls",), ("diff",), ("cat",), ("check",), ("put",), ("get",), ("mkdir",), ("mv",), ("history",), ("rm",), ("find",), ("stats",),
         ("forget",), ("unforget",), ("prune",), ("export",), ("import",), ("inspect",), ("completion",), ("complete",), ("man",)]


def help_of_every_verb(story, home):
    step("--help of every verb ends well, and names its options; the list here is whole")
    top = home.run("--help").text
    named = set(re.findall(r"^  ([a-z]+) {2,}", top, re.MULTILINE))
    expect_equal(named, {verb[0] for verb in VERBS}, "the verbs that --help shows")
    named = set(re.findall(r"^  ([a-z]+) {2,}", home.run("space", "--help").text, re.MULTILINE))
    expect_equal(named, {verb[1] for verb in VERBS if len(verb) > 1}, "the verbs that space --help shows")
    for verb in VERBS:
        for option in ("--help", "-h"):
            shown = home.run(*verb, option).text
            expect("--help" in shown and "Examples:" in shown, f"{verb} {option} shows options and examples: {shown}")
            expect("--patience" in shown and "--json" in shown or verb == ("complete",), f"{verb} {option} shows what all have: {shown}")
    expect(re.match(r"holdfast \d+\.\d+\.\d+", home.run("--version").text), "--version")
    expect(not os.path.lexists(home.path), "help makes no home")
    for line in (("--help",), ("serve", "--help"), ("--version",)):
        subprocess.run([HOLDFASTD, *line], check=True, stdout=subprocess.DEVNULL)


def of_the_server(story):
    step("the server's program has man pages and completion too")
    folder = story.path("man of the server")
    os.makedirs(folder)
    subprocess.run([HOLDFASTD, "man", folder], check=True)
    expect_equal(set(os.listdir(folder)), {"holdfastd.8", "holdfastd-serve.8", "holdfastd-invite.8", "holdfastd-completion.8", "holdfastd-complete.8", "holdfastd-man.8"}, "pages")
    with open(os.path.join(folder, "holdfastd-serve.8"), encoding="utf-8") as file:
        page = file.read()
    expect(page.startswith(".TH holdfastd-serve 8 ") and "\\fB\\-\\-account\\-quota\\fR \\fISIZE\\fR" in page and "(default: 1TiB)" in page and "stopped, or done" in page, f"a page: {page}")
    if shutil.which("groff"):
        for name in os.listdir(folder):
            made = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", os.path.join(folder, name)], stderr=subprocess.PIPE, check=True)
            expect_equal(made.stderr, b"", f"what groff says of {name}")
    for shell in ("bash", "zsh", "fish"):
        script = subprocess.run([HOLDFASTD, "completion", shell], stdout=subprocess.PIPE, check=True).stdout
        expect(b"holdfastd" in script and b"complete --" in script, f"{shell}: {script}")
        if shutil.which(shell):
            subprocess.run([shell, "-n"], input=script, check=True)
    expect_equal(subprocess.run([HOLDFASTD, "man", "/proc/nowhere"], stderr=subprocess.DEVNULL).returncode, 1, "the exit code")


def man_pages(story, home):
    step("a man page for every verb, without a warning")
    folder = story.path("man")
    os.makedirs(folder)
    home.run("man", folder)
    wanted = {"holdfast.1", "holdfast-space.1"} | {f"holdfast-{'-'.join(verb)}.1" for verb in VERBS}
    expect_equal(set(os.listdir(folder)), wanted, "pages")
    expect_equal({os.stat(os.path.join(folder, name)).st_mode & 0o777 for name in wanted}, {0o644}, "who may read them")
    for name in sorted(wanted):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            page = file.read()
        expect(page.startswith(".TH "), f"{name} is a page")
        headings = [heading for heading in re.findall(r"^\.SH (.*)$", page, re.MULTILINE) if heading != "COMMANDS"]
        expect_equal(headings, ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES", "SEE ALSO"], f"headings of {name}")
        expect(not re.search(r"^\.SH .*\n(\.SH|\Z)", page, re.MULTILINE), f"something stands below each heading of {name}")
        expect(".TP\n" in page and "\\fR\n.TP" not in page, f"{name}: each entry says something")
        for option in re.findall(r"--([a-z-]+)", home.run(*name[:-2].split("-")[1:], "--help").text.split("Exit codes")[0]):
            expect(option.replace("-", "\\-") in page, f"{name} has the option --{option}")
    if shutil.which("groff"):
        for name in sorted(wanted):
            made = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", os.path.join(folder, name)], stderr=subprocess.PIPE, check=True)
            expect_equal(made.stderr, b"", f"what groff says of {name}")
    if shutil.which("man") and os.path.exists("/usr/bin/tbl"):
        shown = subprocess.run(["man", "--warnings", "-l", os.path.join(folder, "holdfast-backup.1")], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, "MANPAGER": "cat", "LC_ALL": "C.UTF-8"}, check=True)
        expect(b"--one-file-system" in shown.stdout and shown.stderr == b"", f"man shows it: {shown.stderr}")
    home.run("man", "/proc/nowhere/at all", code=FAILED)


def offered(home, *words, **more):
    """What may stand in place of the last word, and what the shell adds."""
    kind, *lines = home.run("complete", "--", *words, **more).text.splitlines()
    return kind, [line.split("\t")[0] for line in lines]


class Bash:
    """An interactive bash with a terminal of its own, whose completion is the one of this program."""

    def __init__(self, story, home, environment=None):
        self.line_file, folder = story.path("line"), story.path("typed in")
        os.makedirs(folder, exist_ok=True)
        rc = put(story.path("bashrc"), f"""source <(holdfast completion bash)
PS1='ready> '
dump() {{ printf %s "$READLINE_LINE" >{self.line_file}.new; mv {self.line_file}.new {self.line_file}; READLINE_LINE=; READLINE_POINT=0; }}
bind -x '"\\C-t": dump'
bind 'set bell-style none'
""".encode()).decode()
        self.terminal, slave = pty.openpty()
        self.process = subprocess.Popen(["bash", "--noprofile", "--rcfile", rc, "-i"], stdin=slave, stdout=slave, stderr=slave, cwd=folder, start_new_session=True,
                                        env={**os.environ, **home.environment, **(environment or {}), "TERM": "dumb", "PATH": f"{os.path.dirname(HOLDFAST)}:{os.environ['PATH']}"},
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)
        story.processes.append(self.process)
        self.folder, self.seen = folder, b""
        wait_until(lambda: b"ready> " in self.read(), "bash is ready")

    def read(self):
        while select.select([self.terminal], [], [], 0)[0]:
            self.seen += os.read(self.terminal, 65536)
        return self.seen

    def line_after(self, keys):
        """What stands on the line when these keys were typed."""
        os.write(self.terminal, keys.encode() + b"\x14")
        wait_until(lambda: self.read() and os.path.exists(self.line_file), f"bash has read {keys!r}")
        with open(self.line_file, encoding="utf-8") as file:
            line = file.read()
        os.remove(self.line_file)
        return line

    def end(self):
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)


def completion(story, home):
    step("completion: each shell takes its script; the program says what may stand there")
    for shell in ("bash", "zsh", "fish"):
        script = home.run("completion", shell).out
        put(story.path(shell), script)
        expect(b"complete --" in script, f"{shell} asks the program")
        interpreter = shutil.which(shell)
        if interpreter:
            subprocess.run([interpreter, "-n", story.path(shell)], check=True)
    home.run("completion", "tcsh", code=USAGE)
    expect_equal(set(offered(home, "")[1]), {verb[0] for verb in VERBS}, "all verbs")
    expect_equal(offered(home, "sna"), ("words", ["snapshots"]), "what begins with sna")
    expect_equal(offered(home, "space", "c"), ("words", ["create"]), "what follows space")
    expect({"--tag", "--exclude", "--dry-run", "--json"} <= set(offered(home, "backup", "--")[1]), "options of backup")
    expect("--one-file-system" in offered(home, "backup", "some/path", "--o")[1], "options behind a path")
    expect("--verify" not in offered(home, "backup", "--")[1], "no options of restore")
    expect_equal(offered(home, "backup", "--", "--"), ("files", []), "behind -- are no options")
    expect_equal(offered(home, "backup", "--every", "1"), ("words", ["15min", "1h", "12h", "1d", "1w"]), "intervals")
    expect_equal(offered(home, "backup", "--every=1d"), ("words", ["--every=1d"]), "behind =")
    expect_equal(offered(home, "completion", ""), ("words", ["bash", "zsh", "fish"]), "shells")
    for words, kind in ((("backup", ""), "files"), (("restore", "latest", ""), "folders"), (("diff", "latest", "--folder", ""), "folders"), (("inspect", ""), "files"),
                        (("restore", "latest", "out", ""), "words"), (("no-such-verb", ""), "words"), (("backup", "--tag", ""), "words")):
        expect_equal(offered(home, *words), (kind, []), f"{words} in a home without an account")
    expect_equal(offered(home, "ls", "l"), ("words", ["latest"]), "what needs no account")
    expect(not os.path.lexists(home.path), "completion makes no home")
    server = [subprocess.run([HOLDFASTD, "complete", "--", *words], stdout=subprocess.PIPE, check=True).stdout.decode() for words in (("serve", "--log-level", ""), ("inv",), ("serve", "--data", ""))]
    expect_equal(server[0], "words\nerror\nwarning\ninfo\ndebug\n", "levels of the server's log")
    expect(server[1].startswith("words\ninvite\t") and server[2] == "folders\n", f"of the server: {server}")


def completion_of_names(story):
    step("completion knows spaces, snapshots and tags, asks nobody for a passphrase, and waits for nothing")
    server = story.server("of names")
    home = story.home("names", server)
    tree, hostile = story.path("named"), "we $(touch hacked) `touch hacked` 'q' \"d\" \\ ; *"
    put(f"{tree}/file", b"content")
    home.run("space", "create", "photos")
    home.run("backup", tree, "--tag", hostile, "--tag", "two\nlines", "--tag", "\x1b[31m")
    home.run("backup", tree, "--space", "photos", "--tag", "other")
    first, second = (home.json("snapshots", "--space", space)["snapshots"][0]["id"][:8] for space in ("backups", "photos"))
    for words, wanted in ((("space", "info", ""), ["backups", "photos"]), (("ls", "--space", "p"), ["photos"]), (("ls", "-s", "p"), ["photos"]), (("ls", "--space=p"), ["--space=photos"]),
                          (("space", "create", ""), []), (("restore", ""), ["latest", first]), (("restore", "--space", "photos", ""), ["latest", second]),
                          (("ls", "-sphotos", second[:2]), [second]), (("ls", "ph"), ["photos:"]), (("mv", "photos:a", "b"), ["backups:"]), (("ls", "photos:"), []),
                          (("snapshots", "--tag", ""), [hostile]), (("forget", "--space", "photos", "--keep-tag", "o"), ["other"])):
        expect_equal(offered(home, *words)[1], wanted, f"{words}")
    expect_equal(offered(home, "put", tree, "ph"), ("files", ["photos:"]), "a path or a place")

    step("bash really completes, whatever the names are, and runs none of them")
    bash = Bash(story, home)
    os.makedirs(os.path.join(bash.folder, "$(touch hacked) 'f\"older"))
    put(os.path.join(bash.folder, "file;touch hacked"), b"")
    for keys, line in (("holdfast sna\t", "holdfast snapshots "), ("holdfast restore la\t", "holdfast restore latest "), ("holdfast ls ph\t", "holdfast ls photos:"),
                       ("holdfast ls --space=p\t", "holdfast ls --space=photos "), ("holdfast mv photos:a ph\t", "holdfast mv photos:a photos:"),
                       ("holdfast backup fi\t", "holdfast backup file\\;touch\\ hacked "),
                       ("holdfast restore latest \\$\t", "holdfast restore latest \\$\\(touch\\ hacked\\)\\ \\'f\\\"older/"),
                       ("holdfast ls photos:x\t", "holdfast ls photos:x"), ("holdfast get photos: \\$\t", "holdfast get photos: \\$\\(touch\\ hacked\\)\\ \\'f\\\"older/"),
                       ("holdfast ls $(touch hacked) la\t", "holdfast ls $(touch hacked) la"), ("holdfast ls `touch hacked`\t", "holdfast ls `touch hacked`"),
                       ("echo fi\t", "echo file\\;touch\\ hacked ")):
        expect_equal(bash.line_after(keys), line, f"the line after {keys!r}")
    completed = bash.line_after("holdfast snapshots --tag we\t")
    bash.end()
    expect_equal(shlex.split(completed)[-1], hostile, "a tag comes as one word, byte for byte")
    told = subprocess.run(["bash", "-c", f'printf "%s" {completed.removeprefix("holdfast snapshots --tag ")}'], stdout=subprocess.PIPE, check=True).stdout
    expect_equal(told.decode(), hostile, "as bash reads it")
    expect(not any("hacked" == name for _, folders, names in os.walk(story.folder) for name in (*folders, *names)), "nothing of a name was run")

    step("a sealed home asks for nothing; with the passphrase's file names are known")
    passphrase = {"HOLDFAST_PASSPHRASE_FILE": put(story.path("passphrase"), b"correct horse\n").decode()}
    sealed = story.home("sealed", server, signed_up=False)
    sealed.run("signup", "sealed", "--server", server.link, environment=passphrase)
    sealed.run("space", "create", "closed", environment=passphrase)
    expect_equal(offered(sealed, "ls", "", environment=passphrase)[1], ["latest", "closed:"], "with the file")
    bash = Bash(story, sealed)
    expect_equal(bash.line_after("holdfast ls l\t"), "holdfast ls latest ", "with a terminal to ask on")
    expect_equal(bash.line_after("holdfast ls c\t"), "holdfast ls c", "nothing is known")
    expect(b"assphrase" not in bash.read(), "nobody was asked")
    bash.end()

    step("a server that does not answer holds up no line")
    server.process.send_signal(signal.SIGSTOP)
    began = time.monotonic()
    expect_equal(offered(home, "ls", ""), ("words", ["latest"]), "what is known without it")
    expect(time.monotonic() - began < 30, "it gives up by itself")
    server.process.send_signal(signal.SIGCONT)
    server.kill()
    expect_equal(offered(home, "ls", "")[1], ["latest"], "with no server")


def one_object(ended):
    """The JSON object, alone on one of the two outputs."""
    outputs = [text for text in (ended.out, ended.err) if text.strip()]
    expect_equal(len(outputs), 1, f"outputs with something: {ended}")
    value = json.loads(outputs[0])
    expect(isinstance(value, dict), f"it is one object: {ended}")
    if ended.code not in (DONE, FAILED):
        expect(isinstance(value, dict), f"it is an object: {ended}")
    if "error" in value:
        expect_equal(ended.out, b"", "where an error is written")
        expect({"code", "sentence", "object", "whole", "next"} <= value["error"].keys(), f"an error's parts: {value}")
        expect(value["error"]["code"] and value["error"]["sentence"], f"an error says something: {value}")
    return value


def json_of_every_verb(story):
    step("every verb with --json prints one object, when it succeeds and when it fails")
    server = story.server()
    home = story.home("anna", server, signed_up=False)
    tree = story.path("tree")
    put(f"{tree}/file", b"content")
    os.makedirs(story.path("pages"))
    arguments = {"signup": ("anna", "--server", server.link, "--no-passphrase"), "space create": ("made",), "space info": ("made",), "backup": (tree,),
                 "restore": ("latest", story.path("out")), "ls": ("latest",), "diff": ("latest",), "inspect": (os.path.join(home.path, "keys"),), "completion": ("bash",),
                 "man": (story.path("pages"),), "put": (tree, "made:"), "get": ("made:tree", story.path("got")), "mkdir": ("made:x",), "mv": ("made:x", "made:y"),
                 "history": ("made:tree/file",), "find": ("made:", "*"), "stats": ("made:",), "rm": ("made:y", "-r"),
                 "forget": ("--keep-last", "1"), "unforget": ("12345678",),
                 "export": (story.path("exported"),), "import": (story.path("exported"),)}
    wrong = {"signup": ("UPPER CASE", "--server", server.link, "--no-passphrase"), "space create": ("made",), "space info": ("nowhere",),
             "backup": (story.path("nowhere"),), "snapshots": ("-s", "nowhere"), "restore": ("ffffffff", story.path("out")), "ls": ("ffffffff",), "diff": ("ffffffff",),
             "cat": ("latest:nowhere",), "check": ("-s", "nowhere"), "inspect": (story.path("nowhere"),), "man": ("/proc/nowhere/at all",),
             "put": (tree, "nowhere:"), "get": ("made:nowhere", story.path("got")), "mkdir": ("made:tree",), "mv": ("made:nowhere", "made:y"), "history": ("made:nowhere",), "rm": ("made:tree",), "find": ("ffffffff", "*"), "stats": ("ffffffff",),
             "forget": (), "unforget": ("12345678", "-s", "nowhere"), "prune": ("-s", "nowhere"), "export": (tree,), "import": (tree,)}
    stranger = story.home("stranger", server, signed_up=False)
    for verb in VERBS:
        name = " ".join(verb)
        if name not in ("signup", "inspect", "completion", "complete", "man", "doctor"):
            value = one_object(stranger.run(*verb, *arguments.get(name, ("latest:tree/file",) if name == "cat" else ()), "--json", code=FAILED))
            expect_equal(value["error"]["code"], "NotFound", f"{name} in a home without an account")
        one_object(stranger.run(*verb, "--no-such-option", "--json", code=USAGE))
        if name == "complete":
            continue  # for shells, which read lines
        if name == "unforget":
            arguments[name] = (home.json("snapshots")["snapshots"][-1]["id"],)
        if name == "cat":
            expect_equal(home.run("cat", "latest:tree/file", "--json").out, b"content", "cat prints the file, whatever is asked")
        else:
            value = one_object(home.run(*verb, *arguments.get(name, ()), "--json", code=(DONE, FAILED) if name == "doctor" else DONE))
            expect("error" not in value, f"{name} succeeds: {value}")
        if name in wrong:
            code = USAGE if name in ("signup", "forget") else FAILED
            expect("error" in one_object(home.run(*verb, *wrong[name], "--json", code=code)), f"{name} fails")
    one_object(stranger.run("doctor", "--json", code=(DONE, FAILED)))
    one_object(home.run("no-such-verb", "--json", code=USAGE))


def main():
    with Story("generated") as story:
        nobody = story.home("nobody", None, signed_up=False)
        help_of_every_verb(story, nobody)
        of_the_server(story)
        man_pages(story, nobody)
        completion(story, nobody)
        completion_of_names(story)
        json_of_every_verb(story)


main()
