"""What the server must never have: names, content, attributes, tags, the user's and the device's name, the passphrase. All that it stores, its
logs, its memory while it receives, and the wire are searched for them.
"""

import base64
import os
import subprocess

from cloud import DONE, MIB, Story, expect, files_below, is_sanitized, step
from trees import put
from wire import Wire

MARK = "canary"


class Canaries:
    """Words that occur nowhere else, in the forms in which they might be found."""

    def __init__(self):
        self.words = {}

    def make(self, what):
        word = f"{MARK}{os.urandom(9).hex()}"
        self.words[what] = word.encode()
        return word

    def forms(self):
        for what, word in self.words.items():
            yield what, word
            yield f"{what}, as hex", word.hex().encode()
            yield f"{what}, in UTF-16", word.decode().encode("utf-16-le")
            for shift in range(3):  # base64 knows no byte borders: without the ends, which depend on what is beside it
                yield f"{what}, as base64", base64.b64encode(b"\0" * shift + word)[4:-4]

    def found_in(self, data):
        if MARK.encode() not in data:  # nearly always: then only the encoded forms are left
            return {what for what, form in self.forms() if not form.startswith(MARK.encode()) and form in data}
        return {what for what, form in self.forms() if form in data}


def search_files(canaries, paths):
    found = set()
    for path in paths:
        with open(path, "rb") as file:
            found |= {f"{what} in {path}" for what in canaries.found_in(file.read())}
        found |= {f"{what} in the name {path}" for what in canaries.found_in(os.fsencode(path))}
    return found


def search_memory(canaries, pid):
    """All that a process can write to. Only root may look."""
    found, looked = set(), 0
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            bounds, rights = line.split()[:2]
            begin, end = (int(bound, 16) for bound in bounds.split("-"))
            if "w" not in rights or end - begin > 256 * MIB:
                continue
            try:
                memory.seek(begin)
                data = memory.read(end - begin)
            except OSError:
                continue
            looked += len(data)
            found |= {f"{what} in the server's memory" for what in canaries.found_in(data)}
    expect(looked > MIB, f"the server's memory was read: {looked} bytes")
    return found


def plant(story, canaries):
    tree = story.path("tree")
    folder = os.path.join(tree, canaries.make("a folder's name"))
    word = canaries.make("content of a small file")
    put(os.path.join(folder, canaries.make("a file's name")), word.encode())
    put(f"{folder}/text", f"{canaries.make('content that compresses')} and more words\n".encode() * 5000)
    put(f"{folder}/large", os.urandom(20 * MIB) + canaries.make("content at a large file's end").encode())
    put(f"{folder}/empty")
    os.symlink(canaries.make("a link's target"), f"{folder}/link")
    os.setxattr(f"{folder}/text", f"user.{canaries.make('the name of an attribute')}", canaries.make("the value of an attribute").encode())
    os.setxattr(f"{folder}/empty", "user.large", canaries.make("the value of a large attribute").encode() * 100)
    put(f"{tree}/.holdfastignore", f"*.{canaries.make('a pattern in .holdfastignore')}\n".encode())
    return tree


def main():
    with Story("canaries") as story:
        canaries = Canaries()
        tree = plant(story, canaries)
        passphrase_file = story.path("passphrase")
        passphrase = canaries.make("the passphrase")
        put(passphrase_file, passphrase.encode() + b"\n", 0o600)
        server = story.server(options=("--log-level", "debug"))
        with open(story.path("wire"), "wb") as record:
            wire = Wire(server.listen, record)
            home = story.home("anna", server, signed_up=False, environment={"HOLDFAST_PASSPHRASE_FILE": passphrase_file})

            step("the search finds what is there")
            found = search_files(canaries, files_below(tree))
            expect(len(found) >= 6, f"planted words are found: {found}")
            control = Canaries()
            control.words = {"base64": b"canary0123456789abcdef"}
            for shift in range(3):
                expect(control.found_in(base64.b64encode(b"x" * shift + b"canary0123456789abcdef" + b"yz")), "encoded words are found")

            step("sign up, save, list, restore, check; look into the server's memory in the middle of a backup")
            home.run("signup", canaries.make("the user's name"), "--device", canaries.make("the device's name"), "--server", wire.link(server.link))
            space, tag = canaries.make("a space's name"), canaries.make("a tag")
            home.run("space", "create", space)
            wire.hold_after(sent=8 * MIB)
            running = home.start("backup", tree, "--space", space, "--tag", tag, "--exclude", canaries.make("a pattern"))
            expect(wire.wait_held(running), "the backup is in the middle")
            # A sanitizer's shadow is many times the program: there the story as released looks.
            looks = os.geteuid() == 0 and not is_sanitized()
            in_memory = search_memory(canaries, server.process.pid) if looks else set()
            wire.release()
            running.end(DONE)
            home.run("backup", tree)
            put(f"{tree}/later", canaries.make("content of a small change").encode())
            home.run("backup", tree)
            for line in (("snapshots", "--space", space), ("ls", "latest", "-R"), ("restore", "latest", story.path("again")), ("check", "--read-data"),
                         ("status",), ("space", "info", space), ("cat", "latest:tree/later")):
                home.run(*line)
            if looks:
                in_memory |= search_memory(canaries, server.process.pid)
            wire.close()
        server.stop()
        expect(not in_memory, f"found: {in_memory}")

        step("search all that the server stores, its log, and the wire")
        stored = files_below(server.data)
        expect(sum(stored.values()) > 20 * MIB, "the server has the data")
        expect(os.path.getsize(story.path("wire")) > 20 * MIB, "the wire was recorded")
        found = search_files(canaries, [*stored, server.log_path, story.path("wire")])
        expect(not found, f"found: {found}")
        expect(subprocess.run(["grep", "-c", "", server.log_path], stdout=subprocess.PIPE, check=True).stdout.strip() != b"0", "there is a log")

        step("the passphrase is not even in the home")
        canaries.words = {"the passphrase": passphrase.encode()}
        found = search_files(canaries, files_below(home.path))
        expect(not found, f"found: {found}")


main()
