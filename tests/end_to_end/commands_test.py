"""The commands around the main job: what stays out, spaces beside each other, errors that say what happened to which object, and files that
can't be read.
"""

import os
import re
import socket
import subprocess

from cloud import ALARM, FAILED, HOLDFAST, HOLDFASTD, INCOMPLETE, MIB, USAGE, Story, expect, expect_equal, files_below, step, wait_until
from trees import expect_equal_trees, put
from wire import home_on_wire


def what_is_not_wanted_stays_out(story, server, home):
    step("--dry-run tells, and writes nothing on the server")
    tree = story.path("filtered")
    for name in ("keep.c", "drop.o", "important.o", "build/made", "src/build/made", "src/keep.h", "cache/a", "cache/keep", "logs/today.log"):
        put(f"{tree}/{name}", name.encode() * 3000)
    put(f"{tree}/.holdfastignore", b"*.o\n!important.o\n/build/\ncache/*\n!cache/keep\n")
    put(f"{tree}/src/.holdfastignore", b"# only below src\nbuild\n")
    home.run("space", "create", "filtered")
    before, commits = server.objects(), home.json("space", "info", "filtered")["commits"]
    told = home.json("backup", tree, "--space", "filtered", "--dry-run", "--exclude", "*.log")
    expect(told["dry_run"] and "snapshot" not in told, "it made no snapshot")
    expect_equal(server.objects(), before, "objects on the server")
    expect_equal(home.json("snapshots", "--space", "filtered")["snapshots"], [], "snapshots")
    expect_equal(home.json("space", "info", "filtered")["commits"], commits, "commits")

    step("exclude and .holdfastignore leave out what git would")
    saved = home.json("backup", tree, "--space", "filtered", "-e", "*.log")
    expect_equal(saved["stats"]["files"], told["stats"]["files"], "files, as the dry run told")
    names = {entry["path"] for entry in home.json("ls", "latest", "-R", "--space", "filtered")["entries"] if entry["type"] == "file"}
    wanted = {"keep.c", "important.o", "src/keep.h", "cache/keep", ".holdfastignore", "src/.holdfastignore"}
    expect_equal(names, {f"filtered/{name}" for name in wanted}, "what was saved")


