"""Snapshots for stories that forget them: three of one tree, and what must hold of a space whatever was forgotten."""

import os

from cloud import ALARM, DONE, MIB, expect
from trees import put


def snapshot_ids(home):
    return [snapshot["id"] for snapshot in home.json("snapshots")["snapshots"]]


def expect_whole(home):
    report = home.json("check", "--read-data", code=(DONE, ALARM))
    expect(report["whole"], f"check: {report['findings'][:5]}")


def restored(story, home, snapshot, name):
    target = story.path(f"out-{name}")
    home.run("restore", snapshot, target, "--verify")
    return os.path.join(target, "tree")


def three_backups(story, home):
    """Three snapshots, and beside each a copy of the tree as it was: much of it is in one of them only."""
    tree = story.path("tree")
    copies = []
    for number in range(3):
        for name in range(4):
            story.random_file(f"{tree}/only-{number}-{name}", 3 * MIB, 10 * number + name)
        for old in range(4):
            if number > 0:
                os.remove(f"{tree}/only-{number - 1}-{old}")
        for small in range(40):
            put(f"{tree}/small/{small}", os.urandom(2000) if small % 3 == number else b"the same %d" % small)
        story.random_file(f"{tree}/stays", 2 * MIB, 999)
        home.run("backup", tree)
        copies.append(story.path(f"copy-{number}"))
        os.system(f"cp -a '{tree}' '{copies[-1]}'")
    return tree, copies
