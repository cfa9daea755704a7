"""What stands in a space now: put, get, mkdir, rm, mv and history, by hand, by two at once, and killed in the middle."""

import os

from cloud import DONE, FAILED, INCOMPLETE, KIB, MIB, USAGE, Story, expect, expect_equal, step
from trees import ODD_NAMES, expect_equal_trees, make_odd_tree, put
from wire import Wire


def names(home, place, *more):
    return sorted(entry["path"] for entry in home.json("ls", place, *more)["entries"])


def check_small_files(story, home):
    step("a file of a few bytes travels inside its commit, and nothing else is stored")
    letter = put(story.path("letter.txt"), b"first words\n", 0o640)
    os.setxattr(letter, "user.note", b"kept")
    os.setxattr(letter, "user.large", os.urandom(2000))  # a chunk of its own
    os.utime(letter, ns=(1, 1_600_000_000_123_456_789))
    objects = len(story.server_of.objects())
    first = home.json("put", letter, "docs:")
    expect(first["seq"] > 0, "there is a commit")
    expect_equal(first["bytes_stored"], 0, "bytes of objects")
    expect_equal(len(story.server_of.objects()), objects, "objects on the server")
    expect_equal(home.run("cat", "docs:letter.txt").out, b"first words\n", "cat")
    home.run("get", "docs:letter.txt", story.path("got"))
    expect_equal_trees(letter, story.path("got", "letter.txt"))
    expect_equal(home.json("put", letter, "docs:")["seq"], 0, "the commit of what stands there already")

    step("nothing is overwritten here unless it is told")
    put(story.path("got", "letter.txt"), b"mine")
    home.json("get", "docs:letter.txt", story.path("got"), code=INCOMPLETE)
    with open(story.path("got", "letter.txt"), "rb") as file:
        expect_equal(file.read(), b"mine", "what stood here")
    home.run("get", "docs:letter.txt", story.path("got"), "--overwrite")
    expect_equal_trees(letter, story.path("got", "letter.txt"))
    return letter


def check_versions(story, home, letter):
    step("every version stays, and any one comes back")
    put(letter, b"second words\n")
    second = home.json("put", letter, "docs:")["seq"]
    home.run("rm", "docs:letter.txt")
    home.run("cat", "docs:letter.txt", code=FAILED)
    put(letter, b"", 0o600)
    third = home.json("put", letter, "docs:")["seq"]
    versions = home.json("history", "docs:letter.txt")["versions"]
    expect_equal([one["entry"]["size"] if one["entry"] else None for one in versions], [12, 13, None, 0], "sizes of the versions")
    expect_equal([versions[1]["seq"], versions[3]["seq"]], [second, third], "numbers of the versions")
    for number, content in ((0, b"first words\n"), (1, b"second words\n"), (3, b"")):
        target = story.path(f"version-{number}")
        home.run("get", "docs:letter.txt", target, "--version", str(versions[number]["seq"]))
        with open(os.path.join(target, "letter.txt"), "rb") as file:
            expect_equal(file.read(), content, f"version {number}")
    home.run("get", "docs:letter.txt", story.path("none"), "--version", str(versions[2]["seq"]), code=FAILED)
    expect(not os.path.exists(story.path("none")), "a version without the file makes no folder here")
    home.run("get", "docs:letter.txt", story.path("none"), "--version", "123456", code=FAILED)
    home.run("history", "docs:never.txt", code=FAILED)


def check_names(story, home):
    step("folders are made, moved and removed, and refusals change nothing")
    home.run("mkdir", "docs:a/b", code=FAILED)
    home.run("mkdir", "--parents", "docs:a/b", "docs:a/c")
    home.run("mkdir", "docs:a", code=FAILED)
    expect_equal(home.json("mkdir", "-p", "docs:a/b")["seq"], 0, "a folder that is there")
    note = put(story.path("note"), b"note")
    home.run("put", note, "docs:a/b")
    home.run("put", note, "docs:a/b/note", code=FAILED)  # a file is no folder
    home.run("mv", "docs:a", "docs:a/b/x", code=USAGE)
    home.run("mv", "docs:a/b", "docs:a/c", code=FAILED)  # it is there
    home.run("mv", "docs:a/b", "docs:nowhere/b", code=FAILED)
    home.run("mv", "docs:a/b", "docs:a/c/")
    home.run("mv", "docs:a/c/b/note", "docs:a/renamed")
    expect_equal(names(home, "docs:a", "-R"), ["a/c", "a/c/b", "a/renamed"], "names after moving")
    home.run("put", note, "docs:a")
    home.run("mv", "docs:a/note", "docs:a/renamed", code=FAILED)
    home.run("mv", "docs:a/note", "docs:a/renamed", "--overwrite")
    refused = home.run("rm", "docs:a", "--json", code=FAILED).error
    expect_equal(refused["whole"], "nothing was changed", "what is whole")
    before = home.json("space", "info", "docs")["commits"]
    home.run("rm", "docs:a/renamed", "docs:a/gone", code=FAILED)  # all or nothing
    expect_equal(home.json("space", "info", "docs")["commits"], before, "commits")
    expect_equal(home.json("rm", "--recursive", "docs:a")["entries"], 4, "entries that went")
    expect_equal(names(home, "docs:"), ["letter.txt"], "names at the end")
    for wrong in (("put", note, "docs"), ("get", ":x", "out"), ("rm", "docs:"), ("put", note, "docs:a/../b"), ("rm", "docs:a", "backups:a"),
                  ("mv", "docs:letter.txt", "docs:letter.txt")):
        expect(home.run(*wrong, "--json", code=USAGE).error["sentence"], "an error says what happened")
    for wrong, hint in ((("put", note, "dosc:"), "space create dosc"), (("get", "dosc:x", "out"), "space list"), (("ls", "dosc:x"), "space list"),
                        (("ls", "docs:x"), "holdfast ls docs:"), (("rm", "docs:x"), "holdfast ls --recursive docs:"), (("find", "do:", "x"), "space list")):
        expect(hint in home.run(*wrong, code=FAILED).error_text, f"what to do after {wrong}")