def spaces_are_apart(story, server, home):
    step("several spaces, and `backups`, which the first backup makes")
    one, other = story.path("one"), story.path("other")
    put(f"{one}/file", b"one")
    put(f"{other}/file", b"other")
    put(f"{other}/below/large", os.urandom(300_000))
    saved = home.json("backup", "--tag", "first", "--exclude", "*.none", one, "-t", "both", other)
    expect(saved["space_made"], "it says that it made the space")
    expect_equal((saved["snapshot"]["tags"], saved["stats"]["files"]), (["first", "both"], 3), "an option takes one word, paths stay paths")
    home.run("space", "create", "second")
    home.run("backup", one, "--space", "second")
    home.run("backup", other, "--space", "second")
    spaces = {space["name"] for space in home.json("space", "list")["spaces"]}
    expect_equal(spaces, {"backups", "filtered", "second"}, "spaces")
    info = home.json("space", "info", "second")
    expect_equal((info["snapshots"], info["members"], info["alarms"]), (2, 1, []), "the space `second`")
    refused = home.run("space", "create", "second", "--json", code=FAILED)
    expect_equal(refused.error["code"], "AlreadyExists", "a second space of the same name")

    step("snapshots by their tags")
    tagged = home.json("snapshots", "--tag", "both")["snapshots"]
    expect_equal([snapshot["id"] for snapshot in tagged], [saved["snapshot"]["id"]], "the snapshot with this tag")
    expect_equal(len(home.json("snapshots", "-t", "none", "-t", "first")["snapshots"]), 1, "one of two tags")
    expect_equal(home.json("snapshots", "--tag", "none")["snapshots"], [], "no snapshot has this tag")
    expect_equal(len(home.json("snapshots")["snapshots"]), 1, "all snapshots")

    step("several paths lie side by side in the snapshot")
    home.run("restore", "latest", story.path("both"))
    expect_equal_trees(one, story.path("both/one"))
    expect_equal_trees(other, story.path("both/other"))

    step("errors say what happened, to which object, and what is next")
    for line, code, word, hint in ((("snapshots", "--space", "nowhere"), "NotFound", "nowhere", "holdfast space list"),
                                   (("backup", one, "--space", "nowhere"), "NotFound", "nowhere", "holdfast space list"),
                                   (("restore", "ffffffff", story.path("never")), "NotFound", "ffffffff", "holdfast snapshots"),
                                   (("ls", "ffffffff", "--space", "second"), "NotFound", "ffffffff", "holdfast snapshots --space second"),
                                   (("restore", "latest:one/nothing", story.path("never")), "NotFound", "nothing", "holdfast ls latest:"),
                                   (("ls", "latest:one/nothing"), "NotFound", "nothing", "holdfast ls latest:"),
                                   (("cat", "latest:one/nothing.h"), "NotFound", "nothing.h", "holdfast ls latest:"),
                                   (("inspect", "/etc/hostname"), "Unsupported", "/etc/hostname", "a server's data directory"),
                                   (("space", "create", "second"), "AlreadyExists", "second", "holdfast space list"),
                                   (("restore", "latest", "/dev/null"), None, "/dev/null", ""),
                                   (("whoami", "--passphrase-fd", "77"), "IoError", "77", "--passphrase-fd"),
                                   (("cat", "latest:other/below"), "InvalidArgument", "below", "holdfast cat --help"),
                                   (("backup", story.path("not there")), "NotFound", "not there", "repeat the command with it")):
        error = home.run(*line, "--json", code=FAILED).error
        expect(code is None or error["code"] == code, f"the code of {line}: {error}")
        expect(word in error["object"] + error["sentence"], f"{line} names its object: {error}")
        expect(error["next"].endswith(hint) and error["next"], f"{line} says what is next: {error}")
        expect(error["whole"], f"{line} says what is still whole: {error}")
        shown = home.run(*line, code=FAILED)
        expect("\n  whole   " in shown.error_text and "\n  next    " in shown.error_text, f"people are told, too: {shown}")
        expect(shown.error_text.startswith("holdfast: ") and word in shown.error_text and shown.out == b"", f"people read it: {shown}")
    expect(not os.path.lexists(story.path("never")), "nothing was restored, and no folder made for it")
    with socket.socket(socket.AF_UNIX) as nothing:
        nothing.bind(story.path("socket"))
        before = len(home.json("snapshots")["snapshots"])
        error = home.run("backup", story.path("socket"), "--json", code=FAILED).error
        expect("nothing of what was named could be saved" in error["sentence"], f"what is told: {error}")
        expect_equal(len(home.json("snapshots")["snapshots"]), before, "no empty snapshot becomes the latest")
    file = put(story.path("a file"), b"no home").decode()
    error = home.run("status", "--json", code=FAILED, environment={"HOLDFAST_HOME": file}).error
    expect_equal((error["code"], error["object"]), ("InvalidArgument", file), "a home that is a file")
    home.run("restore", "latest", code=USAGE)
    expect_equal(home.run("cat", "latest:./one//file").out, b"one", "a path as a person types it")
    to_a_full_disk = ("sh", "-c", 'exec "$0" "$@" >/dev/full')
    lost = home.run("ls", "latest", prefix=to_a_full_disk, code=FAILED)
    expect("not whole" in lost.error_text, f"what is cut does not pass for whole: {lost}")
    early = home.run("ls", "latest", prefix=("sh", "-c", '{ sleep 1; exec "$0" "$@"; } | true'))
    expect_equal(early.error_text, "", "who stops reading need not be told")
    home.run("no-such-verb", code=USAGE)
    home.run("backup", one, "--no-such-option", code=USAGE)

    step("a home without an account says so; a second sign-up is refused")
    stranger = story.home("stranger", server, signed_up=False)
    shown = stranger.run("backup", one, code=FAILED).error_text
    expect("belongs to no account" in shown and "holdfast signup" in shown, f"what a new home says: {shown}")
    os.chmod(home.path, 0o770)
    expect("chmod 700" in home.run("whoami", code=FAILED).error_text, "what is next when others can write to the home")
    os.chmod(home.path, 0o700)
    expect_equal(home.run("signup", "other", "--server", server.link, "--no-passphrase", "--json", code=FAILED).error["code"], "AlreadyExists",
                 "a second account in one home")
    for name in ("", "UPPER", "a/b", "a" * 200):
        ended = stranger.run("signup", "--server", server.link, "--no-passphrase", "--", name, code=USAGE)
        expect("is not what NAME takes" in ended.error_text, f"why the name {name!r} is refused: {ended}")


