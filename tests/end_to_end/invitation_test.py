"""A server that asks for invitations: each makes one account, and none is made without."""

import os
import subprocess

from cloud import DONE, FAILED, HOLDFASTD, Story, expect, expect_equal, step
from trees import put


def invite(story, *options):
    made = subprocess.run([HOLDFASTD, "invite", "--data", story.path("server"), *options], stdout=subprocess.PIPE, check=True).stdout.decode()
    return made.split()


def main():
    with Story("invitation") as story:
        step("who has no invitation is told how to give one, and can give it to the same command later")
        server = story.server(options=("--invitation-only",))
        invitations = invite(story, "--count", "3")
        expect(len(set(invitations)) == 3 and all(len(one) < 256 for one in invitations), f"invitations: {invitations}")
        files = [put(story.path(f"invitation {number}"), f"{one}\n".encode()) for number, one in enumerate(invitations)]
        anna = story.home("anna", server, signed_up=False)
        line = ("signup", "anna", "--server", server.link, "--no-passphrase")
        refused = anna.run(*line, "--json", code=FAILED).error
        expect("by invitation" in refused["sentence"] and "--invitation-file FILE" in refused["next"], f"what she is told: {refused}")
        anna.run(*line, "--invitation-file", files[0], code=DONE)
        anna.run("backup", put(story.path("tree/file"), b"content"))

        step("an invitation makes one account")
        bert = story.home("bert", server, signed_up=False)
        line = ("signup", "bert", "--server", server.link, "--no-passphrase")
        expect("used already" in bert.run(*line, "--invitation-file", files[0], code=FAILED).error_text, "what he is told")
        expect("no invitation to this server" in bert.run(*line, "--invitation-file", put(story.path("guess"), b"hfi1" + b"00" * 56),
                                                          code=FAILED).error_text, "a guess")
        expect_equal(bert.run(*line, "--invitation-file", put(story.path("empty"), b"\n"), "--json", code=FAILED).error["code"], "InvalidArgument", "empty")
        expect_equal(bert.run(*line, "--invitation-file", story.path("none"), "--json", code=FAILED).error["code"], "NotFound", "none")

        step("invitations hold over a restart, and are made while no server runs; with another key, older ones are void")
        server.stop()
        late = put(story.path("late"), invite(story)[0].encode())
        server.start()
        bert.run(*line, "--invitation-file", files[1], code=DONE)
        story.home("carla", server, signed_up=False).run("signup", "carla", "--server", server.link, "--no-passphrase", "--invitation-file", late)
        server.stop()
        os.remove(story.path("server", "invite.key"))
        server.start()
        dora = story.home("dora", server, signed_up=False)
        expect("no invitation to this server" in dora.run("signup", "dora", "--server", server.link, "--no-passphrase", "--invitation-file", files[2],
                                                          code=FAILED).error_text, "an old one")
        dora.run("signup", "dora", "--server", server.link, "--no-passphrase", "--invitation-file", put(story.path("new"), invite(story)[0].encode()))
        wrong = subprocess.run([HOLDFASTD, "invite", "--data", story.path("tree")], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        expect_equal((wrong.returncode, wrong.stdout), (1, b""), "a folder of no server")
        expect(b"next    name the data directory" in wrong.stderr, f"what is told: {wrong.stderr}")


main()