def check_trees(story, home):
    step("everything that a folder can hold comes back equal")
    odd = story.path("odd")
    left_out = make_odd_tree(odd)
    home.run("put", odd, "docs:kept/here", code=INCOMPLETE)  # a socket
    home.run("get", "docs:kept/here/odd", story.path("odd-again"), "--verify")
    expect_equal_trees(odd, story.path("odd-again", "odd"), left_out)
    for name in ODD_NAMES:
        content = home.run("cat", b"docs:kept/here/odd/names/" + name).out
        expect_equal(content, b"content of " + name, "an odd name's content")

    step("a folder that is put again is laid over what stands there: nothing goes, and little is sent")
    put(f"{odd}/many/0007", b"changed")
    put(f"{odd}/many/more", b"more")
    os.remove(f"{odd}/many/0008")
    again = home.json("put", odd, "docs:kept/here", code=INCOMPLETE)
    expect(again["bytes_stored"] < 800 * KIB, f"little is sent: {again['bytes_stored']}")
    there = names(home, "docs:kept/here/odd/many")
    expect("kept/here/odd/many/0008" in there and "kept/here/odd/many/more" in there, "both are there")
    expect_equal(home.run("cat", "docs:kept/here/odd/many/0007").out, b"changed", "the newer content")
    home.run("put", story.path("letter.txt"), "docs:kept/here/odd/links/first", code=FAILED)

    step("a change in a large folder sends the node that it is in, not the folder")
    for number in range(25_000):
        put(story.path("large folder", f"{number:05}"), b"file number %d" % number)
    home.run("put", story.path("large folder"), "docs:")
    before = story.server_of.bytes_stored()
    home.run("mkdir", "docs:large folder/04000x")
    sent = story.server_of.bytes_stored() - before
    expect(sent < 500 * KIB, f"what a new folder costs: {sent}")  # a node has up to 256 KiB; of all entries the ids alone 780

    step("a large file is streamed, both ways")
    large = story.random_file(story.path("large"), 40 * MIB, 7)
    home.run("put", large, "docs:")
    home.run("get", "docs:large", story.path("large-again"), "--verify")
    expect_equal_trees(large, story.path("large-again", "large"))


