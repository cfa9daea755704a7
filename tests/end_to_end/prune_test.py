"""Forget and prune with real processes: what is needed stays bit for bit, what is not is freed after the grace, wherever it is killed."""

import os
import shutil

from cloud import ALARM, DONE, FAILED, MIB, USAGE, Home, Story, expect, expect_equal, is_sanitized, step
from snapshots import expect_whole, restored, snapshot_ids, three_backups
from trees import expect_equal_trees, put
from wire import home_on_wire


def what_was_healed_is_kept(story):
    step("one home sees damage and sends the content again; a prune by another, which does not know, keeps the good copy")
    server = story.server("server of two")
    knows = story.home("bert", server)
    tree = story.path("healed")
    for number in range(6):  # so that what is sent again is no reason to merge
        story.random_file(f"{tree}/large {number}", 12 * MIB, number)
    knows.run("backup", tree)
    other = Home(story, story.path("other home"))
    shutil.copytree(knows.path, other.path, symlinks=True)
    largest = max(server.objects().items(), key=lambda item: item[1])[0]
    with open(largest, "r+b") as file:
        file.seek(5 * MIB)
        byte = file.read(1)[0]
        file.seek(5 * MIB)
        file.write(bytes([byte ^ 1]))
    knows.run("check", "--read-data", code=ALARM)
    put(f"{tree}/new", b"a reason for a commit")
    expect(knows.json("backup", tree)["packs_lost"] > 0, "the damaged pack is known")
    expect_readable(knows, "before the prune")
    told = other.run("prune", code=ALARM)
    expect("older copy" in told.error_text, f"two copies of one home are told of: {told}")
    knows.run("snapshots", code=ALARM)
    expect_readable(knows, "after the prune")
    knows.run("restore", "latest", story.path("healed again"), "--verify")
    expect_equal_trees(tree, story.path("healed again/healed"))


def a_lost_old_version_is_given_up_on_request_only(story):
    step("the server loses the nodes of an old version of what stands in a space: a prune stops, and goes on when it is told to")
    server = story.server("server that loses")
    home = story.home("cleo", server)
    folder = story.path("many")
    for number in range(2500):  # their nodes are too many to stand in the commit
        put(f"{folder}/file {number}", f"{number}".encode())
    before = set(server.objects())
    home.run("space", "create", "docs")
    home.run("put", folder, "docs:")
    home.run("rm", "docs:many", "--recursive")
    put(f"{folder}/another", b"stands")
    home.run("put", f"{folder}/another", "docs:")
    for path in sorted(set(server.objects()) - before):  # which of them holds nodes, nobody but the home can tell
        os.rename(path, f"{path}.away")
        refused = home.json("prune", "--space", "docs", "--dry-run", code=None)
        if "error" in refused:
            break
        os.rename(f"{path}.away", path)
    expect("version" in refused["error"]["object"] and "--give-up-lost --space docs" in refused["error"]["next"], f"what it says: {refused}")
    found = home.json("check", "--space", "docs", "--read-data", code=ALARM)["findings"]
    expect(any(path.startswith("version ") for finding in found for path in finding["paths"]), f"what check says: {found}")
    done = home.json("prune", "--space", "docs", "--give-up-lost", code=ALARM)
    expect(done["versions_lost"] > 0 and done["packs_dead"] > 0, f"what was freed: {done}")
    home.run("get", "docs:another", story.path("got"))


def expect_readable(home, when):
    """Every file of the newest snapshot can be read, whatever else is damaged."""
    target = home.story.path("read " + when)
    home.run("restore", "latest", target, code=DONE)


def main():
    with Story("prune") as story:
        what_was_healed_is_kept(story)
        a_lost_old_version_is_given_up_on_request_only(story)
        server = story.server()
        home, wire = home_on_wire(story, "anna", server)

        step("three snapshots; nothing is dead yet")
        tree, copies = three_backups(story, home)
        ids = snapshot_ids(home)
        before = server.bytes_stored()
        dry = home.json("prune", "--dry-run")
        expect_equal(dry["snapshots"], 3, "snapshots")
        expect_equal(dry["packs_dead"], 0, "dead packs")

        step("rules: a dry run tells, a real one forgets, a prune alone never does")
        home.run("forget", code=USAGE)
        home.run("forget", ids[0], "--keep-last", "1", code=USAGE)
        told = home.json("forget", "--keep-last", "1", "--dry-run")
        expect_equal([one["id"] for one in told["forgotten"]], ids[:2], "what would go")
        expect_equal(snapshot_ids(home), ids, "after a dry run")
        home.json("forget", ids[0])
        expect_equal(snapshot_ids(home), ids[1:], "after forgetting one")

        step("a dry run of prune tells and changes nothing")
        dry = home.json("prune", "--dry-run")
        expect(dry["packs_dead"] + dry["packs_repacked"] > 0 and dry["commits"] == 0, f"dry run: {dry}")
        expect_whole(home)

        step("prune is killed at many points; the same command ends it, and everything is whole after each")
        for limit in [{side: 256 << shift} for shift in range(0, 14, 1 if not is_sanitized() else 3) for side in ("sent", "received")]:
            wire.kill_command(home, "prune", **limit)
        done = home.json("prune")
        again = home.json("prune")
        expect_equal(again["packs_dead"] + again["packs_repacked"], 0, f"a second one has nothing to do after {done}")
        expect_whole(home)
        expect_equal_trees(copies[1], restored(story, home, ids[1], "second"))
        expect_equal_trees(copies[2], restored(story, home, ids[2], "third"))

        step("the next backups know what is gone")
        home.run("forget", "--keep-last", "1")
        home.run("prune", "--max-repack", "1M")
        home.run("prune")
        os.system(f"cp -a '{copies[0]}/.' '{tree}/'")
        home.run("backup", tree)
        expect_equal_trees(tree, restored(story, home, "latest", "back"))
        expect_whole(home)

        step("a backup and a prune at once")
        home.run("forget", "--keep-last", "1")
        story.random_file(f"{tree}/new", 24 * MIB, 77)
        wire.hold_after(sent=8 * MIB)
        backing_up = home.start("backup", tree)
        expect(wire.wait_held(backing_up), "the backup came to the point")
        pruning = home.start("prune")
        wire.cut()
        pruning.end(DONE)
        backing_up.end(DONE)
        expect_equal_trees(tree, restored(story, home, "latest", "both"))
        expect_whole(home)

        step("every version of what stands in a space is kept")
        note = story.path("note")
        versions = []
        for number in range(3):
            put(note, os.urandom(200_000))
            home.run("put", note, "backups:")
            with open(note, "rb") as file:
                versions.append(file.read())
        home.run("rm", "backups:note")
        home.run("prune")
        told = [one["seq"] for one in home.json("history", "backups:note")["versions"]]
        for number, content in zip(told, versions):
            home.run("get", "backups:note", story.path(f"got-{number}"), "--version", str(number))
            with open(story.path(f"got-{number}", "note"), "rb") as file:
                expect(file.read() == content, f"version {number} is as it was")

        step("all is forgotten and pruned; what was needed is freed when the grace is over")
        home.run("forget", *snapshot_ids(home))
        home.run("prune")
        expect_equal(home.json("status")["spaces"][0]["snapshots"], 0, "snapshots")
        expect(server.bytes_stored() > before / 2, "within the grace nothing is freed")
        wire.close()


main()
