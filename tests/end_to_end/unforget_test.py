"""What was forgotten comes back: before a prune, after it, with whatever else was saved meanwhile; and what can't come back says so."""

from cloud import FAILED, MIB, USAGE, Story, expect, expect_equal, step
from snapshots import expect_whole, restored, snapshot_ids, three_backups
from trees import expect_equal_trees
from wire import home_on_wire


def forgotten_ids(home):
    return [snapshot["id"] for snapshot in home.json("snapshots", "--forgotten")["forgotten"]]


def main():
    with Story("unforget") as story:
        server = story.server()
        home, wire = home_on_wire(story, "anna", server)
        tree, copies = three_backups(story, home)
        ids = snapshot_ids(home)
        expect_equal(forgotten_ids(home), [], "nothing is forgotten")

        step("before a prune: nothing has to be brought back but the list's entry")
        home.run("forget", ids[0])
        told = home.json("snapshots", "--forgotten")
        expect_equal([one["id"] for one in told["forgotten"]], ids[:1], "forgotten")
        expect_equal(told["forgotten"][0]["until"], None, "no prune has begun its grace")
        expect("until a prune" in home.run("snapshots", "--forgotten").text, "text says until when")
        back = home.json("unforget", ids[0][:8])
        expect_equal([one["id"] for one in back["brought_back"]], ids[:1], "brought back")
        expect_equal(back["packs_brought_back"], 0, "packs")
        expect_equal(snapshot_ids(home), ids, "in its place")
        again = home.json("unforget", ids[0])
        expect_equal((again["brought_back"], [one["id"] for one in again["not_forgotten"]]), ([], ids[:1]), "repeated")

        step("after a prune, and a backup more: two of them with all that was retired")
        home.run("forget", ids[0], ids[1])
        pruned = home.json("prune")
        expect(pruned["packs_dead"] + pruned["packs_repacked"] > 0, f"the prune has retired something: {pruned}")
        story.random_file(f"{tree}/after", 3 * MIB, 4711)
        home.run("backup", tree)
        told = home.json("snapshots", "--forgotten")["forgotten"]
        expect(all(one["until"] for one in told) and len(told) == 2, f"each has its end: {told}")
        dry = home.json("unforget", *ids[:2], "--dry-run")
        expect(dry["packs_brought_back"] > 0 and len(dry["brought_back"]) == 2, f"dry run: {dry}")
        expect_equal(len(snapshot_ids(home)), 2, "after a dry run")
        home.run("prune")  # has nothing to do, and one more past to look through

        step("killed on the way, it has done all or nothing")
        for limit in range(9, 16):
            wire.kill_command(home, "unforget", ids[0], sent=1 << limit)
            expect(snapshot_ids(home)[:-1] in (ids[2:], ids[:1] + ids[2:]), "it came back, or did not")
            expect_whole(home)
        home.run("unforget", *ids[:2])
        expect_equal(snapshot_ids(home)[:3], ids, "all three")
        expect_whole(home)
        for number, copy in enumerate(copies):
            expect_equal_trees(copy, restored(story, home, ids[number], f"back-{number}"))

        step("what is back is needed: prunes and backups go on from it")
        done = home.json("prune")
        expect_equal(done["packs_dead"], 0, "nothing of it is dead")
        home.run("backup", tree)
        expect_whole(home)
        expect_equal_trees(copies[0], restored(story, home, ids[0], "at last"))

        step("what can't be meant is said")
        expect("no snapshot of this id was forgotten" in home.json("unforget", "00000000", code=FAILED)["error"]["sentence"], "unknown")
        home.run("unforget", "latest", code=USAGE)
        home.run("unforget", ids[0][:3], code=USAGE)

        wire.close()


main()
