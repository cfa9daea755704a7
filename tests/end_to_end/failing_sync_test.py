"""fsync and fdatasync that fail, here and on the server: an error that says what to do, nothing that was acknowledged is lost, and with a disk
that works again the same command ends it. By strace, which lets the calls fail.
"""

import os
import shutil
import signal
import subprocess
import sys

from cloud import DONE, FAILED, UNREACHABLE, Story, expect, expect_equal, is_sanitized, step, wait_until
from trees import expect_equal_trees, put

SYNCS = "fsync,fdatasync"
NO_LEAKS = {"ASAN_OPTIONS": "detect_leaks=0"}  # which ptrace does not let it look for


def failing(when):
    return ("-f", "-qq", "-e", "signal=none", "-e", f"trace={SYNCS}", "-e", f"inject={SYNCS}:error=EIO:when={when}")


class Cloud:
    def __init__(self, story):
        self.story, self.server = story, story.server(environment=NO_LEAKS)
        self.home = story.home("anna", self.server)
        self.tree, self.promised = story.path("tree"), {}
        self.change()
        self.keep(self.home.json("backup", self.tree))

    def change(self):
        put(f"{self.tree}/small", os.urandom(3000))
        put(f"{self.tree}/large", os.urandom(300_000))

    def keep(self, saved):
        number = saved["snapshot"]["id"]
        self.promised[number] = self.story.path("copies", number)
        shutil.copytree(self.tree, self.promised[number])

    def expect_all(self):
        report = self.home.json("check", "--read-data")
        expect(report["whole"], f"check: {report['findings'][:5]}")
        there = {one["id"] for one in self.home.json("snapshots")["snapshots"]}
        expect(there >= set(self.promised), "every snapshot that was acknowledged is there")
        for number, copy in list(self.promised.items())[-2:]:
            target = self.story.path("out", number)
            self.home.run("restore", number, target, "--overwrite")
            expect_equal_trees(copy, os.path.join(target, "tree"))


def expect_told(ended):
    error = ended.error
    expect(error["sentence"] and error["whole"] and error["next"], f"it says what is whole and what is next: {error}")
    return error


def client(cloud):
    step("the n-th sync of a client fails: the command says so, and the same command ends it")
    told, rounds = 0, 12 if not is_sanitized() else 6
    for when in [f"{number}" for number in range(1, rounds)] + ["1+"]:
        cloud.change()
        trace = cloud.story.path("trace")
        ended = cloud.home.run("backup", cloud.tree, "--json", code=(DONE, FAILED), environment=NO_LEAKS,
                               prefix=("strace", "-o", trace, *failing(when)))
        if ended.code == FAILED:
            told += 1
            error = expect_told(ended)
            expect_equal(error["code"], "IoError", f"the code: {error}")
            expect("disk" in error["next"], f"it says where to look: {error}")
        saved = ended.json if ended.code == DONE else cloud.home.json("backup", cloud.tree)
        cloud.keep(saved)
    expect(told >= 3, f"syncs failed: {told}")
    cloud.expect_all()


class Failing:
    """While it lasts, syncs of a running server fail."""

    def __init__(self, cloud, when):
        self.trace = cloud.story.path("server trace")
        line = ["strace", "-o", self.trace, *failing(when), "-p", str(cloud.server.process.pid)]
        self.strace = subprocess.Popen(line, stdin=subprocess.DEVNULL)
        cloud.story.processes.append(self.strace)
        self.server = cloud.server

    def __enter__(self):
        status = f"/proc/{self.server.process.pid}/status"

        def is_traced():
            with open(status, encoding="ascii") as file:
                return "TracerPid:\t0" not in file.read()

        wait_until(is_traced, "the server is traced")
        return self

    def __exit__(self, kind, error, trace):
        self.strace.send_signal(signal.SIGINT)
        self.strace.wait(30)

    def count(self):
        with open(self.trace, encoding="ascii", errors="replace") as file:
            return file.read().count("(INJECTED)")


def server(cloud):
    step("all syncs of the server fail: nothing is acknowledged, and it is said what is next")
    cloud.change()
    with Failing(cloud, "1+") as failures:
        ended = cloud.home.run("backup", cloud.tree, "--json", "--patience", "2", code=(FAILED, UNREACHABLE))
        expect_told(ended)
        expect(failures.count() > 0, "syncs failed")
        expect(cloud.server.process.poll() is None, "the server lives")
    expect("call_failed" in cloud.server.log(), "the server's log tells of it")
    cloud.server.kill()
    cloud.server.start()
    cloud.expect_all()
    cloud.keep(cloud.home.json("backup", cloud.tree))

    step("one sync of the server fails, and then it is killed: what it had acknowledged is there")
    failed = 0
    for when in range(1, 7 if not is_sanitized() else 4):
        cloud.change()
        with Failing(cloud, str(when)) as failures:
            ended = cloud.home.run("backup", cloud.tree, "--json", "--patience", "5", code=(DONE, FAILED, UNREACHABLE))
            failed += failures.count() > 0
        if ended.code == DONE:
            cloud.keep(ended.json)
        else:
            expect_told(ended)
        cloud.server.kill()
        cloud.server.start()
        cloud.expect_all()
        cloud.keep(cloud.home.json("backup", cloud.tree))
    expect(failed > 0, "syncs failed")
    cloud.expect_all()


def main():
    if not shutil.which("strace"):
        print("skipped: needs strace")
        sys.exit(0)
    with Story("failing-sync") as story:
        if subprocess.run(["strace", "-qq", "-o", story.path("try"), *failing("1"), "true"], check=False).returncode != 0:
            print("skipped: strace may not trace here")
            sys.exit(0)
        cloud = Cloud(story)
        client(cloud)
        server(cloud)


main()
