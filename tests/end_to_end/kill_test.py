"""kill -9 loses nothing and sends nothing twice: of the client in the middle of a backup, a restore and a sign-up, and of the server.

A wire between the two is held after so many bytes, so that the kill meets the same point on every machine.
"""

import os
import shutil

from cloud import DONE, FAILED, MIB, UNREACHABLE, Story, expect, expect_equal, is_sanitized, step
from trees import expect_equal_trees, put
from wire import home_on_wire

FILE_BYTES = 16 * MIB
FILES = 10
IN_FLIGHT_BYTES = 4 * 16 * MIB  # packs under way, of which none may have arrived
SLACK_BYTES = 2 * MIB  # what calls, TLS, trees and index weigh beside the data, all in all
PADDING_BYTES = FILES * MIB // 2  # a pack ends where the next block has no room; a pack that is sent twice would be 16 MiB


def make_large_tree(story, name, seed):
    for number in range(FILES):
        story.random_file(story.path(name, f"file-{number}"), FILE_BYTES, seed + number)
    return story.path(name)


def killed_client(story, server, wire, home):
    tree = make_large_tree(story, "client-tree", 100)
    for part in ("in the middle", "and of the same command again"):
        step(f"kill -9 the client {part}")
        wire.hold_after(sent=IN_FLIGHT_BYTES + 16 * MIB)
        running = home.start("backup", tree, "--json")
        expect(wire.wait_held(running), "the backup came to the point")
        running.kill()
        wire.cut()
        snapshots = home.json("snapshots", code=(DONE, FAILED)).get("snapshots", [])
        expect(all(snapshot["partial"] for snapshot in snapshots), f"no snapshot says that it is whole: {snapshots}")

    step("the same command goes on, and does not send again what arrived")
    before = wire.sent
    saved = home.json("backup", tree)
    expect(saved["bytes_resumed"] > 0, f"something was there: {saved['bytes_resumed']}")
    sent, left = wire.sent - before, FILES * FILE_BYTES - saved["bytes_resumed"]
    expect(sent <= left + PADDING_BYTES + SLACK_BYTES, f"it sent {sent} bytes, and {left} were left")
    home.run("restore", "latest", story.path("client-again"))
    expect_equal_trees(tree, story.path("client-again/client-tree"))
    before = wire.sent
    expect_equal(home.json("backup", tree)["bytes_resumed"], 0, "what the next one resumes")
    expect(wire.sent - before < SLACK_BYTES / 8, "and it sends nearly nothing")


def killed_everywhere(story, wire, home):
    step("kill -9 the client after the 1st, 2nd, 4th, ... KiB of a small backup, in either direction; each time the same command heals")
    tree = story.path("small")
    for number in range(30):
        put(f"{tree}/many/{number}", os.urandom(3000))
    put(f"{tree}/large", os.urandom(600_000))
    for round_number, limit in enumerate([{side: 1024 << shift} for shift in range(0, 10, 1 if not is_sanitized() else 3) for side in ("sent", "received")]):
        put(f"{tree}/changing", b"round %d" % round_number + os.urandom(100_000))
        wire.kill_command(home, "backup", tree, "--space", "small", **limit)
        home.run("backup", tree, "--space", "small")
    home.run("restore", "latest", story.path("small-again"), "--space", "small")
    expect_equal_trees(tree, story.path("small-again/small"))
    expect(home.json("check", "--read-data", "--space", "small")["whole"], "the space is whole")