def check_looking(story, home):
    step("a tree, a space and a folder on disk are compared, and only what differs is told")
    tree = story.path("compared")
    for name in ("a/one.txt", "a/two.txt", "b/three.md"):
        put(f"{tree}/{name}", name.encode() * 1000)
    put(f"{tree}/b/large.bin", os.urandom(3 * MIB))
    os.link(f"{tree}/a/one.txt", f"{tree}/b/linked.txt")
    os.setxattr(f"{tree}/a/two.txt", "user.large", os.urandom(2000))
    home.run("put", tree, "docs:")
    first = home.json("backup", tree, "--space", "docs")["snapshot"]["id"]

    def told(*line, code=DONE):
        differences = home.json("diff", *line, "--space", "docs", code=code)["differences"]
        return {(one["path"], "before" in one, "after" in one) for one in differences}

    expect_equal(told("docs:compared", "--folder", tree), set(), "a space and the folder that was put")
    expect_equal(told("latest:compared", "docs:compared"), set(), "a snapshot and the space")
    expect_equal(told("latest:compared", "--folder", tree), set(), "a snapshot and the folder")
    objects = len(story.server_of.objects())
    put(f"{tree}/a/one.txt", b"other")
    with open(f"{tree}/b/large.bin", "r+b") as file:
        file.write(b"other")
    os.remove(f"{tree}/b/three.md")
    put(f"{tree}/c/new", b"new")
    changed = {("a/one.txt", True, True), ("b/linked.txt", True, True), ("b/large.bin", True, True), ("b/three.md", True, False),
               ("c", False, True), ("c/new", False, True)}
    expect_equal(told("docs:compared", "--folder", tree), changed, "a space and a changed folder")
    expect_equal(told(f"{first[:12]}:compared", "--folder", tree), changed, "a snapshot and a changed folder")
    expect_equal(len(story.server_of.objects()), objects, "objects on the server after looking")
    home.run("diff", "docs:", "--folder", f"{tree}/c/new", code=FAILED)
    home.run("diff", "docs:", "other:", code=FAILED)
    shown = home.run("diff", "docs:compared", "--folder", tree).text
    expect(shown.startswith("M  a/one.txt") and f"from docs: to {tree}" in shown, f"what a person sees: {shown}")

    step("names are found, and a tree's sizes are told")
    found = [one["path"] for one in home.json("find", "docs:compared", "*.txt")["entries"]]
    expect_equal(sorted(found), ["compared/a/one.txt", "compared/a/two.txt", "compared/b/linked.txt"], "what is found by name")
    expect_equal([one["path"] for one in home.json("find", "latest:", "/compared/**/b/", "--space", "docs")["entries"]], ["compared/b"], "by path")
    expect_equal(home.json("find", "docs:", "nothing-of-this-name")["entries"], [], "what is not there")
    stats = home.json("stats", "docs:compared")
    expect_equal((stats["files"], stats["directories"], stats["bytes"]), (5, 2, 3 * MIB + 9000 + 9000 + 9000 + 10000), "files, folders, bytes")
    attributes = stats["bytes_once"] - (3 * MIB + 9000 + 9000 + 10000)  # of one file, in a chunk of their own
    expect(2010 <= attributes <= 2030, f"bytes that are there once: {attributes} of attributes")


def check_two_at_once(story, home):
    step("commands at once: of different files all succeed, of the same one the history has all")
    running = []
    for number in range(8):
        put(story.path(f"part-{number}"), b"part %d" % number)
        put(story.path(f"writer-{number}", "same"), b"by %d" % number)
        running.append(home.start("put", story.path(f"part-{number}"), "docs:parts"))
        running.append(home.start("put", story.path(f"writer-{number}", "same"), "docs:"))
    for command in running:
        command.end(DONE)
    expect_equal(names(home, "docs:parts"), [f"parts/part-{number}" for number in range(8)], "the parts")
    versions = home.json("history", "docs:same")["versions"]
    contents = set()
    for version in versions:
        target = story.path(f"same-{version['seq']}")
        home.run("get", "docs:same", target, "--version", str(version["seq"]))
        with open(os.path.join(target, "same"), "rb") as file:
            contents.add(file.read())
    expect_equal(contents, {b"by %d" % number for number in range(8)}, "the versions")

    step("one makes a folder where the other puts a file: one of them is told")
    home.run("put", story.path("part-0"), "docs:clash")
    ended = home.run("put", put(story.path("clash"), b"x"), "docs:", code=FAILED)
    expect("nothing was changed" in ended.error_text and "next" in ended.error_text, "the refusal says what to do")


def check_kill(story, server):
    step("killed in the middle of a large put: nothing of it stands, and the same command goes on")
    wire = Wire(server.listen)
    home = story.home("bert", server, signed_up=False)
    home.run("signup", "bert", "--server", wire.link(server.link), "--no-passphrase")
    home.run("space", "create", "docs")
    folder = story.path("folder")
    for number in range(9):
        story.random_file(os.path.join(folder, f"file-{number}"), 6 * MIB, 60 + number)
    wire.hold_after(sent=40 * MIB)
    running = home.start("put", folder, "docs:")
    expect(wire.wait_held(running), "the command is in the middle")
    running.kill()
    wire.cut()
    expect_equal(names(home, "docs:"), [], "what stands there")
    done = home.json("put", folder, "docs:")
    expect(done["bytes_resumed"] > 10 * MIB, f"what had arrived is not sent again: {done['bytes_resumed']}")
    home.run("get", "docs:folder", story.path("folder-again"))
    expect_equal_trees(folder, story.path("folder-again", "folder"))
    wire.close()


def main():
    with Story("live") as story:
        server = story.server_of = story.server()
        home = story.home("anna", server)
        home.run("space", "create", "docs")
        home.run("space", "create", "other")
        letter = check_small_files(story, home)
        check_versions(story, home, letter)
        check_names(story, home)
        check_trees(story, home)
        check_looking(story, home)
        check_two_at_once(story, home)
        check_kill(story, server)
        expect(home.json("check", "--read-data", "--space", "docs")["whole"], "the space is whole")
        expect(not home.json("status")["alarmed"], "no alarm")


main()