def differences_are_told(story, home):
    step("diff tells what was added, deleted and modified, and nothing else")
    tree = story.path("diffed")
    for name in ("same", "content", "mode", "gone", "below/same", "below/content", "turned"):
        put(f"{tree}/{name}", name.encode() * 1000)
    put(f"{tree}/big", os.urandom(3_000_000))
    home.run("space", "create", "diffed")
    before = home.json("backup", tree, "--space", "diffed")["snapshot"]["id"]
    expect_equal(home.json("diff", before, "--space", "diffed")["differences"], [], "a snapshot and itself")
    put(f"{tree}/content", b"new content")
    put(f"{tree}/below/content", b"new content")
    put(f"{tree}/below/new/file", b"new")
    with open(f"{tree}/big", "r+b") as big:
        big.seek(1_500_000)
        big.write(b"one byte or two")
    os.chmod(f"{tree}/mode", 0o751)
    os.remove(f"{tree}/gone")
    os.remove(f"{tree}/turned")
    os.mkdir(f"{tree}/turned")
    stats = home.json("backup", tree, "--space", "diffed")["stats"]
    expect_equal([stats[key] for key in ("files_new", "files_changed", "files_unchanged")], [1, 4, 2], "new, changed and unchanged files")
    found = home.json("diff", before, "--space", "diffed")["differences"]
    told = {(one["path"], "before" in one, "after" in one, one["after"]["type"] if "after" in one else "", "content" in one.get("changed", ()))
            for one in found}
    expect_equal(told, {("diffed/content", True, True, "file", True), ("diffed/below/content", True, True, "file", True),
                        ("diffed/below/new", False, True, "directory", False), ("diffed/below/new/file", False, True, "file", False),
                        ("diffed/big", True, True, "file", True), ("diffed/mode", True, True, "file", False),
                        ("diffed/gone", True, False, "", False), ("diffed/turned", True, False, "", False),
                        ("diffed/turned", False, True, "directory", False)}, "what differs")
    expect_equal([one["changed"] for one in found if one["path"] == "diffed/mode"], [["mode"]], "what changed of a file with another mode")
    shown = home.run("diff", f"{before}:diffed/below", "latest:diffed/below", "--space", "diffed").text.splitlines()
    expect_equal(shown[:3], ["M  content  (content, time)", "A  new/", "A  new/file"], "the lines of a folder")
    expect("2 added, 0 deleted, 1 modified" in shown[3], "the last line")
    expect_equal(home.run("diff", f"{before}:diffed/big", "--space", "diffed", "--json", code=FAILED).error["code"], "InvalidArgument",
                 "a file is no folder")


