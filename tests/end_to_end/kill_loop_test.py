"""kill -9 again and again, of client, server or both, at any point of backup, prune and restore: the same command ends it each time, and in the
end all that was acknowledged is there bit for bit.

HOLDFAST_ROUNDS=1000 HOLDFAST_SEED=7 plays more of it, and another one.
"""

import os
import random
import shutil
import time

from cloud import DONE, Story, expect, expect_equal, is_sanitized, step
from trees import expect_equal_trees, put
from wire import home_on_wire

ROUNDS = int(os.environ.get("HOLDFAST_ROUNDS", "50"))
SECONDS_MAX = 60 if is_sanitized() and "HOLDFAST_ROUNDS" not in os.environ else float("inf")
KEPT = 4
DRAW = random.Random(int(os.environ.get("HOLDFAST_SEED", "4711")))


class Loop:
    def __init__(self, story):
        self.story = story
        self.server = story.server()
        self.home, self.wire = home_on_wire(story, "anna", self.server)
        self.tree = story.path("tree")
        self.promised = {}  # a snapshot's id: a copy of the tree that it must be
        self.kills = {}
        for number in range(8):
            self.write(number)
        self.keep(self.home.json("backup", self.tree))

    def write(self, number):
        self.story.random_file(f"{self.tree}/folder-{number % 3}/file-{number}", DRAW.choice((300, 20_000, 200_000, 900_000)), DRAW.random())

    def keep(self, saved):
        number = saved["snapshot"]["id"]
        self.promised[number] = self.story.path("copies", number)
        shutil.copytree(self.tree, self.promised[number], symlinks=True)

    def kill_at(self, *line):
        """Kills somebody when a number of bytes has passed. What the command said, if it lived to say it."""
        victim, side = DRAW.choice(("client", "server", "both")), DRAW.choice(("sent", "received"))
        self.wire.hold_after(**{side: int(2 ** DRAW.uniform(7, 21))})
        running = self.home.start(*line, "--json")
        if not self.wire.wait_held(running):
            self.wire.release()
            return running.end(DONE).json
        if victim != "client":
            self.server.kill()
        if victim != "server":
            running.kill()
        self.wire.cut()
        if victim != "client":
            self.server.start()
        self.kills[line[0], victim] = self.kills.get((line[0], victim), 0) + 1
        return running.end(DONE).json if victim == "server" else None

    def backup(self):
        for _ in range(DRAW.randrange(1, 4)):
            self.write(DRAW.randrange(8))
        put(f"{self.tree}/small", os.urandom(DRAW.randrange(5000)))
        self.keep(self.kill_at("backup", self.tree) or self.home.json("backup", self.tree))

    def prune(self):
        gone = self.home.json("forget", "--keep-last", str(KEPT))["forgotten"]
        for one in gone:
            if copy := self.promised.pop(one["id"], None):
                shutil.rmtree(copy)
        _ = self.kill_at("prune") or self.home.json("prune")

    def restore(self):
        number, copy = DRAW.choice(list(self.promised.items()))
        target = self.story.path("restored")
        shutil.rmtree(target, ignore_errors=True)
        _ = self.kill_at("restore", number, target) or self.home.json("restore", number, target)
        expect_equal_trees(copy, os.path.join(target, "tree"))

    def expect_all(self):
        report = self.home.json("check", "--read-data")
        expect(report["whole"], f"check: {report['findings'][:5]}")
        for number, copy in self.promised.items():
            target = self.story.path("all", number)
            self.home.run("restore", number, target, "--verify")
            expect_equal_trees(copy, os.path.join(target, "tree"))
            shutil.rmtree(target)
        expect_equal(self.home.json("status")["alarmed"], False, "alarms")


def main():
    with Story("kill-loop") as story:
        step(f"up to {ROUNDS} rounds")
        loop = Loop(story)
        began, played = time.monotonic(), 0
        while played < ROUNDS and time.monotonic() - began < SECONDS_MAX:
            DRAW.choice((loop.backup, loop.backup, loop.prune, loop.restore))()
            played += 1
            if played % 100 == 0:
                loop.expect_all()
                step(f"{played} rounds, all is whole: {sum(loop.kills.values())} kills")
        told = ", ".join(f"{verb}/{victim} {count}" for (verb, victim), count in sorted(loop.kills.items()))
        step(f"{played} rounds, killed: {told}")
        expect(sum(loop.kills.values()) >= played // 3, "most rounds came to their kill")
        loop.expect_all()
        loop.wire.close()


main()
