"""Keys: the passphrase comes from a file or a descriptor and stays there; what is wrong is said clearly; nothing waits for a terminal that
isn't there; another server than the pinned one is refused; one data directory has one server.
"""

import os
import re
import stat
import time

from cloud import ALARM, DONE, FAILED, KEYS, UNREACHABLE, USAGE, Story, expect, expect_equal, step
from trees import put
from wire import Wire

PASSPHRASE = "correct horse battery staple"


def with_descriptor(home, text, *line, code):
    read, write = os.pipe()
    os.write(write, text.encode() + b"\n")
    os.close(write)
    ended = home.run(*line, "--passphrase-fd", str(read), pass_fds=(read,), code=code)
    os.close(read)
    return ended


def passphrases(story, server, home):
    step("a passphrase from a file and from a descriptor")
    right, wrong, empty, long = (story.path(name) for name in ("right", "wrong", "empty", "long"))
    put(right, PASSPHRASE.encode() + b"\n", 0o600)
    put(wrong, b"incorrect horse\n", 0o600)
    put(empty, b"", 0o600)
    put(long, b"x" * 4096, 0o600)
    home.run("signup", "anna", "--server", server.link, environment={"HOLDFAST_PASSPHRASE_FILE": right})
    home.run("whoami", environment={"HOLDFAST_PASSPHRASE_FILE": right})
    with_descriptor(home, PASSPHRASE, "whoami", code=DONE)

    step("the wrong one ends with exit 5, and says where it comes from")
    ended = home.run("whoami", environment={"HOLDFAST_PASSPHRASE_FILE": wrong}, code=KEYS)
    expect("passphrase" in ended.error_text, f"what it says: {ended}")
    expect_equal(home.run("whoami", "--json", environment={"HOLDFAST_PASSPHRASE_FILE": wrong}, code=KEYS).error["code"], "WrongPassphrase", "the code")
    for text in ("incorrect", PASSPHRASE + "x", PASSPHRASE[:-1], "x" * 4000):
        with_descriptor(home, text, "whoami", code=KEYS)
    home.run("whoami", environment={"HOLDFAST_PASSPHRASE_FILE": empty}, code=FAILED)
    home.run("whoami", environment={"HOLDFAST_PASSPHRASE_FILE": long}, code=FAILED)  # and is not cut
    home.run("whoami", environment={"HOLDFAST_PASSPHRASE_FILE": story.path("nowhere")}, code=FAILED)
    home.run("whoami", "--passphrase-fd", "77", code=FAILED)

    step("none, and no terminal: a clear end at once")
    for line in (("whoami",), ("backup", right), ("status",)):
        began = time.monotonic()
        ended = home.run(*line, start_new_session=True, code=FAILED)
        expect("HOLDFAST_PASSPHRASE_FILE" in ended.error_text, f"what is next: {ended}")
        expect(time.monotonic() - began < 30, "it does not wait")
    stranger = story.home("stranger", server, signed_up=False)
    ended = stranger.run("signup", "stranger", "--server", server.link, start_new_session=True, code=FAILED)
    expect("--no-passphrase" in ended.error_text, f"what is next: {ended}")
    stranger.run("whoami", code=FAILED)

    step("the key file is private; damaged, it is refused, and never taken for another")
    keys = os.path.join(home.path, "keys")
    expect_equal(stat.S_IMODE(os.lstat(keys).st_mode), 0o600, "the key file's mode")
    expect_equal(stat.S_IMODE(os.lstat(home.path).st_mode), 0o700, "the home's mode")
    with open(keys, "rb") as file:
        good = file.read()
    expect(PASSPHRASE.encode() not in good, "the passphrase is not in it")
    for at in range(0, len(good), max(1, len(good) // 12)):
        damaged = bytearray(good)
        damaged[at] ^= 0x10
        put(keys, bytes(damaged), 0o600)
        home.run("whoami", environment={"HOLDFAST_PASSPHRASE_FILE": right}, code=(KEYS, FAILED, ALARM))
    for piece in (b"", good[:10], good[:-1], good + b"x"):
        put(keys, piece, 0o600)
        home.run("whoami", environment={"HOLDFAST_PASSPHRASE_FILE": right}, code=(KEYS, FAILED, ALARM))
    put(keys, good, 0o600)
    home.run("whoami", environment={"HOLDFAST_PASSPHRASE_FILE": right})
    return right


def nothing_leaks(story, server, home, right):
    step("neither the command line nor the environment of a process holds it; no core file will")
    tree = story.path("tree")
    story.random_file(f"{tree}/large", 3 << 20, 5)
    story.wire.hold_after(sent=100_000)
    running = home.start("backup", tree, environment={"HOLDFAST_PASSPHRASE_FILE": right})
    expect(story.wire.wait_held(running), "the backup is in the middle")
    for name in ("cmdline", "environ"):
        with open(f"/proc/{running.pid}/{name}", "rb") as file:
            expect(PASSPHRASE.encode() not in file.read(), f"{name} does not hold it")
    for pid in (running.pid, server.process.pid):
        with open(f"/proc/{pid}/limits", encoding="utf-8") as limits:
            expect(re.search(r"Max core file size\s+0\s+0", limits.read()), "no core file is written")
        # A process that may be dumped gives its maps to others of its user: /proc shows that one that may not as root's.
        expect_equal(os.stat(f"/proc/{pid}/environ").st_uid, 0, "whose its /proc entries are")
    story.wire.release()
    ended = running.end(DONE)
    expect(PASSPHRASE not in ended.text + ended.error_text + server.log(), "no output and no log holds it")


def another_server(story, server):
    step("a link with another pin, another policy, or nonsense")
    address, rest = server.link.split("#")
    pin, policy = rest.split(".")
    other = {"0": "1"}
    for link, code in ((f"{address}#{other.get(pin[0], '0')}{pin[1:]}.{policy}", "WrongPin"), (f"{address}#{pin}.{other.get(policy[0], '0')}{policy[1:]}", "PolicySplit")):
        home = story.home(f"fooled-{code}", server, signed_up=False)
        ended = home.run("signup", "fooled", "--server", link, "--no-passphrase", "--json", code=ALARM)
        expect_equal(ended.error["code"], code, "the code")
        home.run("whoami", code=FAILED)
        home.run("signup", "fooled", "--server", server.link, "--no-passphrase")  # nothing of the wrong one stays
        expect_equal(home.json("whoami")["server"], server.link, "the server it belongs to")
    for link in ("", "nonsense", "hf://", f"{address}#{pin}", f"{address}#{pin}.{policy}00", f"http{server.link[2:]}", "hf://127.0.0.1:99999#" + rest):
        story.home("nonsense", server, signed_up=False).run("signup", "x", "--server", link, "--no-passphrase", code=USAGE)

    step("another server in its place is refused by every command, and gets nothing")
    home = story.home("bert", server)
    put(story.path("small"), b"small")
    home.run("backup", story.path("small"))
    server.stop()
    impostor = story.server("impostor-data", listen=server.listen)
    for line in (("backup", story.path("small")), ("restore", "latest", story.path("never")), ("check",), ("snapshots",)):
        expect_equal(home.run(*line, "--json", code=ALARM).error["code"], "WrongPin", f"the code of {line}")
    expect_equal(impostor.objects(), {}, "what the impostor has")
    impostor.stop()
    server.start()
    home.run("backup", story.path("small"))


def one_server(story, server, home):
    step("a second server on one data directory refuses, and the first does not mind")
    before, server.listen = server.listen, "127.0.0.1:0"
    second = server.launch()
    expect_equal(second.wait(30), 1, "the second server's exit code")
    expect_equal(second.stdout.read(), b"", "it prints no link")
    expect("Busy" in server.log(), "it says why")
    server.listen = before
    home.run("space", "create", "after")
    expect(home.json("status")["server_answers"], "the first server answers")


def a_sign_up_that_did_not_end(story, server):
    step("keys that an earlier sign-up left unsealed are never taken for sealed ones")
    home = story.home("dora", server, signed_up=False)
    passphrase = {"HOLDFAST_PASSPHRASE_FILE": put(story.path("doras"), b"a passphrase", 0o600)}
    nowhere = server.link.replace(server.listen, "127.0.0.1:1")
    home.run("signup", "dora", "--server", nowhere, "--no-passphrase", "--patience", "0", code=UNREACHABLE)
    refused = home.run("signup", "dora", "--server", server.link, "--json", environment=passphrase, code=FAILED)
    expect("--no-passphrase" in refused.error["next"], f"what to do: {refused}")
    os.unlink(f"{home.path}/keys")
    home.run("signup", "dora", "--server", server.link, environment=passphrase)
    home.run("whoami", code=FAILED)


def main():
    with Story("keys") as story:
        server = story.server()
        story.wire = Wire(server.listen)
        link = server.link
        server.link = story.wire.link(link)
        home = story.home("anna", server, signed_up=False)
        right = passphrases(story, server, home)
        nothing_leaks(story, server, home, right)
        server.link = link
        another_server(story, server)
        one_server(story, server, story.home("carl", server))
        a_sign_up_that_did_not_end(story, server)
        story.wire.close()


main()