def killed_restore(story, wire, home):
    step("kill -9 in the middle of a restore, and of the same command again, with and without --overwrite: the same command ends it")
    for options in ((), ("--overwrite",)):
        target = story.path("restored" + "".join(options))
        put(f"{target}/client-tree/mine", b"was here before")
        os.utime(f"{target}/client-tree", ns=(1, 1))
        for part in (2, 4):
            wire.hold_after(received=FILES * FILE_BYTES // part)
            running = home.start("restore", "latest", target, *options)
            expect(wire.wait_held(running), "the restore came to the point")
            running.kill()
            wire.cut()
        before = wire.received
        ended = home.json("restore", "latest", target, *options)
        expect(ended["already_there"]["files"] > 0, f"something was there: {ended}")
        left = ended["stats"]["bytes"]
        expect_equal(ended["already_there"]["files"] + ended["stats"]["files"], FILES, "all files")
        expect(wire.received - before <= left + PADDING_BYTES + SLACK_BYTES, f"it received {wire.received - before} bytes, and {left} were left")
        expect_equal(sorted(os.listdir(target)), ["client-tree"], "what is in the target")
        with open(f"{target}/client-tree/mine", "rb") as file:
            expect_equal(file.read(), b"was here before", "what was there")
        os.remove(f"{target}/client-tree/mine")
        again = home.json("restore", "latest", target, *options, "--verify")
        expect_equal((again["already_there"]["files"], again["stats"]["files"]), (FILES, 0), "all of it is there")
        shutil.copystat(story.path("client-tree"), f"{target}/client-tree")
        expect_equal_trees(story.path("client-tree"), os.path.join(target, "client-tree"))


def killed_sign_up(story, server, wire):
    step("kill -9 in the middle of a sign-up: the same command ends it")
    for number, kib in enumerate((1, 4, 6, 8, 12, 16, 24)):
        name = f"late-{number}"
        home = story.home(name, server, signed_up=False)
        line = ("signup", name, "--server", wire.link(server.link), "--no-passphrase")
        wire.kill_command(home, *line, sent=kib << 10)
        again = home.run(*line, "--json", code=(DONE, FAILED))
        expect(again.code == DONE or again.error["code"] == "AlreadyExists", f"the sign-up ends: {again}")
        expect_equal(home.json("whoami")["name"], name, "who it is")
        home.run("backup", story.path("small"))
        home.run("check")


def killed_server(story, server, wire, home):
    tree = make_large_tree(story, "server-tree", 200)
    step("kill -9 the server three times in the middle of a backup: the client goes on when it is back")
    running = home.start("backup", tree, "--json", "--patience", "100")
    for _ in range(3):
        wire.hold_after(sent=FILES * FILE_BYTES // 5)
        expect(wire.wait_held(running), "the backup came to the point")
        server.kill()
        wire.cut()
        server.start()
    saved = running.end(DONE).json
    expect_equal(saved["problems_count"], 0, "problems")
    home.run("restore", "latest", story.path("server-again"))
    expect_equal_trees(tree, story.path("server-again/server-tree"))


def gone_server(story, server, wire, home):
    tree = make_large_tree(story, "gone-tree", 300)
    step("a server that is gone for good: a clear end, with what is next")
    wire.hold_after(sent=IN_FLIGHT_BYTES + 16 * MIB)
    running = home.start("backup", tree, "--patience", "2")
    expect(wire.wait_held(running), "the backup came to the point")
    server.kill()
    wire.cut()
    ended = running.end(UNREACHABLE, seconds=60)
    expect("the same command goes on" in ended.error_text, f"what is next: {ended}")
    for line in (("backup", tree), ("restore", "latest", story.path("nothing")), ("check",), ("snapshots",), ("ls", "latest")):
        ended = home.run(*line, "--json", "--patience", "0", code=UNREACHABLE)
        expect_equal(ended.error["code"], "Unreachable", f"the code of {line}")
        expect(ended.error["next"], f"{line} tells what is next")
    status = home.json("status", "--patience", "0", code=UNREACHABLE)
    expect(not status["server_answers"], "status says that no server answers")
    home.run("whoami")

    step("when it is back, the same command goes on")
    server.start()
    before = wire.sent
    saved = home.json("backup", tree)
    expect(saved["bytes_resumed"] > 0, "something was there")
    sent, left = wire.sent - before, FILES * FILE_BYTES - saved["bytes_resumed"]
    expect(sent <= left + PADDING_BYTES + SLACK_BYTES, f"it sent {sent} bytes, and {left} were left")
    home.run("restore", "latest", story.path("gone-again"))
    expect_equal_trees(tree, story.path("gone-again/gone-tree"))


def main():
    with Story("kill") as story:
        server = story.server()
        home, wire = home_on_wire(story, "anna", server)
        home.run("space", "create", "small")
        killed_client(story, server, wire, home)
        killed_restore(story, wire, home)
        killed_everywhere(story, wire, home)
        killed_sign_up(story, server, wire)
        killed_server(story, server, wire, home)
        gone_server(story, server, wire, home)
        step("all is whole after all that")
        report = home.json("check", "--read-data")
        expect(report["whole"], f"check: {report}")
        expect_equal(home.json("status")["alarmed"], False, "alarms")
        wire.close()


main()
