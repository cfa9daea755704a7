"""What the parser's definitions generate: help, man pages and completion, with every verb; and --json, which prints one object, of an error
too.
"""

import json
import os
import re
import shutil
import subprocess

from cloud import DONE, FAILED, HOLDFASTD, USAGE, Story, expect, expect_equal, step
from trees import put

VERBS = [("signup",), ("whoami",), ("status",), ("doctor",), ("heal",), ("space", "create"), ("space", "list"), ("space", "info"), ("backup",), ("snapshots",),
         ("restore",), ("ls",), ("diff",), ("cat",), ("check",), ("put",), ("get",), ("mkdir",), ("mv",), ("history",), ("rm",), ("find",), ("stats",),
         ("forget",), ("unforget",), ("prune",), ("export",), ("import",), ("inspect",), ("completion",), ("man",)]


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
            expect("--json" in shown and "--patience" in shown, f"{verb} {option} shows the options: {shown}")
    expect(re.match(r"holdfast \d+\.\d+\.\d+", home.run("--version").text), "--version")
    expect(not os.path.lexists(home.path), "help makes no home")
    for line in (("--help",), ("serve", "--help"), ("--version",)):
        subprocess.run([HOLDFASTD, *line], check=True, stdout=subprocess.DEVNULL)


def of_the_server(story):
    step("the server's program has man pages and completion too")
    folder = story.path("man of the server")
    os.makedirs(folder)
    subprocess.run([HOLDFASTD, "man", folder], check=True)
    expect_equal(set(os.listdir(folder)), {"holdfastd.8", "holdfastd-serve.8", "holdfastd-invite.8", "holdfastd-completion.8", "holdfastd-man.8"}, "pages")
    with open(os.path.join(folder, "holdfastd-serve.8"), encoding="utf-8") as file:
        page = file.read()
    expect(page.startswith(".TH holdfastd-serve 8 ") and "\\fB\\-\\-account\\-quota\\fR \\fISIZE\\fR" in page and "(default: 1TiB)" in page and "stopped, or done" in page, f"a page: {page}")
    if shutil.which("groff"):
        for name in os.listdir(folder):
            made = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", os.path.join(folder, name)], stderr=subprocess.PIPE, check=True)
            expect_equal(made.stderr, b"", f"what groff says of {name}")
    for shell in ("bash", "zsh", "fish"):
        script = subprocess.run([HOLDFASTD, "completion", shell], stdout=subprocess.PIPE, check=True).stdout
        expect(b"holdfastd" in script and b"grace-days" in script, f"{shell}: {script}")
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


def completions_in_bash(script, line):
    """What bash offers for the last word of a line."""
    words = line.split(" ")
    program = f'source {script}\nCOMP_WORDS=({" ".join(repr(word) for word in words)})\nCOMP_CWORD={len(words) - 1}\n_holdfast\nprintf "%s\\n" "${{COMPREPLY[@]}}"'
    return set(subprocess.run(["bash", "-c", program], stdout=subprocess.PIPE, check=True).stdout.decode().split())


def completion(story, home):
    step("completion: bash takes it, and offers every verb and its options")
    for shell in ("bash", "zsh", "fish"):
        script = home.run("completion", shell).out
        put(story.path(shell), script)
        for verb in VERBS:
            expect(all(re.search(rf"\b{word}\b".encode(), script) for word in verb), f"{shell}: {verb}")
        interpreter = shutil.which(shell)
        if interpreter:
            subprocess.run([interpreter, "-n", story.path(shell)], check=True)
    script = story.path("bash")
    expect({verb[0] for verb in VERBS} <= completions_in_bash(script, "holdfast "), "all verbs")
    expect_equal(completions_in_bash(script, "holdfast sna"), {"snapshots"}, "what begins with sna")
    expect_equal(completions_in_bash(script, "holdfast space c"), {"create"}, "what follows space")
    expect({"--tag", "--exclude", "--dry-run", "--json"} <= completions_in_bash(script, "holdfast backup --"), "options of backup")
    expect("--one-file-system" in completions_in_bash(script, "holdfast backup some/path --o"), "options behind a path")
    expect("--verify" not in completions_in_bash(script, "holdfast backup --"), "no options of restore")
    home.run("completion", "tcsh", code=USAGE)


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
        if name not in ("signup", "inspect", "completion", "man", "doctor"):
            value = one_object(stranger.run(*verb, *arguments.get(name, ("latest:tree/file",) if name == "cat" else ()), "--json", code=FAILED))
            expect_equal(value["error"]["code"], "NotFound", f"{name} in a home without an account")
        one_object(stranger.run(*verb, "--no-such-option", "--json", code=USAGE))
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
        json_of_every_verb(story)


main()