def names_are_given_as_they_are(story, home):
    step("JSON has the very name wherever it is UTF-8, text is safe for a terminal, and others are counted")
    tree = story.path("names")
    names = ["back\\slash", "tab\there", "escape\x1b[31m", "über", "turned\u202eback"]
    for name in names:
        put(f"{tree}/{name}", b"x")
    put(os.fsencode(tree) + b"/not\xff", b"x")
    os.symlink("nowhere", f"{tree}/link")
    os.mkfifo(f"{tree}/pipe")
    home.run("space", "create", "names")
    shown = home.run("backup", tree, "--space", "names").text
    expect("2 others" in shown, f"links and pipes are counted: {shown}")
    listed = home.run("ls", "latest:names", "--space", "names", "--json")
    expect(listed.out.isascii() and b"\x1b" not in listed.out, "no byte that a terminal obeys")
    entries = listed.json["entries"]
    plain = {entry["path"].removeprefix("names/") for entry in entries if "path_hex" not in entry}
    expect_equal(plain, {*names, "link", "pipe"}, "names in UTF-8")
    odd = [(entry["path"], entry["path_hex"]) for entry in entries if "path_hex" in entry]
    expect_equal(odd, [("names/not\\xff", b"names/not\xff".hex())], "the name that is not")
    text = home.run("ls", "latest:names", "--space", "names").text
    expect("\x1b" not in text and "escape\\x1b" in text, "text is escaped")
    expect("2 others" in home.run("restore", "latest", story.path("names-again"), "--space", "names").text, "restore counts them, too")


def tools_make_their_folder(story, server):
    step("man makes its folder; `--space backups` makes the space of a new account")
    for program in (HOLDFAST, HOLDFASTD):
        folder = story.path("man", os.path.basename(program))
        subprocess.run([program, "man", folder], check=True)
        expect(os.listdir(folder), "pages are there")
    home = story.home("newcomer", server)
    expect(home.json("backup", story.path("one"), "--space", "backups")["space_made"], "the space is made")

    step("a server that does not start says what is whole and what is next")
    for options in (("--data", "/proc/holdfast"), ("--data", story.path("other data"), "--listen", "1.2.3.4:1234")):
        ended = subprocess.run([HOLDFASTD, "serve", *options], capture_output=True, check=False, timeout=60)
        told = ended.stderr.decode()
        expect(ended.returncode == FAILED and "\n  whole   " in told and "\n  next    " in told, f"what is told of {options}: {told}")


def unreadable_files_are_named(story, home):
    step("what can't be read is named, and the rest is saved")
    tree = story.path("partly")
    put(f"{tree}/readable", b"yes")
    put(f"{tree}/secret", b"no", 0o000)
    put(f"{tree}/closed/inside", b"no")
    put(f"{tree}/open/inside", b"yes, too")
    os.chmod(f"{tree}/closed", 0o000)
    rights = "-dac_override,-dac_read_search"  # which let root read everything
    prefix = ("setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}", "--") if os.geteuid() == 0 else ()
    saved = home.json("backup", tree, code=INCOMPLETE, prefix=prefix)
    expect_equal({(problem["path"], problem["code"]) for problem in saved["problems"]},
                 {(f"{tree}/secret", "PermissionDenied"), (f"{tree}/closed", "PermissionDenied")}, "what was left out, and why")
    listed = len(home.json("snapshots")["snapshots"])
    error = home.run("backup", f"{tree}/secret", "--json", code=FAILED, prefix=prefix).error
    expect("nothing of what was named could be saved" in error["sentence"], f"of a file that was named itself: {error}")
    expect_equal(len(home.json("snapshots")["snapshots"]), listed, "no empty snapshot becomes the latest")
    shown = home.run("backup", tree, code=INCOMPLETE, prefix=prefix)
    expect(f"{tree}/secret" in shown.text + shown.error_text, f"people are told too: {shown}")
    home.run("restore", "latest", story.path("partly-again"))
    for name, content in (("readable", b"yes"), ("open/inside", b"yes, too")):
        with open(story.path("partly-again/partly", name), "rb") as file:
            expect_equal(file.read(), content, name)
    expect(not os.path.lexists(story.path("partly-again/partly/secret")), "nothing stands for what could not be read")

    step("when it can be read again, it is saved")
    os.chmod(f"{tree}/secret", 0o600)
    os.chmod(f"{tree}/closed", 0o700)
    home.run("backup", tree)
    home.run("restore", "latest", story.path("all-again"))
    expect_equal_trees(tree, story.path("all-again/partly"))


