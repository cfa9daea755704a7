"""Files of any size in bounded memory: 100 GB of holes with data here and there, hundreds of megabytes in one file, and very many small ones.
Client and server are measured by their largest resident set.
"""

import os
import resource
import time

from cloud import DONE, MIB, Story, expect, expect_equal, is_sanitized, step
from trees import expect_equal_trees, put, same_bytes

MEMORY_MAX = 400 * MIB
HUGE_BYTES = 100_000_000_000
SECONDS_MAX = 30


def peak_of_commands():
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024


def peak_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM:"))


def expect_bounded(server, what):
    peaks = {"client": peak_of_commands(), "server": peak_of(server.process.pid)}
    print(f"          peak memory after {what}: " + ", ".join(f"{name} {peak // MIB} MiB" for name, peak in peaks.items()))
    if not is_sanitized():
        expect(max(peaks.values()) < MEMORY_MAX, f"memory is bounded: {peaks}")


def data_ranges(path):
    """Where a sparse file holds data, in pieces of 64 KiB, which is finer than a file system's own idea of it."""
    found = []
    with open(path, "rb") as file:
        end = os.fstat(file.fileno()).st_size
        offset = 0
        while offset < end:
            try:
                begin = os.lseek(file.fileno(), offset, os.SEEK_DATA)
            except OSError:
                break
            offset = os.lseek(file.fileno(), begin, os.SEEK_HOLE)
            file.seek(begin)
            found += [(at, file.read(min(1 << 16, offset - at))) for at in range(begin, offset, 1 << 16)]
    return [(at, data) for at, data in found if data.strip(b"\0")]


def huge_and_sparse(story, server, home):
    step("save and restore 100 GB of holes with data here and there")
    path = put(story.path("huge", "sparse"), b"begin")
    with open(path, "r+b") as file:
        for number in range(40):
            file.seek(HUGE_BYTES // 41 * (number + 1) // 65536 * 65536)
            file.write(b"island %d\n" % number * 5000)
        file.truncate(HUGE_BYTES)
    began = time.monotonic()
    saved = home.json("backup", story.path("huge"))
    expect(saved["bytes_read"] < 40 * MIB, f"holes are not read: {saved['bytes_read']}")
    expect_equal(saved["stats"]["bytes"], HUGE_BYTES, "the size that was saved")
    home.run("restore", "latest", story.path("again"))
    expect(time.monotonic() - began < SECONDS_MAX, "holes cost no time")
    again = story.path("again/huge/sparse")
    expect_equal(os.lstat(again).st_size, HUGE_BYTES, "its size")
    expect(os.lstat(again).st_blocks * 512 < 40 * MIB, "the holes are holes")
    expect(data_ranges(path) == data_ranges(again), "the islands are where they were")

    step("an island more: little is read and sent")
    before = server.bytes_stored()
    with open(path, "r+b") as file:
        file.seek(HUGE_BYTES // 2)
        file.write(b"late" * 1000)
    home.run("backup", story.path("huge"))
    expect(server.bytes_stored() - before < 2 * MIB, f"sent {server.bytes_stored() - before}")
    expect_bounded(server, "100 GB of holes")


def one_large_file(story, server, home):
    size = 450 * MIB if not is_sanitized() else 90 * MIB
    step(f"save and restore {size // MIB} MiB in one file, of which a part repeats")
    path = story.random_file(story.path("large/file"), size * 2 // 3, 1)
    with open(path, "ab") as file:
        for number in range(size // 3 // MIB):
            file.write((b"line %d of what compresses well\n" % number * 40_000)[:MIB])
    home.run("backup", story.path("large"))
    home.run("restore", "latest", story.path("large-again"))
    expect(same_bytes(path, story.path("large-again/large/file")), "it is what it was")
    expect_bounded(server, f"{size // MIB} MiB in one file")


def many_files(story, server, home):
    count = 20_000 if not is_sanitized() else 4_000
    step(f"save and restore {count} small files")
    for number in range(count):
        put(story.path("many", str(number % 100), f"a rather long name of a file, {number}"), b"%d" % number)
    home.run("backup", story.path("many"))
    home.run("backup", story.path("many"))
    home.run("restore", "latest", story.path("many-again"))
    expect_equal_trees(story.path("many"), story.path("many-again/many"))
    home.run("check", "--read-data", code=DONE)
    expect_bounded(server, f"{count} files")


def main():
    with Story("size") as story:
        server = story.server()
        home = story.home("anna", server)
        huge_and_sparse(story, server, home)
        one_large_file(story, server, home)
        many_files(story, server, home)


main()
