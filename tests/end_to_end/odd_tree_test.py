"""A tree with everything that a file system can hold comes back equal: sparse, hard-linked, oddly named, with attributes, ACLs, owners,
modes and times; also after every kind of change, in part, and over files that are there.
"""

import os

from cloud import DONE, INCOMPLETE, Story, expect, expect_equal, step
from trees import expect_equal_trees, make_odd_tree, put


def the_odd_tree_comes_back(story, home):
    step("save a tree with everything odd; the socket is named as left out")
    tree = story.path("odd")
    sockets = make_odd_tree(tree)
    saved = home.json("backup", tree, "--space", "odd", code=INCOMPLETE)
    expect_equal([problem["path"] for problem in saved["problems"]], [os.path.join(tree, os.fsdecode(name)) for name in sockets], "what was left out")
    expect(saved["problems"][0]["left_out"], "it says so")

    step("restore with --verify, and compare")
    restored = home.json("restore", "latest", story.path("odd-again"), "--verify", "--space", "odd")
    expect_equal(restored["problems_count"], 0, "problems")
    expect_equal(restored["files_verified"], restored["stats"]["files"], "files that were read back")
    expect_equal_trees(tree, story.path("odd-again/odd"), sockets)
    return tree, sockets


def a_link_that_is_named_is_followed(story, home):
    step("a symbolic link on the command line: what it leads to is saved, under the link's name")
    put(story.path("real/below/file"), b"behind a link")
    for link, target in [("to folder", "real"), ("to file", "real/below/file"), ("to nothing", "missing")]:
        os.symlink(target, story.path(link))
    # Anew: nothing is taken over from what the folder was called before.
    for name in [story.path("real"), story.path("to folder") + "/"]:
        home.json("backup", name, "--space", "named")
    home.json("backup", story.path("to file"), story.path("to folder"), "--space", "named")
    home.json("restore", "latest", story.path("named"), "--space", "named")
    expect_equal(sorted(os.listdir(story.path("named"))), ["to file", "to folder"], "names")
    expect_equal(os.path.islink(story.path("named/to folder")), False, "a link came back")
    for file in ["to file", "to folder/below/file"]:
        with open(story.path("named/" + file), "rb") as restored:
            expect_equal(restored.read(), b"behind a link", file)
    error = home.json("backup", story.path("to nothing"), "--space", "named", code=1)
    expect_equal(error["error"]["code"], "NotFound", "a link that leads nowhere")


def a_time_that_cannot_be_kept_is_named(story, home):
    step("a file of the year 2286, and one of 2261")
    put(story.path("times/late"), b"late")
    put(story.path("times/last"), b"last")
    os.utime(story.path("times/last"), ns=(0, 9_214_646_400_123_456_789))
    os.utime(story.path("times/late"), ns=(0, 9_999_999_999_123_456_789))
    late = os.lstat(story.path("times/late")).st_mtime_ns
    for _ in range(2):  # not only when it is new
        saved = home.json("backup", story.path("times"), "--space", "named", code=INCOMPLETE if late > 9_223_372_036_000_000_000 else DONE)
        named = [story.path("times/late")] if late > 9_223_372_036_000_000_000 else []  # this file system knows no such time
        expect_equal([problem["path"] for problem in saved["problems"]], named, "times that are named")
        expect(not any(problem["left_out"] for problem in saved["problems"]), "the file itself is saved")
    home.json("restore", "latest", story.path("times-again"), "--space", "named")
    expect_equal(os.lstat(story.path("times-again/times/last")).st_mtime_ns, 9_214_646_400_123_456_789, "a time in 2261")


def changes_are_seen(story, home, tree, sockets):
    step("change, add, delete, rename, and change the types of things")
    put(f"{tree}/sizes/4096", b"changed content of the same size".ljust(4096))
    with open(f"{tree}/sizes/65537", "ab") as file:
        file.write(b"appended")
    os.truncate(f"{tree}/sizes/65535", 100)
    put(f"{tree}/new/below/file", b"new")
    os.remove(f"{tree}/many/0007")
    os.rename(f"{tree}/many/0008", f"{tree}/many/renamed")
    os.rename(f"{tree}/folders", f"{tree}/folders renamed")
    os.chmod(f"{tree}/many/0009", 0o711)  # nothing but metadata
    os.utime(f"{tree}/many/0010", ns=(1, 2))
    os.setxattr(f"{tree}/many/0011", "user.new", b"attribute")
    os.remove(f"{tree}/many/0012")
    os.makedirs(f"{tree}/many/0012/was a file")
    os.rmdir(f"{tree}/empty folder")
    put(f"{tree}/empty folder", b"was a folder")
    os.remove(f"{tree}/many/0013")
    os.symlink("0014", f"{tree}/many/0013")
    os.remove(f"{tree}/links/good")
    put(f"{tree}/links/good", b"was a link")
    os.remove(f"{tree}/links/second")
    put(f"{tree}/links/second", b"a file of its own now")
    os.link(f"{tree}/many/0015", f"{tree}/many/0015 linked")
    os.remove(f"{tree}/special-fifo")
    put(f"{tree}/special-fifo", b"was a fifo")

    step("content that changes while size and time stay, as a restored backup or a damaged clock would have it")
    before = os.lstat(f"{tree}/many/0020")
    put(f"{tree}/many/0020", b"file number 99\n"[: before.st_size])
    os.truncate(f"{tree}/many/0020", before.st_size)
    os.utime(f"{tree}/many/0020", ns=(before.st_atime_ns, before.st_mtime_ns))

    step("save and restore it, and the one before")
    home.run("backup", tree, "--space", "odd", "--tag", "changed", "-t", "second", code=INCOMPLETE)
    home.run("restore", "latest", story.path("odd-changed"), "--space", "odd")
    expect_equal_trees(tree, story.path("odd-changed/odd"), sockets)

    snapshots = home.json("snapshots", "--space", "odd")["snapshots"]
    expect_equal([snapshot["tags"] for snapshot in snapshots], [[], ["changed", "second"]], "tags")
    home.run("restore", snapshots[0]["id"][:8], story.path("odd-before"), "--space", "odd")
    expect_equal_trees(story.path("odd-again/odd"), story.path("odd-before/odd"))


