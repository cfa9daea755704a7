"""Files that change while they are read are named, and the rest is saved; so are files that can't be read."""

import os
import threading

from cloud import DONE, INCOMPLETE, MIB, Story, expect, expect_equal, step
from trees import expect_equal_trees, put
from wire import home_on_wire

LARGE_BYTES = 96 * MIB  # more than is read ahead of a wire that stands still


def read(path):
    with open(path, "rb") as file:
        return file.read()


def while_held(story, home, wire, tree, change):
    """A backup, with a change of its tree when it is in the middle of the large file."""
    wire.hold_after(sent=MIB)
    running = home.start("backup", tree, "--json")
    expect(wire.wait_held(running), "the backup is in the middle")
    change()
    wire.release()
    return running.end()


def append(path):
    with open(path, "ab") as file:
        file.write(b"appended while it was read")


def rewrite_in_place(path):
    with open(path, "r+b") as file:
        file.seek(LARGE_BYTES - 1000)
        file.write(b"written while it was read")


def replace(path):
    put(path + ".new", b"another file")
    os.rename(path + ".new", path)


def large_files(story, home, wire):
    changes = (("appended to", append), ("cut short", lambda path: os.truncate(path, LARGE_BYTES // 2)), ("written to", rewrite_in_place))
    for seed, (name, change) in enumerate(changes):
        step(f"a large file is {name} while it is read: it is named as changed, and the rest is saved")
        tree = story.path(f"large {name}")
        story.random_file(f"{tree}/a/large", LARGE_BYTES, seed)
        put(f"{tree}/a/small", b"beside it")
        put(f"{tree}/z/after", b"after it")
        ended = while_held(story, home, wire, tree, lambda: change(f"{tree}/a/large"))
        expect_equal(ended.code, INCOMPLETE, f"the exit code: {ended}")
        problems = ended.json["problems"]
        expect_equal([(problem["path"], problem["code"], problem["left_out"]) for problem in problems],
                     [(f"{tree}/a/large", "Changed", False)], "what was named")
        target = story.path(f"again {name}")
        home.run("restore", f"latest:large {name}/a/small", target)
        home.run("restore", f"latest:large {name}/z", target)
        expect_equal(read(f"{target}/small"), b"beside it", "the file beside it")
        expect_equal(read(f"{target}/z/after"), b"after it", "the file after it")
        saved = {entry["path"] for entry in home.json("ls", f"latest:large {name}/a")["entries"]}
        expect(f"large {name}/a/large" in saved, f"what was read of it is there: {saved}")

        step("the next backup saves it as it is now")
        home.run("backup", tree)
        home.run("restore", "latest", target + " now")
        expect_equal_trees(tree, f"{target} now/{os.path.basename(tree)}")

    step("what is removed or replaced before its turn is no half file")
    tree = story.path("vanishing")
    story.random_file(f"{tree}/a/large", LARGE_BYTES, 77)
    for number in range(20):
        put(f"{tree}/z/{number}", b"%d" % number)

    def change():
        os.remove(f"{tree}/z/7")
        replace(f"{tree}/z/8")

    ended = while_held(story, home, wire, tree, change)
    expect(ended.code in (DONE, INCOMPLETE), f"the exit code: {ended}")
    expect({problem["path"] for problem in ended.json["problems"]} <= {f"{tree}/z/7", f"{tree}/z/8"}, f"nothing else is named: {ended}")
    home.run("restore", "latest", story.path("vanishing-again"))
    expect(not os.path.lexists(story.path("vanishing-again/vanishing/z/7")), "what was removed is not there")
    expect(read(story.path("vanishing-again/vanishing/z/8")) in (b"8", b"another file"), "what was replaced is one of the two")
    expect_equal(len(os.listdir(story.path("vanishing-again/vanishing/z"))), 19, "files")


def always_changing(story, home):
    step("files that change all the time are named and saved as they were read; their neighbours are saved")
    tree = story.path("restless")
    logs = [f"{tree}/large log", f"{tree}/small log"]
    put(logs[0], b"x" * 20 * MIB)
    put(logs[1], b"x" * 200_000)
    for number in range(50):
        put(f"{tree}/quiet-{number}", b"%d" % number)
    stop = threading.Event()

    def grow():
        with open(logs[0], "ab", 0) as large, open(logs[1], "ab", 0) as small:
            while not stop.is_set():
                for file in (large, small):
                    file.write(b"y")

    writer = threading.Thread(target=grow, daemon=True)
    writer.start()
    try:
        for _ in range(10):  # a busy machine may let the writer rest while the backup reads
            ended = home.run("backup", tree, "--json", code=(DONE, INCOMPLETE))
            if ended.code == INCOMPLETE:
                break
    finally:
        stop.set()
        writer.join()
    expect_equal(ended.code, INCOMPLETE, "the exit code")
    problems = ended.json["problems"]
    expect({problem["path"] for problem in problems} <= set(logs), f"only what changed is named: {problems}")
    expect({(problem["code"], problem["left_out"]) for problem in problems} == {("Changed", False)}, f"how it is named: {problems}")
    home.run("restore", "latest", story.path("restless-again"))
    for number in range(50):
        expect_equal(read(story.path(f"restless-again/restless/quiet-{number}")), b"%d" % number, "a neighbour")
    for log in logs:
        saved = read(story.path("restless-again/restless", os.path.basename(log)))
        expect(len(saved) >= 200_000 and saved.strip(b"x").strip(b"y") == b"", "what was saved of it was read from it")

    step("at rest again, it is saved without a doubt")
    home.run("backup", tree)
    home.run("restore", "latest", story.path("restful"))
    expect_equal_trees(tree, story.path("restful/restless"))


def not_readable(story, server):
    step("files and folders of another user can't be read: named, and the rest is saved")
    if os.geteuid() != 0:
        print("skipped: only root has another user's files to save")
        return
    tree = story.path("shared")
    put(f"{tree}/open", b"for all")
    put(f"{tree}/secret", b"for its owner", 0o600)
    put(f"{tree}/large secret", b"for its owner" * 100_000, 0o600)
    put(f"{tree}/closed/inside", b"for its owner")
    put(f"{tree}/half/listed", b"listed, not entered")
    os.chmod(f"{tree}/closed", 0o700)
    os.chmod(f"{tree}/half", 0o744)
    for path in ("secret", "large secret", "closed", "half"):
        os.chown(f"{tree}/{path}", 65534, 65534)
    rights = "-dac_override,-dac_read_search"  # which let root read everything
    prefix = ("setpriv", f"--inh-caps={rights}", f"--bounding-set={rights}", "--")
    home = story.home("bert", server)
    told = home.json("backup", tree, "--dry-run", prefix=prefix, code=INCOMPLETE)
    expect_equal(home.json("space", "list")["spaces"], [], "spaces that a dry run made")
    saved = home.json("backup", tree, prefix=prefix, code=INCOMPLETE)
    named = lambda report: sorted((problem["path"], problem["code"]) for problem in report["problems"])
    expect_equal((told["stats"], named(told)), (saved["stats"], named(saved)), "what a dry run told")
    expect_equal((saved["stats"]["files"], saved["stats"]["files_new"], saved["stats"]["bytes"]), (1, 1, len(b"for all")), "only what was saved counts")
    wanted = {f"{tree}/secret", f"{tree}/large secret", f"{tree}/closed", f"{tree}/half/listed"}
    expect_equal({problem["path"] for problem in saved["problems"]}, wanted, "what was left out")
    expect_equal({(problem["code"], problem["left_out"]) for problem in saved["problems"]}, {("PermissionDenied", True)}, "why")
    expect_equal(saved["stats"]["left_out"], len(wanted), "how many")
    shown = home.run("backup", tree, prefix=prefix, code=INCOMPLETE)
    expect(all(path in shown.text for path in wanted), f"people are told, every time: {shown}")
    home.run("restore", "latest", story.path("shared-again"))
    expect_equal(read(story.path("shared-again/shared/open")), b"for all", "what can be read")
    expect(not os.path.lexists(story.path("shared-again/shared/secret")), "nothing stands for what can't be read")
    home.run("backup", tree)
    home.run("restore", "latest", story.path("shared-whole"))
    expect_equal_trees(tree, story.path("shared-whole/shared"))


def main():
    with Story("changing-file") as story:
        server = story.server()
        home, wire = home_on_wire(story, "anna", server)
        large_files(story, home, wire)
        always_changing(story, home)
        not_readable(story, server)
        wire.close()


main()
