"""A tree whose owner is hostile or strange: folders that change places while a backup runs, attributes that can't be read, sizes and depths that
no snapshot holds. Nothing is saved with wider rights than it had, and nobody's neighbour is left out.
"""

import ctypes
import os
import shutil
import subprocess
import threading
import time

from cloud import DONE, INCOMPLETE, Story, expect, expect_equal, is_sanitized, step
from trees import put

VICTIM, FRIEND = 65531, 65532  # ids that nobody has
LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def exchange(one, other):
    if LIBC.renameat2(AT_FDCWD, one.encode(), AT_FDCWD, other.encode(), RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), one)


def attributes_that_cannot_be_read(story, home):
    step("an ACL that can't be read leaves the file to its owner alone, is named, and is read by the next backup")
    if not shutil.which("strace"):
        print("skipped: needs strace")
        return
    tree = story.path("acl")
    path = f"{tree}/file"
    put(path, b"for one friend", 0o600)
    put(f"{tree}/beside", b"beside it")
    subprocess.run(["setfacl", "-m", f"u:{FRIEND}:rw", path], check=True)
    expect_equal(os.stat(path).st_mode & 0o777, 0o660, "the group's bits are the ACL's mask")
    time.sleep(2.1)  # so that it counts as unchanged afterwards
    inject = ("strace", "-f", "-qq", "-o", story.path("trace"), "-e", "trace=flistxattr", "-e", "inject=flistxattr:error=EIO")
    environment = {"ASAN_OPTIONS": "detect_leaks=0"}
    problems = home.run("backup", tree, "--json", code=INCOMPLETE, prefix=inject, environment=environment).json["problems"]
    expect(path in {problem["path"] for problem in problems}, f"it is named: {problems}")
    home.run("restore", "latest", story.path("acl-1"))
    expect_equal(os.stat(story.path("acl-1/acl/file")).st_mode & 0o777, 0o600, "its mode without the ACL")
    home.run("backup", tree, code=DONE)
    home.run("restore", "latest", story.path("acl-2"))
    shown = subprocess.run(["getfacl", "-n", "-c", story.path("acl-2/acl/file")], stdout=subprocess.PIPE, check=True).stdout.decode()
    expect(f"user:{FRIEND}:rw-" in shown, f"the ACL is there again: {shown}")


def folders_that_change_places(story, home):
    step("folders that change places all the time: what one hides is never shown by the other")
    if os.geteuid() != 0:
        print("skipped: only root can save somebody else's folders")
        return
    tree = story.path("shared")
    hidden, own = f"{tree}/hidden", f"{tree}/own"
    for number in range(150):
        put(f"{hidden}/{number}", b"secret %d" % number, 0o644)
        put(f"{own}/{number}", b"own %d" % number, 0o644)
        for folder in (hidden, own):
            os.chown(f"{folder}/{number}", VICTIM if folder == hidden else 0, 0)
    os.chown(hidden, VICTIM, 0)
    os.chmod(hidden, 0o700)
    subprocess.run(["setfacl", "-m", f"u:{FRIEND}:rwx", hidden], check=True)
    stop = threading.Event()
    times = [0]

    def change_places():
        while not stop.is_set():
            exchange(hidden, own)
            times[0] += 1
            time.sleep(0.0007 * (times[0] % 5))

    attacker = threading.Thread(target=change_places, daemon=True)
    attacker.start()
    found = 0
    try:
        for number in range(8):
            home.run("backup", tree, code=(DONE, INCOMPLETE))
            restored = story.path(f"shared-{number}")
            home.run("restore", "latest", restored, code=(DONE, INCOMPLETE))
            for name in os.listdir(f"{restored}/shared"):
                folder = f"{restored}/shared/{name}"
                looked = os.stat(folder)
                secrets = [file for file in os.listdir(folder) if open(f"{folder}/{file}", "rb").read().startswith(b"secret")]
                found += len(secrets)
                if secrets or looked.st_uid == VICTIM:
                    expect_equal(looked.st_uid, VICTIM, f"whose folder shows {len(secrets)} secrets")
                    acl = "system.posix_acl_access" in os.listxattr(folder)
                    expect(acl or looked.st_mode & 0o077 == 0, f"its rights: {looked.st_mode:o}, without its ACL")
    finally:
        stop.set()
        attacker.join()
    print(f"          places changed {times[0]} times; {found} hidden files were saved, in their own folder")
    expect(times[0] > 100 and found > 0, "the attack was one")


def folders_nested_too_deep(story, home):
    step("folders that are nested too deep are named, in no time to speak of; what is beside them is saved")
    if is_sanitized():
        print("skipped: long paths are slow under the sanitizers")
        return
    tree = story.path("deep")
    put(f"{tree}/beside", b"beside it")
    levels = 4150
    here = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(levels):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    began = time.monotonic()
    problems = home.run("backup", tree, "--json", code=INCOMPLETE).json["problems"]
    took = time.monotonic() - began
    expect_equal([(problem["path"].count("/d") > 4000, problem["code"]) for problem in problems], [(True, "Unsupported")], "what was named")
    expect(took < 60, f"it takes no time to speak of: {took:.0f} s")
    expect(b"beside it" == home.run("cat", "latest:deep/beside").out, "what is beside it")
    subprocess.run(["rm", "-rf", tree], check=True)


def file_too_large(story, home):
    step("a file that is larger than any may be is named; what is beside it is saved")
    if not os.path.isdir("/dev/shm"):
        print("skipped: needs a file system in memory, which takes such sizes")
        return
    large = os.path.join("/dev/shm", os.path.basename(story.folder))
    try:
        put(f"{large}/beside", b"beside it")
        with open(f"{large}/larger than any", "wb") as file:
            file.truncate((1 << 62) + 4096)
        problems = home.run("backup", large, "--json", code=INCOMPLETE).json["problems"]
        expect_equal([(os.path.basename(problem["path"]), problem["code"]) for problem in problems], [("larger than any", "Unsupported")],
                     "what was named")
        expect(b"beside it" == home.run("cat", f"latest:{os.path.basename(large)}/beside").out, "what is beside it")
    finally:
        shutil.rmtree(large, ignore_errors=True)


def main():
    with Story("exchanged-tree") as story:
        server = story.server()
        home = story.home("anna", server)
        attributes_that_cannot_be_read(story, home)
        folders_that_change_places(story, home)
        file_too_large(story, home)
        folders_nested_too_deep(story, home)


main()
