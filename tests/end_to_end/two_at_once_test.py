"""Commands at once in one home: one process owns it, the others hand their command over to it. All of them succeed, also when the owner is
killed while it serves another.
"""

import json
import os
import socket
import struct

from cloud import DONE, MIB, USAGE, Story, expect, expect_equal, is_served, step, wait_until
from trees import expect_equal_trees, put
from wire import home_on_wire


def make_tree(story, name, seed, megabytes=6):
    for number in range(3):
        story.random_file(story.path(name, f"file-{number}"), megabytes * MIB // 3, seed + number)
    put(story.path(name, "small"), name.encode())
    return story.path(name)


def start_owner(home, wire, *line):
    """A command that is held in the middle, and so owns the home for as long as the story wants."""
    wire.hold_after(sent=100_000)
    running = home.start(*line)
    expect(wire.wait_held(running), "the first command is in the middle")
    return running


def as_forwarded(*arguments):
    """A command line as it is sent to the owner of a home (docs/formats/local.md), by a program that did not look at it first."""
    def sized(content):
        return (bytes([len(content)]) if len(content) < 64 else struct.pack(">H", 0x4000 | len(content))) + content

    command = sized(b"".join(sized(word.encode()) for word in arguments)) + sized(b"/") + b"\0\0" + struct.pack(">H", 80)
    return b"\1" + struct.pack(">I", len(command)) + command


def said_by_owner(home, *arguments):
    """Exit code, standard output and standard error."""
    said = {2: b"", 3: b"", 4: b""}
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(os.path.join(home.path, "control"))
        connection.sendall(as_forwarded(*arguments))
        with connection.makefile("rb") as answer:
            while not said[4]:
                kind, size = struct.unpack(">BI", answer.read(5))
                said[kind] += answer.read(size)
    return said[4][0], said[2].decode(), said[3].decode()


def restores_equal(story, home, trees, space):
    snapshots = home.json("snapshots", "--space", space)["snapshots"]
    for tree in trees:
        mine = [snapshot for snapshot in snapshots if snapshot["paths"] == [tree] and not snapshot["partial"]]
        expect(mine, f"there is a snapshot of {tree}")
        target = story.path(f"again-{space}-{os.path.basename(tree)}")
        home.run("restore", mine[-1]["id"][:12], target, "--space", space)
        expect_equal_trees(tree, os.path.join(target, os.path.basename(tree)))


def main():
    with Story("two-at-once") as story:
        server = story.server()
        home, wire = home_on_wire(story, "anna", server)
        for space in ("two", "same", "killed", "served", "many"):
            home.run("space", "create", space)
        one, other = make_tree(story, "one", 1), make_tree(story, "other", 50)

        step("two backups into one space, started together")
        first, second = (home.start("backup", tree, "--space", "two") for tree in (one, other))
        first.end(DONE)
        second.end(DONE)
        restores_equal(story, home, (one, other), "two")

        step("the same path twice, the second while the first is in the middle")
        first = start_owner(home, wire, "backup", one, "--space", "same")
        second = home.start("backup", one, "--space", "same")
        wait_until(lambda: is_served(first), "the second command reaches the owner")

        step("a wrong command line is refused by the owner, too, in words and with the exit code of its own")
        code, out, error = said_by_owner(home, "ls", "abc")
        expect(code == USAGE and not out and error.startswith('holdfast: "abc" is not what SNAPSHOT[:PATH] takes'), f"{code} {out} {error}")
        code, out, error = said_by_owner(home, "ls", "abc", "--json")
        expect(code == USAGE and not out and json.loads(error)["error"]["next"] == "holdfast ls latest:Documents", f"{code} {out} {error}")

        wire.release()
        first.end(DONE)
        second.end(DONE)
        restores_equal(story, home, (one,), "same")
        expect_equal(len(home.json("snapshots", "--space", "same")["snapshots"]), 2, "snapshots")

        step("the owner is killed while it serves the second: the second goes on alone, and the first can be repeated")
        put(f"{one}/new", os.urandom(3 * MIB))
        put(f"{other}/new", os.urandom(3 * MIB))
        first = start_owner(home, wire, "backup", one, "--space", "killed")
        second = home.start("backup", other, "--space", "killed")
        wait_until(lambda: is_served(first), "the second command reaches the owner")
        first.kill()
        wire.cut()
        second.end(DONE)
        home.run("backup", one, "--space", "killed")
        restores_equal(story, home, (one, other), "killed")

        step("the second is killed: the first does not mind")
        put(f"{one}/newer", os.urandom(2 * MIB))
        first = start_owner(home, wire, "backup", one, "--space", "killed")
        second = home.start("backup", other, "--space", "killed")
        wait_until(lambda: is_served(first), "the second command reaches the owner")
        second.kill()
        wire.release()
        first.end(DONE)

        step("the owner's own command has ended and it still serves another: a third is served, too")
        saved = home.json("backup", other, "--space", "served")["snapshot"]["id"]  # `latest` may be the first command's by then
        first = start_owner(home, wire, "backup", one, "--space", "served")
        second = home.start("cat", f"{saved}:other/new", "--space", "served")  # more than a pipe takes, and nobody reads it yet
        wait_until(lambda: is_served(first), "the second command reaches the owner")
        wire.release()
        expect(first.process.stdout.readline().startswith(b"snapshot "), "the first command says that it is done")
        expect(not first.is_over(), "its process serves the second")
        home.run("snapshots", "--space", "served")
        with open(f"{other}/new", "rb") as file:
            expect(second.end(DONE).out == file.read(), "the second gets all of it")
        first.end(DONE)

        step("five at once, twice the same among them, and others that look on")
        trees = [make_tree(story, f"tree-{number}", 100 + 10 * number, 2) for number in range(5)]
        running = [home.start("backup", tree, "--space", "many") for tree in (*trees, trees[0])]
        lookers = [home.start(*line) for line in (("snapshots", "--space", "many"), ("check", "--space", "two"), ("space", "list"), ("status",), ("whoami",))]
        for command in running + lookers:
            command.end(DONE)
        restores_equal(story, home, trees, "many")

        step("all spaces are whole, without an alarm")
        for space in ("two", "same", "killed", "served", "many"):
            expect(home.json("check", "--read-data", "--space", space)["whole"], f"{space} is whole")
        expect(not home.json("status")["alarmed"], "no alarm")
        wire.close()


main()
