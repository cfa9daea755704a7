"""A server that is put back from an older copy, an object that its disk loses, a home that is put back from an older copy: each is said
plainly, and what anybody still has is whole again afterwards.
"""

import os
import shutil
import sqlite3

from cloud import ALARM, DONE, MIB, Story, expect, expect_equal, step
from trees import expect_equal_trees, put
from wire import home_on_wire


def plant(story, name, seed):
    tree = story.path(name)
    story.random_file(f"{tree}/large", 2 * MIB, seed)
    for number in range(5):
        put(f"{tree}/small-{number}", f"{name} {number} ".encode() * 500)
    return tree


def replace(folder, copy):
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)


def put_back(server, copy):
    server.stop()
    replace(server.data, copy)
    server.start()


def copy_of_running(server, copy, between):
    """As OPERATE writes it: the database first, then the objects; `between` happens in between."""
    shutil.copytree(server.data, copy, ignore=shutil.ignore_patterns("objects", "meta.db*"))
    source, target = sqlite3.connect(os.path.join(server.data, "meta", "meta.db")), sqlite3.connect(os.path.join(copy, "meta", "meta.db"))
    with target:
        source.backup(target)
    source.close()
    target.close()
    between()
    shutil.copytree(os.path.join(server.data, "objects"), os.path.join(copy, "objects"))


def expect_refused(home, words, *line):
    ended = home.run(*line, "--json", code=ALARM)
    expect_equal(ended.error["code"], "RolledBack", f"the code of {line[0]}")
    expect(words in ended.error["sentence"], f"{line[0]} says what is lost: {ended}")
    shown = home.run(*line, code=ALARM).error_text
    expect("holdfast heal" in shown and words in shown, f"people read it: {shown}")


def expect_whole(story, home, trees, target):
    report = home.json("check", "--read-data")
    expect(report["whole"], f"all is whole: {report['findings']}")
    for number, (snapshot, tree) in enumerate(trees):
        folder = story.path(f"{target}-{number}")
        home.run("restore", snapshot, folder, "--verify")
        expect_equal_trees(tree, os.path.join(folder, os.path.basename(tree)))


def backup(home, tree):
    return home.json("backup", tree)["snapshot"]["id"]


def lost_of(healed, name):
    return next(space["entries_lost"] for space in healed["spaces"] if space["name"] == name)


def cleanly_stopped(story, server, home):
    step("the data folder is copied, two more backups and another sign-up are made, and the copy is put back: every command says what is lost")
    trees = [(backup(home, tree), tree) for tree in [plant(story, "first", 1)]]
    copy = story.path("copy")
    server.stop()
    shutil.copytree(server.data, copy)
    server.start()
    later = [plant(story, "second", 2), plant(story, "third", 3)]
    trees += [(backup(home, tree), tree) for tree in later]
    other, theirs = story.home("bert", server), plant(story, "theirs", 4)
    before = [(backup(other, theirs), theirs)]
    put_back(server, copy)
    for line in (("backup", later[0]), ("snapshots",), ("check",)):
        expect_refused(home, "the server has lost the last 2 entries", *line)
    expect("lost the last 2 entries" in home.run("status", code=ALARM).text and home.json("status", code=ALARM)["alarmed"], "status tells it, too")
    expect_refused(other, "does not know a space", "backup", theirs)

    step("heal gives the log back, names the packs that are not there, and stays in status")
    healed = home.json("heal", code=ALARM)
    expect_equal(lost_of(healed, "backups"), 2, "entries that were lost")
    missing = sum(space["packs_missing"] for space in healed["spaces"])
    expect(missing >= 2 and not healed["all_is_there"] and not healed["account_made"], f"what is missing is told: {healed}")
    events = home.json("status")["events"]
    expect(len(events) == 1 and events[0]["kind"] == "server_lost_entries" and events[0]["done"], f"it stays visible: {events}")
    expect("had lost entries" in home.run("status").text, "people read it")
    shown = home.run("heal", code=ALARM).text
    expect("holdfast check" in shown and "back the same paths up" in shown, f"what is next: {shown}")
    expect(not home.json("check", code=ALARM)["whole"], "check names what is not there")

    step("the next backups send what the disk has: all is whole, and all snapshots restore")
    for tree in later:
        saved = home.json("backup", tree)
        expect(saved["packs_lost"] > 0 or tree != later[0], f"it is said: {saved}")
    expect_whole(story, home, trees, "clean")
    expect(home.json("heal")["nothing_was_lost"], "nothing is left to heal")

    step("the other account, of which the server knew nothing, is made again")
    healed = other.json("heal", code=ALARM)
    expect(healed["account_made"] and all(space["space_lost"] for space in healed["spaces"]), f"all of it was lost: {healed}")
    other.run("backup", theirs)
    expect_whole(story, other, before, "others")


def while_running(story, server, home, wire):
    step("the same of a copy that was made in the middle of a backup, its objects later than its database")
    tree, copy = plant(story, "running", 5), story.path("running copy")
    wire.hold_after(sent=MIB)
    running = home.start("backup", tree, "--json")
    expect(wire.wait_held(running), "the backup came to the point")

    def go_on():
        wire.release()
        running.end(DONE)

    copy_of_running(server, copy, go_on)
    trees = [(running_id, tree) for running_id in [home.json("snapshots")["snapshots"][-1]["id"]]]
    later = plant(story, "after running", 6)
    trees.append((backup(home, later), later))
    put_back(server, copy)
    wire.cut()
    expect_refused(home, "the server has lost the last 2 entries", "backup", tree)
    expect_equal(lost_of(home.json("heal", code=ALARM), "backups"), 2, "entries that were lost")
    for one in (tree, later):
        home.run("backup", one)
    expect_whole(story, home, trees, "running")


def lost_objects(story, server, home):
    step("objects vanish from the store one after the other, packs and index: check names each, and the next backup makes it good")
    tree = plant(story, "objects", 7)
    before = set(server.objects())
    trees = [(backup(home, tree), tree)]
    new = [path for path in server.objects() if path not in before]
    expect(len(new) >= 3, f"data, tree and index: {new}")
    for path in new:
        if not os.path.exists(path):
            continue  # retired since, and freed
        os.unlink(path)
        found = home.json("check", "--read-data", code=(DONE, ALARM))
        if found["whole"]:
            continue  # it was replaced by what an earlier round sent
        expect(found["findings"], "it is named")
        home.run("backup", tree)
        expect_whole(story, home, trees, f"objects-{new.index(path)}")


def older_home(story, server, home):
    step("the home is put back from an older copy: said once, and nothing is lost")
    tree, copy = plant(story, "device", 8), story.path("home copy")
    trees = [(backup(home, tree), tree)]
    shutil.copytree(home.path, copy, ignore=shutil.ignore_patterns("control"))
    later = plant(story, "device later", 9)
    trees.append((backup(home, later), later))
    replace(home.path, copy)
    told = home.run("snapshots", code=ALARM)
    expect("older copy" in told.error_text and "2" in told.text, f"it is told: {told}")
    expect_equal(home.run("snapshots").error_text, "", "once")
    events = home.json("status")["events"]
    expect_equal(events[-1]["kind"], "device_is_older", "and it stays in status")
    trees.append((backup(home, later), later))
    expect_whole(story, home, trees, "device")


def main():
    with Story("heal") as story:
        server = story.server()
        home, wire = home_on_wire(story, "anna", server)
        cleanly_stopped(story, server, home)
        while_running(story, server, home, wire)
        lost_objects(story, server, home)
        older_home(story, server, home)
        wire.close()


main()