def mistakes_are_explained(story, home):
    step("a mistyped command line says what to type instead")
    for line, wanted in ((("chekc",), "holdfast check"), (("ls", "latest", "docs"), "SNAPSHOT:PATH"),
                         (("-q", "snapshots"), "the command comes first"), ((), "holdfast --help"),
                         (("space", "lits"), "holdfast space list"), (("space",), "create, list, info"),
                         (("restore", "--verfy", "latest", "x"), "holdfast restore --verify")):
        expect(wanted in home.run(*line, code=USAGE).error_text, f"{line}: {wanted}")
    expect_equal(home.run("chekc", "--json", code=USAGE).error["next"], "holdfast check", "the same for programs")

    step("a wrong value ends with 2, in text and in JSON, and what only the world can tell with 1")
    for line, said, hint in ((("ls", "abc"), '"abc" is not what SNAPSHOT[:PATH] takes', "holdfast ls latest:Documents"),
                             (("prune", "--max-repack", "10q"), '"10q" is not what --max-repack takes', "holdfast prune --max-repack 500M"),
                             (("find", "latest", "[a"), '"[a" is not what PATTERN takes', "holdfast find latest '*.txt'")):
        shown = home.run(*line, code=USAGE)
        expect(shown.error_text.startswith("holdfast: " + said) and f"\n  next    {hint}\n" in shown.error_text and not shown.out, f"people read: {shown}")
        error = home.run(*line, "--json", code=USAGE).error
        expect((error["code"], error["next"]) == ("InvalidArgument", hint) and error["sentence"].startswith(said), f"programs read: {error}")
    for line in (("ls", "ffff"), ("find", "nowhere:", "a"), ("forget", "ffffffff"), ("get", "nowhere:a", "out")):
        expect_equal(home.run(*line, "--json", code=FAILED).error["code"], "NotFound", f"{line}")

    step("the server's program does the same")
    data = story.path("never made")
    for line, said in ((("serve", "--data", ""), '"" is not what --data takes: a folder'), (("serve",), "--data is missing"),
                       (("serve", "--data", data, "--listen", "nowhere"), '"nowhere" is not what --listen takes: an address and a port'),
                       (("serve", "--data", data, "--listen", "h:99999"), "is not what --listen takes"),
                       (("serve", "--data", data, "--public-address", "a b"), "is not what --public-address takes"),
                       (("serve", "--data", data, "--account-quota", "1K"), '"1K" is not what --account-quota takes: a whole number of bytes'),
                       (("serve", "--data", data, "--grace-days", "0"), '"0" is not what --grace-days takes: a whole number from 1 to 3,650'),
                       (("serve", "--data", data, "--threads", "x"), '"x" is not what --threads takes'),
                       (("serve", "--data", data, "--log-level", "loud"), '"loud" is not what --log-level takes: error, warning, info or debug'),
                       (("invite", "--data", data, "--days", "-1"), '"-1" is not what --days takes'), (("invite", "--data", data, "--count", "10001"), "is not what --count takes"),
                       (("completion", "tcsh"), "bash, zsh or fish"), (("man", ""), "is not what DIR takes")):
        ended = subprocess.run([HOLDFASTD, *line], capture_output=True, check=False, timeout=60)
        told = ended.stderr.decode()
        expect(ended.returncode == USAGE and said in told and "\n  next    holdfastd " in told, f"{line}: {ended.returncode} {told}")
    expect(not os.path.lexists(data), "nothing was made")

    step("what would be another path than was meant is refused")
    os.makedirs(story.path("gone"))
    prefix = ("sh", "-c", f'cd "{story.path("gone")}" && rmdir "{story.path("gone")}" && exec "$0" "$@"')
    expect_equal(home.run("backup", "etc", "--json", code=FAILED, prefix=prefix).error["code"], "NotFound", "a folder that is gone")
    expect_equal(home.run("backup", home.path, "--json", code=FAILED).error["code"], "InvalidArgument", "the home itself")


