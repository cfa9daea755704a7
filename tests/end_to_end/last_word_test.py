"""Ctrl-C and SIGTERM: a command dies of the signal, and first says what is whole and how to go on. Nothing is left that the next command can't
settle, and what another process does for a command goes on.
"""

import os
import signal

from cloud import DONE, FAILED, MIB, Story, expect, expect_equal, files_below, is_served, step, wait_until
from trees import expect_equal_trees
from wire import home_on_wire


def not_ignored():
    """As a command that is typed has it; a test in the background may have been started with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def closed_descriptors_are_no_files(story, server):
    """Else the first files that are opened get their numbers, and what is said lands in the device's state."""
    home = story.home("carl", server)
    home.run("space", "create", "words")
    subsets = [[number for number in range(3) if closed & 1 << number] for closed in range(1, 8)]

    def run(numbers, *line):
        ended = home.start(*line, prepare=lambda: [os.close(number) for number in numbers]).end()
        with open(f"{home.path}/state", "rb") as file:
            expect_equal(file.read(15), b"SQLite format 3", f"the state's first bytes, {numbers} closed: {ended}")
        for path in files_below(home.path):
            with open(path, "rb") as file:
                text = file.read()
            expect(b"holdfast: " not in text and b"no answer from" not in text, f"what was said is in {path}, {numbers} closed")
        return ended.code

    step("with any of the standard descriptors closed, what is said lands in no file")
    for numbers in subsets:
        expect_equal(run(numbers, "space", "list"), FAILED if 1 in numbers else DONE, f"{numbers} closed")
        expect_equal(run(numbers, "space", "info", "nope"), FAILED, f"{numbers} closed")
    step("nor while no server answers")
    server.kill()
    for numbers in subsets:
        run(numbers, "status", "--patience", "1")
    server.start()
    home.run("space", "info", "words")


def main():
    with Story("last-word") as story:
        server = story.server()
        home, wire = home_on_wire(story, "anna", server)
        one, other = (os.path.dirname(story.random_file(story.path(name, "file"), 5 * MIB, seed)) for name, seed in (("one", 1), ("other", 2)))
        home.run("space", "create", "words")

        for number in (signal.SIGINT, signal.SIGTERM):
            step(f"{number.name} in the middle of a backup, as text and as JSON")
            for options in ((), ("--json",)):
                wire.hold_after(sent=100_000)
                running = home.start("backup", one, "--space", "words", *options, prepare=not_ignored)
                expect(wire.wait_held(running), "it is in the middle")
                running.process.send_signal(number)
                ended = running.end(-number)
                if options:
                    error = ended.error
                    expect_equal(error["code"], "Cancelled", "the code")
                    told = error["whole"] + error["next"]
                else:
                    told = ended.error_text
                expect("all earlier snapshots" in told and "the same command goes on" in told, f"its last word: {ended}")
                wire.cut()

        step("the same command goes on")
        home.run("backup", one, "--space", "words")
        home.run("restore", "latest", story.path("again"), "--space", "words")
        expect_equal_trees(one, story.path("again/one"))

        step("Ctrl-C of a command that another process does for it: both end well there")
        wire.hold_after(sent=100_000)
        first = home.start("backup", other, "--space", "words")
        expect(wire.wait_held(first), "the first is in the middle")
        second = home.start("backup", one, "--space", "words", "--tag", "second", prepare=not_ignored)
        wait_until(lambda: is_served(first), "the second command reaches the owner")
        second.process.send_signal(signal.SIGINT)
        expect("carries on with it" in second.end(-signal.SIGINT).error_text, "its last word says who goes on")
        wire.release()
        first.end(DONE)
        expect_equal(len(home.json("snapshots", "--space", "words", "--tag", "second")["snapshots"]), 1, "snapshots of the second command")
        expect(home.json("check", "--space", "words")["whole"], "the space is whole")
        wire.close()
        closed_descriptors_are_no_files(story, server)


main()
