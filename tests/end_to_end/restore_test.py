"""Restoring into places that are not empty, and files whose attributes are large."""

import os
import shutil

from cloud import DONE, INCOMPLETE, KIB, MIB, Story, expect, expect_equal, step
from trees import expect_equal_trees, put
from wire import home_on_wire


def foreign_name(story, home):
    step("a name that is taken keeps its content, and its hard links get what the snapshot has")
    tree = story.path("linked")
    put(f"{tree}/a", b"of the snapshot")
    os.link(f"{tree}/a", f"{tree}/b")
    os.link(f"{tree}/a", f"{tree}/c")
    home.run("backup", tree)
    target = story.path("taken")
    put(f"{target}/linked/a", b"somebody else's")
    report = home.json("restore", "latest", target, code=INCOMPLETE)
    expect_equal([problem["path"] for problem in report["problems"]], ["linked/a"], "what was left out")
    with open(f"{target}/linked/a", "rb") as file:
        expect_equal(file.read(), b"somebody else's", "what stood there")
    for name in "bc":
        with open(f"{target}/linked/{name}", "rb") as file:
            expect_equal(file.read(), b"of the snapshot", name)
    expect(os.path.samefile(f"{target}/linked/b", f"{target}/linked/c"), "the others are one file")
    expect(not os.path.samefile(f"{target}/linked/a", f"{target}/linked/b"), "and not the foreign one")


def large_attributes(story, home):
    step("many files with attributes too large for their folder's node come back")
    tree = story.path("attributes")
    for number in range(60):
        path = story.random_file(f"{tree}/{number}", 300 * KIB, number)
        os.setxattr(path, "user.large", bytes([number]) * 2500)
    home.run("backup", tree)
    home.run("restore", "latest", story.path("attributes-again"), "--verify")
    expect_equal_trees(tree, story.path("attributes-again/attributes"))


def killed_anywhere(story):
    step("kill -9 after the 1st, 2nd, 4th, ... KiB of a restore of many small files: the same command ends it, and leaves nothing of its own")
    server = story.server("wired")
    home, wire = home_on_wire(story, "bert", server)
    tree = story.path("many")
    for number in range(300):
        put(f"{tree}/{number % 7}/{number}", os.urandom(5000), 0o644)
    put(f"{tree}/large", os.urandom(3_000_000))
    os.link(f"{tree}/large", f"{tree}/5/linked")
    os.symlink("nowhere", f"{tree}/6/link")
    os.mkfifo(f"{tree}/6/fifo")
    os.chmod(f"{tree}/6", 0o511)
    home.run("backup", tree)
    kills = 0
    for shift in range(4, 13):
        target = story.path(f"killed-{shift}")
        for _ in range(2):
            wire.hold_after(received=1024 << shift)
            running = home.start("restore", "latest", target)
            if wire.wait_held(running):
                running.kill()
                wire.cut()
                kills += 1
            else:
                wire.release()
                running.end(DONE)
        ended = home.json("restore", "latest", target, "--verify")
        expect_equal((ended["problems_count"], ended["warnings"]), (0, []), "what is told")
        expect_equal_trees(tree, f"{target}/many")
    expect(kills >= 8, f"most came to their kill: {kills}")
    wire.close()


def what_is_there(story, home):
    step("what is there and equal is not fetched; what differs is named, and changed in nothing; links are not followed, fifos block nobody")
    tree = story.path("tree")
    for number in range(40):
        put(f"{tree}/{number}", os.urandom(20_000), 0o644)
    os.chmod(tree, 0o755)
    with open(f"{tree}/sparse", "wb") as file:
        file.write(b"x")
        file.truncate(4 * MIB)
    home.run("backup", tree)
    target = story.path("there")
    first = home.json("restore", "latest", target)
    outside = story.path("outside")
    put(outside, b"not in the tree")
    for number in range(4):
        os.remove(f"{target}/tree/{number}")
    os.symlink(outside, f"{target}/tree/0")
    os.mkfifo(f"{target}/tree/1")
    put(f"{target}/tree/2", b"")
    shutil.copy(f"{tree}/3", f"{target}/tree/3")
    os.chmod(f"{target}/tree/3", 0o600)
    os.setxattr(f"{target}/tree/5", "user.more", b"than the snapshot has")
    with open(f"{target}/tree/sparse", "r+b") as file:
        file.seek(2 * MIB)
        file.write(b"y")
    os.chmod(f"{target}/tree", 0o700)
    names = ["0", "1", "2", "3", "4", "sparse", "."]
    before = {name: os.lstat(f"{target}/tree/{name}") for name in names}

    report = home.json("restore", "latest", target, code=INCOMPLETE)
    expect_equal({problem["path"] for problem in report["problems"]}, {f"tree/{name}" for name in ("0", "1", "2", "sparse")}, "in the way")
    expect_equal({problem["code"] for problem in report["problems"]}, {"AlreadyExists"}, "why")
    expect_equal((report["already_there"]["files"], report["stats"]["files"], report["metadata_differs"]), (37, 0, 3), "what is told")
    expect(report["bytes_received"] < first["bytes_received"] / 4, f"bytes received: {report['bytes_received']}")
    for name, was in before.items():
        now = os.lstat(f"{target}/tree/{name}")
        same = [getattr(now, field) == getattr(was, field) for field in ("st_ino", "st_mode", "st_size", "st_mtime_ns", "st_ctime_ns")]
        expect(all(same), f"{name} is as it was: {was} {now}")
    text = home.run("restore", "latest", target, code=INCOMPLETE).text
    expect("were there already, equal: 37 files" in text and "--overwrite; or choose another folder" in text, f"the text: {text}")

    os.remove(f"{target}/tree/1")  # a file takes no fifo's place
    home.run("restore", "latest", target, "--overwrite")
    expect_equal_trees(tree, f"{target}/tree")
    expect_equal(os.lstat(f"{target}/tree/3").st_ino, before["3"].st_ino, "the file whose mode alone differed")
    with open(outside, "rb") as file:
        expect_equal(file.read(), b"not in the tree", "what the link led to")


def owned_by_another(story, home):
    step("a file of another owner, that he has open or gave a second name, is never made somebody else's with --overwrite")
    if os.geteuid() != 0:
        print("skipped: only root gives files away")
        return
    tree = story.path("given")
    for name in ("tool", "linked"):
        put(f"{tree}/{name}", b"#!/bin/sh", 0o755)
    os.chmod(f"{tree}/tool", 0o4755)
    home.run("backup", tree)
    target = story.path("taken-over")
    for name in ("tool", "linked"):
        put(f"{target}/given/{name}", b"#!/bin/sh", 0o777)
    os.chown(f"{target}/given/tool", 65531, 65531)
    os.link(f"{target}/given/linked", story.path("second-name"))
    with open(f"{target}/given/tool", "r+b") as held:
        home.run("restore", "latest", target, "--overwrite")
        expect(os.fstat(held.fileno()).st_ino != os.stat(f"{target}/given/tool").st_ino, "the file that is held open is another one")
    expect_equal_trees(tree, f"{target}/given")
    expect_equal(os.stat(story.path("second-name")).st_mode & 0o7777, 0o777, "the mode of the file's second name")


def main():
    with Story("restore") as story:
        server = story.server()
        home = story.home("anna", server)
        foreign_name(story, home)
        large_attributes(story, home)
        what_is_there(story, home)
        owned_by_another(story, home)
        killed_anywhere(story)

main()