def parts_can_be_had(story, home, tree):
    step("a path of a snapshot alone")
    home.run("restore", "latest:odd/sizes", story.path("part"), "--space", "odd")
    expect_equal_trees(f"{tree}/sizes", story.path("part/sizes"))
    home.run("restore", "latest:/odd/links/good", story.path("part"), "--space", "odd")
    with open(story.path("part/good"), "rb") as file:
        expect_equal(file.read(), b"was a link", "the one file")

    step("restore overwrites only when told")
    put(story.path("part/sizes/1"), b"mine, newer")
    put(story.path("part/sizes/not in the snapshot"), b"mine too")
    refused = home.json("restore", "latest:odd/sizes", story.path("part"), "--space", "odd", code=INCOMPLETE)
    expect_equal({problem["code"] for problem in refused["problems"]}, {"AlreadyExists"}, "why files were not restored")
    with open(story.path("part/sizes/1"), "rb") as file:
        expect_equal(file.read(), b"mine, newer", "the file that was there")
    home.run("restore", "latest:odd/sizes", story.path("part"), "--space", "odd", "--overwrite")
    with open(story.path("part/sizes/not in the snapshot"), "rb") as file:
        expect_equal(file.read(), b"mine too", "a file that the snapshot doesn't have")
    os.remove(story.path("part/sizes/not in the snapshot"))
    os.utime(story.path("part/sizes"), ns=(1, os.lstat(f"{tree}/sizes").st_mtime_ns))
    expect_equal_trees(f"{tree}/sizes", story.path("part/sizes"))

    step("restore follows no link that lies in its way")
    outside = story.path("outside")
    os.makedirs(outside)
    os.makedirs(story.path("trap/odd"))
    os.symlink(outside, story.path("trap/odd/many"))
    home.run("restore", "latest:odd", story.path("trap"), "--space", "odd", "--overwrite", code=(DONE, INCOMPLETE))
    expect_equal(os.listdir(outside), [], "what was written through the link")

    step("ls and cat")
    entries = home.json("ls", "latest:odd/many", "--space", "odd")["entries"]
    expect_equal(len(entries), len(os.listdir(f"{tree}/many")), "entries of a folder")
    listed = {entry["path"].rsplit("/", 1)[-1]: entry for entry in home.json("ls", "latest:odd", "-R", "--space", "odd")["entries"]}
    expect_equal(listed["4097"]["size"], 4097, "the size of a file")
    expect_equal(listed["dangling"]["target"], "/nowhere/at all", "the target of a link")
    text = home.run("ls", "latest:odd/names", "--space", "odd").out
    expect(b"\x1b" not in text and b"new\nline" not in text, "control characters of names reach no terminal")
    with open(f"{tree}/sizes/{(5 << 20) + 3}", "rb") as file:
        expect(home.run("cat", f"latest:odd/sizes/{(5 << 20) + 3}", "--space", "odd").out == file.read(), "cat prints the file")
    expect_equal(len(home.run("cat", "latest:odd/sparse/middle", "--space", "odd").out), 64 << 20, "cat of a sparse file")


def main():
    with Story("odd-tree") as story:
        server = story.server()
        home = story.home("anna", server)
        home.run("space", "create", "odd")
        home.run("space", "create", "named")
        tree, sockets = the_odd_tree_comes_back(story, home)
        changes_are_seen(story, home, tree, sockets)
        a_link_that_is_named_is_followed(story, home)
        a_time_that_cannot_be_kept_is_named(story, home)
        parts_can_be_had(story, home, tree)
        step("all of it is whole")
        expect(home.json("check", "--read-data", "--space", "odd")["whole"], "the space is whole")


main()
