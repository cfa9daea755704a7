"""What the server stores is changed behind its back: sampled bytes of every object and of every commit are flipped, objects vanish, shrink
and change places, and the database becomes an older one. It is noticed and named, what is not touched is restored, and when all is put
back, all is whole. The device takes no harm.
"""

import os
import random
import shutil
import sqlite3

from cloud import ALARM, DONE, FAILED, UNREACHABLE, Story, expect, expect_equal, files_below, is_sanitized, step
from trees import expect_equal_trees, put, same_bytes, walk

SPACE = "watched"
HEADER = (0, 2, 3, 4, 19, 20, 35, 36, 67, 68, 99)  # around the borders of a pack's fields
DRAW = random.Random(4711)


class Store:
    """The server's objects and log entries by their ids, as its database tells; retired objects, which nobody needs, are left out."""

    def __init__(self, server):
        self.server = server
        self.database = os.path.join(server.data, "meta", "meta.db")

    def rows(self, prefix):
        with sqlite3.connect(self.database) as connection:
            found = connection.execute("SELECT key, value FROM entries WHERE key >= ? AND key < ?", (prefix, prefix[:-1] + bytes([prefix[-1] + 1])))
            rows = dict(found.fetchall())
        connection.close()
        return rows

    def set_row(self, key, value):
        connection = sqlite3.connect(self.database)
        with connection:
            expect_equal(connection.execute("UPDATE entries SET value = ? WHERE key = ?", (value, key)).rowcount, 1, "rows that were changed")
        connection.close()

    def objects(self):
        """{the object's id: its path}"""
        paths = {os.path.basename(path): path for path in self.server.objects()}
        retired = {key[2:] for key in self.rows(b"r/")}
        return {key[-16:].hex(): paths[row[18:34].hex()] for key, row in self.rows(b"o/").items() if key[2:] not in retired}


def flip(path, offset, bit):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))