def inspect_knows_a_home(story, server):
    step("inspect explains each file that a home holds, and shows no secret")
    home, wire = home_on_wire(story, "inspected", server)
    tree = story.path("inspected")
    for number in range(3):
        story.random_file(f"{tree}/file-{number}", 3_000_000, number)
    home.run("backup", tree)
    home.run("space", "create", "live")
    home.run("put", tree, "live:")
    home.run("backup", f"{tree}/file-0", "--scheduled", "nightly")
    first = home.json("snapshots")["snapshots"][0]["id"]
    home.run("forget", first)
    home.run("prune")
    home.run("heal")
    story.random_file(f"{tree}/large", 48 * MIB, 9)
    wire.hold_after(sent=40 * MIB)
    killed = home.start("backup", tree)
    wait_until(lambda: any(files_below(os.path.join(home.path, "uploads")).values()), "a pack has arrived")
    killed.kill()
    kinds = {}
    for folder, _, names in os.walk(home.path):
        for name in names:
            told = home.json("inspect", os.path.join(folder, name))
            expect_equal(told["damage"], [], f"damage of {name}")
            kinds.setdefault(told["kind"], []).append(name)
    wanted = {"key file", "local state of a device", "log of a local state", "lock of a home", "control socket of a home", "file state",
              "local index segment", "last run of a schedule", "lock of a schedule", "list of an upload",
              "unfinished file state"}
    expect_equal(set(kinds), wanted, f"kinds of files in a home: {kinds}")
    upload = home.run("inspect", os.path.join(home.path, "uploads", kinds["list of an upload"][0])).text
    expect(re.search(r"packs that have arrived  [1-9]", upload), f"of an upload: {upload}")
    shown = home.run("inspect", os.path.join(home.path, "state")).text
    expect("format  1\n" in shown and "state-wal" in shown, f"of the state: {shown}")
    run = home.run("inspect", os.path.join(home.path, "schedules/nightly.run")).text
    expect(f"path           {tree}/file-0\n" in run and "exit code 0" in run, f"of a run: {run}")

    step("what it does not know is said, and what is no file does not hang it")
    state = os.path.join(home.path, "state")
    with open(state, "rb") as file:
        whole = file.read()
    torn = put(story.path("torn"), whole[:-100]).decode()
    expect("does not end with a page" in home.run("inspect", torn, code=ALARM).text, "a torn state is told")
    os.mkfifo(story.path("a pipe"))
    with open(story.path("meta.db"), "wb") as file:
        file.write(b"SQLite format 3\0" + bytes(4080))
    for name, word in (("a pipe", "is none"), ("meta.db", "does not know"), ("inspected", "is a folder"), ("nothing", "does not know")):
        path = put(story.path(name), b"").decode() if name == "nothing" else story.path(name)
        error = home.run("inspect", path, "--json", code=FAILED).error
        expect_equal((error["code"], word in error["sentence"]), ("Unsupported", True), f"of {name}: {error}")
    os.symlink(state, story.path("a link"))
    expect_equal(home.json("inspect", story.path("a link"))["kind"], "local state of a device", "by a link")


def find_says_when_nothing_matches(story, home):
    step("find with no match says so to people, and nothing to programs")
    none = home.run("find", "latest", "no-such-name")
    expect_equal((none.text, none.error_text), ("", "nothing matches no-such-name in latest\n"), "what people see")
    none = home.run("find", "latest", "no-such-name", "--json")
    expect_equal((none.json["entries"], none.error_text), ([], ""), "what programs see")


def main():
    with Story("commands") as story:
        server = story.server()
        home = story.home("anna", server)
        what_is_not_wanted_stays_out(story, server, home)
        spaces_are_apart(story, server, home)
        differences_are_told(story, home)
        names_are_given_as_they_are(story, home)
        tools_make_their_folder(story, server)
        unreadable_files_are_named(story, home)
        mistakes_are_explained(story, home)
        find_says_when_nothing_matches(story, home)
        inspect_knows_a_home(story, server)


main()
