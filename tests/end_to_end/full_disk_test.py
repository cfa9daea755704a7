"""A disk that is full, or may not be written: a clear error, nothing half-made, and with more space the same command goes on. Of the server, of
the device's home, and of the folder that is restored into.

Needs root, for small file systems of its own.
"""

import os
import subprocess
import sys

from cloud import DONE, FAILED, INCOMPLETE, MIB, Story, expect, expect_equal, step
from trees import expect_equal_trees, put, same_bytes, walk

SERVER_DISK = 56  # MiB; a twentieth of it is left free for the database


class SmallDisk:
    """A file system in memory of a size that may be changed."""

    def __init__(self, path, mebibytes):
        self.path = path
        os.makedirs(path)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=700", "holdfast-test", path], check=True)

    def remount(self, options):
        subprocess.run(["mount", "-o", f"remount,{options}", self.path], check=True)

    def fill(self):
        """Takes all that is free; a function that gives it back."""
        ballast = os.path.join(self.path, "ballast")
        with open(ballast, "wb") as file:
            status = os.statvfs(self.path)
            os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize)
        return lambda: os.remove(ballast)


class StoryWithDisks(Story):
    def __init__(self, name):
        super().__init__(name)
        self.disks = []

    def disk(self, name, mebibytes):
        self.disks.append(SmallDisk(self.path(name), mebibytes))
        return self.disks[-1]

    def leave(self):
        for disk in self.disks:
            subprocess.run(["umount", "--lazy", disk.path], check=True)


def may_mount(story):
    try:
        story.disk("try", 1)
        return True
    except (subprocess.CalledProcessError, FileNotFoundError):
        return False


def expect_no_space(ended, what):
    expect_equal(ended.code, FAILED, f"the exit code: {ended}")
    error = ended.error
    expect_equal(error["code"], "NoSpaceLeft", f"the code, {what}: {error}")
    expect(error["sentence"] and "room" in error["next"], f"it says what is next: {error}")
    expect(error["whole"], f"and what is whole: {error}")


def full_server(story):
    step("the server's disk gets full in the middle of a backup: a clear error, and reading goes on")
    disk = story.disk("server", SERVER_DISK)
    server = story.server()
    home = story.home("anna", server)
    put(story.path("before", "file"), b"saved before")
    home.run("backup", story.path("before"))
    tree = story.path("large")
    for number in range(4):
        story.random_file(f"{tree}/file-{number}", 16 * MIB, number)
    expect_no_space(home.run("backup", tree, "--json", code=FAILED), "of a full server")
    shown = home.run("backup", tree, code=FAILED)
    expect("server" in shown.error_text and "the same command goes on" in shown.error_text, f"people read it: {shown}")
    expect(home.json("check", "--read-data")["whole"], "what was saved is whole")
    home.run("restore", "latest", story.path("before-again"))
    expect_equal_trees(story.path("before"), story.path("before-again/before"))

    step("with more space the same command goes on where it ended")
    disk.remount(f"size={SERVER_DISK + 170}m")
    saved = home.json("backup", tree)
    expect(saved["bytes_resumed"] >= 16 * MIB, f"what had arrived is not sent again: {saved['bytes_resumed']}")
    home.run("restore", "latest", story.path("large-again"))
    expect_equal_trees(tree, story.path("large-again/large"))

    step("nothing at all is left for the server's database: calls fail clearly, and it lives on")
    give_back = disk.fill()
    for number in range(20):
        put(f"{tree}/small", b"%d" % number + os.urandom(60_000))
        ended = home.run("backup", tree, "--json", "--patience", "2", code=(DONE, FAILED))
        if ended.code == FAILED:
            break
    expect_no_space(ended, "of a server without any space")
    expect(home.json("check")["whole"], "what was saved is whole")
    give_back()
    home.run("backup", tree)
    expect(home.json("check", "--read-data")["whole"], "all is whole")
    expect(server.process.poll() is None, "the server never ended")
    return server