def samples(size, count):
    """Offsets: the ends, the borders that are known, and any."""
    fixed = [size - 1, size // 2, *HEADER, size - 24, size - 25, size - 2]
    fixed = [offset for offset in fixed if 0 <= offset < size][:count]
    return fixed + [DRAW.randrange(size) for _ in range(count - len(fixed))]


def check(home, code):
    return home.json("check", "--read-data", "--space", SPACE, code=code)


def expect_named(report, objects, what):
    text = " ".join(finding["object"] for finding in report["findings"])
    missed = [name for name in objects if name[:8] not in text]
    expect(not missed, f"{what}: objects {missed} are named: {text}")


def plant(story):
    tree = story.path("tree")
    for folder in range(3):
        for number in range(8):
            story.random_file(f"{tree}/folder-{folder}/file-{number}", 30_000, 10 * folder + number)
    story.random_file(f"{tree}/large", 2_500_000, 99)
    put(f"{tree}/marked", b"attributes")
    os.setxattr(f"{tree}/marked", "user.large", random.Random(1).randbytes(3000))
    return tree


def flipped_bytes(home, store):
    objects = store.objects()
    rounds = 32 if not is_sanitized() else 8
    step(f"flip a bit of each of {len(objects)} objects, {rounds} times another: `check --read-data` names all of them")
    expect(len(objects) >= 7, f"there are data, trees, index and keys: {objects}")
    offsets = {name: samples(os.path.getsize(path), rounds) for name, path in objects.items()}
    for number in range(rounds):
        flips = [(path, offsets[name][number], DRAW.randrange(8)) for name, path in objects.items()]
        for one in flips:
            flip(*one)
        expect_named(check(home, ALARM), objects, f"flipped at {[(path[-8:], offset, bit) for path, offset, bit in flips]}")
        for one in flips:
            flip(*one)
    expect(check(home, DONE)["whole"], "flipped back, all is whole")


def expect_restored_but(tree, target, missing):
    """Every file is in the target as it was, or it is below one of the paths that were named, and nothing of it is there."""
    for path, status in walk(tree).items():
        if not os.path.isfile(os.path.join(os.fsencode(tree), path)):
            continue
        name = "tree/" + os.fsdecode(path)
        there = os.path.join(os.fsencode(target), os.fsencode(name))
        if any(name == one or name.startswith(one + "/") for one in missing):
            expect(not os.path.lexists(there), f"nothing of {name} is written")
        else:
            expect(os.path.lexists(there), f"{name}, which was not named, is restored; named were {missing}")
            expect(os.lstat(there).st_size == status.st_size and same_bytes(there, os.path.join(os.fsencode(tree), path)), f"{name} is what it was")


def the_rest_restores(story, home, store, tree):
    step("one flipped block: check and restore name the same paths, and the rest restores")
    latest = home.json("snapshots", "--space", SPACE)["snapshots"][-1]["id"][:8]
    harmed = 0
    for number, (name, path) in enumerate(sorted(store.objects().items(), key=lambda one: -os.path.getsize(one[1]))):
        at, bit = 4000 if os.path.getsize(path) < 1_000_000 else DRAW.randrange(200, 2_400_000), 3
        at = min(at, os.path.getsize(path) - 1)
        flip(path, at, bit)
        found = check(home, ALARM)
        expect(all(finding["paths_count"] == len(finding["paths"]) for finding in found["findings"]), "all paths are told")
        named = {one.split(":", 1)[1] for finding in found["findings"] for one in finding["paths"] if one.startswith(latest)}
        target = story.path(f"rest-{number}")
        ended = home.run("restore", "latest", target, "--json", "--space", SPACE, code=(DONE, ALARM))
        if ended.code == ALARM and "error" in ended.json:
            expect(ended.error["code"] == "Tampered" and named, f"the tree's root is gone: {ended}")
        else:
            problems = {problem["path"] for problem in ended.json["problems"]}
            expect_equal(problems, named, f"what restore names when {name} is flipped at {at}, and what check named")
            expect_equal(ended.code, ALARM if named else DONE, "restore's exit code")
            expect_restored_but(tree, target, problems)
            harmed += bool(problems)
            if problems:
                shown = home.run("restore", "latest", target + "-text", "--space", SPACE, code=ALARM).text
                told = sum(problem in shown for problem in problems)
                expect(told >= min(len(problems), 20) and "holdfast check --read-data" in shown, f"people read it: {shown}")
        flip(path, at, bit)
    expect(harmed >= 2, f"some flips touched files: {harmed}")
    home.run("restore", "latest", story.path("whole"), "--space", SPACE, "--verify")
    expect_equal_trees(tree, story.path("whole/tree"))


def sent_again(story, home, store):
    step("packs that are gone, cut or damaged: a backup of the same paths sends again what they held, and all snapshots restore")
    before, space = set(store.objects()), "mended"
    tree, originals = story.path("mended"), []
    home.run("space", "create", space)
    for number in range(3):
        story.random_file(f"{tree}/{number}/large", 3_000_000 - number * 500_000, 20 + number)
        for small in range(5):
            put(f"{tree}/{number}/small-{small}", f"{number} {small} ".encode() * 2000)
        snapshot = home.json("backup", tree, "--space", space)["snapshot"]["id"]
        originals.append((snapshot, story.path(f"original-{number}")))
        home.run("restore", snapshot, originals[-1][1], "--space", space)
    by_size = sorted((path for name, path in store.objects().items() if name not in before), key=os.path.getsize)
    for number, harm in enumerate((os.unlink, lambda path: os.truncate(path, 5000), lambda path: flip(path, 4000, 2))):
        harm(by_size[-1 - number])
        found = home.json("check", "--space", space, code=ALARM if number < 2 else DONE)["findings"]
        expect_equal(any(finding["paths_count"] > 0 for finding in found), number < 2, f"the server tells what it has not: {found}")
        home.run("check", "--space", space, "--read-data", code=ALARM)
        saved = home.json("backup", tree, "--space", space)
        expect(saved["packs_lost"] > number and saved["bytes_stored"] > 1_000_000, f"it is sent again: {saved}")
        home.run("check", "--space", space)
        for snapshot, original in originals:
            target = f"{original}-{number}"
            home.run("restore", snapshot, target, "--space", space, "--verify")
            expect_equal_trees(f"{original}/mended", f"{target}/mended")
        expect_equal(home.json("backup", tree, "--space", space)["bytes_stored"], 0, "and not twice")


def changed_as_a_whole(story, home, store):
    objects = store.objects()
    kept = story.path("kept")

    def changed(what, change, is_harmful=True):
        step(f"objects are {what}: all are named")
        shutil.copytree(os.path.join(store.server.data, "objects"), kept, dirs_exist_ok=True)
        change()
        expect_named(check(home, ALARM), objects, what)
        target = story.path(f"target-{what}")
        ended = home.run("restore", "latest", target, "--json", "--space", SPACE, code=ALARM if is_harmful else DONE)
        expect(not is_harmful or "error" in ended.json or ended.json["problems"], f"restore tells: {ended}")
        for path in objects.values():
            shutil.copyfile(os.path.join(kept, os.path.relpath(path, os.path.join(store.server.data, "objects"))), path)
        expect(check(home, DONE)["whole"], "put back, all is whole")

    def each(change):
        for path in objects.values():
            change(path)

    def swap():
        sizes = {}
        for path in objects.values():
            sizes.setdefault(os.path.getsize(path), []).append(path)
        contents = {}
        for paths in sizes.values():
            for path, other in zip(paths, paths[1:] + [next(one for one in objects.values() if one not in paths)] if len(paths) == 1 else paths[1:] + paths[:1]):
                with open(other, "rb") as file:
                    contents[path] = file.read()
        for path, content in contents.items():
            put(path, content, 0o600)

    changed("deleted", lambda: each(os.remove))
    changed("shortened by a byte", lambda: each(lambda path: os.truncate(path, os.path.getsize(path) - 1)), is_harmful=False)
    changed("emptied", lambda: each(lambda path: os.truncate(path, 0)))
    changed("exchanged for others", swap)


def lost_index(story, home, store):
    step("the device's index cache is gone, and the server's index is damaged: refused; put back, it is fetched")
    index = os.path.join(home.path, "index")
    names = [name for name, path in store.objects().items() if os.path.getsize(path) == 65536]
    paths = [store.objects()[name] for name in names]
    expect(files_below(index), "there was a cache")
    shutil.rmtree(index)
    for path in paths:
        flip(path, 1000, 0)
    ended = home.run("restore", "latest", story.path("never-index"), "--json", "--space", SPACE, code=ALARM)
    expect_equal(ended.error["code"], "Tampered", "the code")
    for path in paths:
        flip(path, 1000, 0)
    expect(check(home, DONE)["whole"], "fetched again, all is whole")


def flipped_entries(story, home, early, store):
    step("flip bits of every entry of the logs: `check --read-data` notices, and a device that reads them for the first time")
    entries = store.rows(b"e/")
    groups = [key[2:34] for key in entries]
    watched = max(groups, key=groups.count)
    number = 0
    for key, value in entries.items():
        seq = int.from_bytes(key[-8:], "big")
        for offset in (0, len(value) - 1, *(DRAW.randrange(len(value)) for _ in range(4 if not is_sanitized() else 1))):
            damaged = bytearray(value)
            damaged[offset] ^= 1 << DRAW.randrange(8)
            store.set_row(key, bytes(damaged))
            where = f"flipped byte {offset} of {len(value)} of entry {key[2:6].hex()}/{seq}"
            codes = (FAILED, ALARM, UNREACHABLE)  # unreachable: the server can't read its own row
            ended = home.run("check", "--read-data", "--space", SPACE, "--json", "--patience", "0", code=(DONE, *codes))
            expect(ended.code in codes, f"{where} is noticed: {ended}")
            if key[2:34] == watched and seq > 1:
                number += 1
                copy = story.home(f"early-{number}", store.server, signed_up=False)
                shutil.copytree(early, copy.path)
                ended = copy.run("snapshots", "--space", SPACE, "--json", "--patience", "0", code=(DONE, *codes))
                expect(ended.code in codes, f"{where} is noticed by who has not seen it: {ended}")
                shutil.rmtree(copy.path)
            store.set_row(key, value)
    expect(len(entries) >= 7 and number >= 9, f"there are entries: {len(entries)}, {number}")
    expect(check(home, DONE)["whole"], "put back, all is whole")


def older_database(story, home, early, server, tree, older):
    def replace(source):
        server.stop()
        shutil.rmtree(os.path.join(server.data, "meta"))
        shutil.copytree(source, os.path.join(server.data, "meta"))
        server.start()

    step("the server's database is an older one: RolledBack, and nothing is written or accepted")
    newer = story.path("newer")
    server.stop()
    shutil.copytree(os.path.join(server.data, "meta"), newer)
    server.start()
    replace(older)
    lines = (("backup", tree, "--space", SPACE), ("check", "--space", SPACE), ("restore", "latest", story.path("never"), "--space", SPACE),
             ("snapshots", "--space", SPACE), ("ls", "latest", "--space", SPACE))
    for line in lines:
        ended = home.run(*line, "--json", code=ALARM)
        expect_equal(ended.error["code"], "RolledBack", f"the code of {line[0]}")
        expect(ended.error["next"], f"{line[0]} tells what is next")
    expect(home.json("status", code=ALARM)["alarmed"], "status has an alarm")
    expect(not os.path.lexists(story.path("never")) or os.listdir(story.path("never")) == [], "nothing was restored")

    step("and then it goes another way: Forked")
    other = story.home("early-forks", server, signed_up=False)
    shutil.copytree(early, other.path)
    for number in range(4):
        put(story.path("fork", "file"), b"%d" % number)
        ended = other.run("backup", story.path("fork"), "--space", SPACE, code=DONE if number > 0 else ALARM)
        expect_equal("older copy" in ended.error_text, number == 0, f"an older copy of a home is told once: {ended}")
    for line in lines:
        expect_equal(home.run(*line, "--json", code=ALARM).error["code"], "Forked", f"the code of {line[0]}")

    step("the newer database comes back: all goes on")
    replace(newer)
    expect(check(home, DONE)["whole"], "all is whole")
    put(f"{tree}/after all", b"that")
    home.run("backup", tree, "--space", SPACE)
    home.run("restore", "latest", story.path("after"), "--space", SPACE)
    expect_equal_trees(tree, story.path("after/tree"))
    expect(not home.json("status")["alarmed"], "no alarm stays")


def main():
    with Story("tamper") as story:
        server = story.server()
        home = story.home("anna", server)
        home.run("space", "create", SPACE)
        early, older = story.path("early"), story.path("older")
        tree = plant(story)
        shutil.copytree(home.path, early)
        home.run("backup", tree, "--space", SPACE)
        server.stop()
        shutil.copytree(os.path.join(server.data, "meta"), older)
        server.start()
        story.random_file(f"{tree}/folder-1/second backup", 200_000, 7)
        home.run("backup", tree, "--space", SPACE)
        put(f"{tree}/folder-2/third backup", b"small")
        home.run("backup", tree, "--space", SPACE)

        store = Store(server)
        flipped_bytes(home, store)
        the_rest_restores(story, home, store, tree)
        changed_as_a_whole(story, home, store)
        lost_index(story, home, store)
        flipped_entries(story, home, early, store)
        older_database(story, home, early, server, tree, older)
        sent_again(story, home, store)


main()
