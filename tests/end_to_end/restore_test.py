"""Restoring into places that are not empty, and files whose attributes are large."""

import os

from cloud import INCOMPLETE, KIB, Story, expect, expect_equal, step
from trees import expect_equal_trees, put

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


def main():
    with Story("restore") as story:
        server = story.server()
        home = story.home("anna", server)
        foreign_name(story, home)
        large_attributes(story, home)



main()