def full_home(story, server):
    step("the home's disk is full: a clear error, and with space again the same command goes on")
    disk = story.disk("home-bert", 24)
    home = story.home("bert", server)
    tree = story.path("many")
    for number in range(300):
        put(f"{tree}/{number}", os.urandom(3000))
    home.run("backup", tree)
    for number in range(300):
        put(f"{tree}/{number}", os.urandom(3000))
    give_back = disk.fill()
    expect_no_space(home.run("backup", tree, "--json", code=FAILED), "of a full home")
    for line in (("snapshots",), ("ls", "latest"), ("restore", "latest", story.path("from full home")), ("check", "--read-data")):
        ended = home.run(*line, "--json", code=(DONE, FAILED))
        if ended.code == FAILED:
            expect_no_space(ended, f"of {line[0]}")
    new = story.disk("home-carl", 1)
    give_back_new = new.fill()
    newcomer = story.home("carl", server, signed_up=False)
    line = ("signup", "carl", "--server", server.link, "--no-passphrase")
    expect_no_space(newcomer.run(*line, "--json", code=FAILED), "of a sign-up")
    give_back()
    give_back_new()
    new.remount("size=16m")
    home.run("backup", tree)
    home.run("restore", "latest", story.path("many-again"))
    expect_equal_trees(tree, story.path("many-again/many"))
    expect(home.json("check", "--read-data")["whole"], "all is whole")
    newcomer.run(*line)
    newcomer.run("backup", tree)

    step("a home that may only be read: a clear error at once, and no harm")
    disk.remount("ro")
    for line in (("backup", tree), ("snapshots",), ("restore", "latest", story.path("from read-only home")), ("whoami",), ("status",)):
        ended = home.run(*line, "--json", code=(DONE, FAILED))
        if ended.code == FAILED:
            expect(ended.error["code"] in ("ReadOnly", "PermissionDenied"), f"the code of {line[0]}: {ended}")
            expect(home.path in ended.error["object"] + ended.error["sentence"], f"{line[0]} names the home: {ended}")
    disk.remount("rw")
    home.run("backup", tree)
    expect(not home.json("status")["alarmed"], "no alarm")


def full_target(story, server):
    step("the disk that is restored into gets full: a clear error, and what is written is whole")
    home = story.home("dora", server)
    tree = story.path("wide")
    for number in range(60):
        story.random_file(f"{tree}/{number:03}", 200_000, number)
    story.random_file(f"{tree}/large", 5 * MIB, 99)
    home.run("backup", tree)
    disk = story.disk("target", 8)
    ended = home.run("restore", "latest", disk.path, "--json", code=(FAILED, INCOMPLETE))
    expect_no_space(ended, "of a full target")
    whole = 0
    for path in walk(disk.path):
        there, source = (os.path.join(os.fsencode(root), path) for root in (disk.path, os.path.dirname(tree)))
        if os.path.isfile(there):
            expect(os.path.isfile(source) and same_bytes(there, source), f"{path} is whole")
            whole += 1
    expect(whole > 0, "something was restored")

    step("with more space the same command ends it")
    disk.remount("size=64m")
    home.run("restore", "latest", disk.path, "--verify")
    expect_equal_trees(tree, os.path.join(disk.path, "wide"))

    step("a target that may only be read: a clear error")
    disk.remount("ro")
    ended = home.run("restore", "latest", os.path.join(disk.path, "new"), "--json", code=FAILED)
    expect_equal(ended.error["code"], "ReadOnly", f"the code: {ended}")
    expect(disk.path in ended.error["object"] + ended.error["sentence"], f"it names the target: {ended}")


def small_server(story):
    step("a server on a file system of 12 MiB takes accounts and what there is room for, and says at start when there is little")
    disk = story.disk("small-server", 12)
    server = story.server("small-server")
    home = story.home("emil", server)
    put(story.path("little", "file"), os.urandom(300_000))
    home.run("backup", story.path("little"))
    expect("disk_nearly_full" not in server.log(), "nothing is said while there is room")
    server.stop()
    status = os.statvfs(disk.path)
    with open(os.path.join(disk.path, "ballast"), "wb") as file:
        os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize - 400_000)
    server.start()
    expect("disk_nearly_full" in server.log(), "it is said when less than the reserve is free")
    home.run("restore", "latest", story.path("little-again"))
    expect_equal_trees(story.path("little"), story.path("little-again/little"))
    server.stop()


def main():
    with StoryWithDisks("full-disk") as story:
        if os.geteuid() != 0 or not may_mount(story):
            print("skipped: only root, with the right to mount, can make disks that get full")
            sys.exit(0)
        small_server(story)
        server = full_server(story)
        full_home(story, server)
        full_target(story, server)


main()
