"""A schedule under a real systemd of a user: what the units say arrives whatever the paths hold, what was slept through is made up for
once, failures and kills show in `status`, and nothing is left of a schedule that is removed.
"""

import glob
import os
import signal
import sys
import time

from cloud import ALARM, DONE, Home, Story, expect, expect_equal, not_run, step, wait_until
from managers import CannotStart, Real, why_no_systemd, with_namespaces
from trees import put

ODD = "a b%h$HOME${X} \"'\\; #\né"


class Schedules:
    def __init__(self, story, manager):
        self.story, self.manager = story, manager
        self.server = story.server()
        self.home = Home(story, story.path("home " + ODD), manager.environment())
        self.home.run("signup", "anna", "--server", self.server.link, "--no-passphrase")
        self.tree = story.path(ODD)
        put(f"{self.tree}/file", b"content")
        put(f"{self.tree}/left.out", b"content")

    def last(self, code=(DONE, ALARM)):
        return self.home.json("status", code=code)["schedules"][0]

    def ended(self, name):
        expect(wait_until(lambda: self.manager.property(f"{name}.service", "ActiveState") in ("inactive", "failed"), "the run's end"), "ended")
        return self.manager.property(f"{name}.service", "Result")


def words_arrive(schedules):
    step("the units are taken without a word, and what was typed arrives as it was typed")
    home, manager = schedules.home, schedules.manager
    made = home.json("backup", schedules.tree, "--every", "15min", "--tag", "$x %y", "--exclude", "*.out", "--patience", "1")
    name = made["schedule"]
    expect(made["next"], f"the next run is known: {made}")
    left = (time.time() + 15 * 60 + 180) - wall(made["next"])
    expect(0 < left < 15 * 60 + 180, f"it is within a quarter of an hour: {made['next']}")
    expect_equal(manager.property(f"{name}.timer", "Persistent"), "yes", "what was missed is made up for")
    expect_equal(manager.property(f"{name}.service", "Nice"), "10", "its niceness")
    manager.systemctl("start", f"{name}.service")
    expect_equal(schedules.ended(name), "success", "the run")
    snapshot = home.json("snapshots")["snapshots"][-1]
    expect_equal((snapshot["paths"], snapshot["tags"], snapshot["stats"]["files"]), ([schedules.tree], ["$x %y"], 1), "the snapshot")
    last = schedules.last()
    expect(last["last"]["saved"] and not last["failed"] and last["timer_active"], f"the outcome: {last}")
    return name


def wall(iso):
    return time.mktime(time.strptime(iso[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone


def catches_up(schedules, name):
    step("what was missed while no manager ran is made up for, once")
    manager = schedules.manager
    put(os.path.join(manager.config, f"systemd/user/{name}.timer.d/at-once.conf"), b"[Timer]\nRandomizedDelaySec=0\nAccuracySec=1ms\n")
    manager.systemctl("daemon-reload")
    manager.systemctl("stop", f"{name}.timer")
    stamp = glob.glob(os.path.join(manager.data, f"systemd/timers/stamp-{name}.timer"))
    expect_equal(len(stamp), 1, "systemd's own note of the last time")
    os.utime(stamp[0], (time.time() - 86400, time.time() - 86400))
    before = len(schedules.home.json("snapshots")["snapshots"])
    manager.systemctl("start", f"{name}.timer")
    wait_until(lambda: len(schedules.home.json("snapshots")["snapshots"]) > before, "the run that was missed")
    schedules.ended(name)
    expect_equal(len(schedules.home.json("snapshots")["snapshots"]), before + 1, "how many runs made up for a day")


def failures(schedules, name):
    step("a run that fails, one that is killed, and one that can't start are told by status")
    manager, server = schedules.manager, schedules.server
    server.stop()
    manager.systemctl("start", f"{name}.service", check=False)
    expect_equal(schedules.ended(name), "exit-code", "systemd's view of the run without a server")
    server.start()
    last = schedules.last()
    expect(last["failed"] and last["failures"] == 1 and last["last"]["exit"] == 6 and "Unreachable" in last["last"]["said"], f"no server: {last}")
    os.kill(server.process.pid, signal.SIGSTOP)
    record = os.path.join(schedules.home.path, f"schedules/{name}.run")
    before = os.stat(record).st_ino
    manager.systemctl("start", "--no-block", f"{name}.service")
    wait_until(lambda: os.stat(record).st_ino != before, "the run's begin")
    manager.systemctl("kill", "--signal=KILL", f"{name}.service")
    expect_equal(schedules.ended(name), "signal", "systemd's view of the killed run")
    os.kill(server.process.pid, signal.SIGCONT)
    last = schedules.last()
    expect(last["failed"] and last["killed"] and last["failures"] == 2, f"killed: {last}")
    manager.systemctl("start", f"{name}.service")
    last = schedules.last()
    expect(last["last"]["saved"] and not last["failed"] and last["failures"] == 0, f"a good run ends it: {last}")
    put(os.path.join(manager.config, f"systemd/user/{name}.service.d/gone.conf"), b"[Service]\nExecStart=\nExecStart=/nowhere/holdfast\n")
    manager.systemctl("daemon-reload")
    manager.systemctl("start", f"{name}.service", check=False)
    expect_equal(schedules.last()["service_failed"], "exit-code", "systemd knows of a program that is gone")


def removal(schedules, name):
    step("what is removed is gone for systemd too")
    home, manager = schedules.home, schedules.manager
    expect_equal([one["schedule"] for one in home.json("backup", schedules.tree, "--every", "never")["removed"]], [name], "what was removed")
    expect_equal(manager.property(f"{name}.timer", "ActiveState"), "inactive", "the timer")
    expect(name not in manager.systemctl("list-timers", "--all"), "no timer is listed")
    expect_equal(home.json("status")["schedules"], [], "status")
    left = [path for path, _, names in os.walk(os.path.join(manager.config, "systemd/user")) for one in names if name in one]
    expect_equal(left, [], "files of units")


def main():
    why_not = why_no_systemd()
    if why_not:
        not_run(f"no systemd of a user can run here: {why_not}")
    code = with_namespaces(os.path.abspath(__file__))
    if code is not None:
        sys.exit(code)
    with Story("systemd") as story:
        try:
            manager = Real(story)
        except CannotStart as reason:
            not_run(" ".join(str(reason).split()))
        try:
            schedules = Schedules(story, manager)
            name = words_arrive(schedules)
            catches_up(schedules, name)
            failures(schedules, name)
            removal(schedules, name)
        except BaseException:
            print(manager.systemctl("status", "--all", "holdfast-backup-*", check=False))
            raise


main()
