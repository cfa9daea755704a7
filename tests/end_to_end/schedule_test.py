"""Backups on a schedule, with a program that stands in for systemctl: what is written and told to systemd, what is refused, what `status`
and `doctor` say of runs, and what is left when a schedule is removed. With a real systemd: schedule_systemd_test.py.
"""

import os
import pty
import shutil
import signal
import socket
import subprocess

from cloud import ALARM, DONE, FAILED, HOLDFAST, INCOMPLETE, KEYS, UNREACHABLE, USAGE, Home, Story, expect, expect_equal, files_below, is_served, step, wait_until
from managers import StandIn, Unit
from trees import put
from wire import home_on_wire


class World:
    def __init__(self, story):
        self.story = story
        self.server = story.server()
        self.systemctl = StandIn(story.path("bin"))
        self.config = story.path("config")
        self.units = f"{self.config}/systemd/user"
        self.environment = {**self.systemctl.environment(), "XDG_CONFIG_HOME": self.config}
        self.home = story.home("anna", self.server, environment=self.environment)
        self.tree = story.path("the tree")
        put(f"{self.tree}/file", b"content")

    def schedule(self, *line, home=None, **more):
        return (home or self.home).json("backup", *line, **more)

    def view(self, name, home=None, code=DONE):
        found = [one for one in (home or self.home).json("status", code=code)["schedules"] if one["schedule"] == name]
        expect_equal(len(found), 1, f"{name} in status")
        return found[0]

    def run_unit(self, unit, code, **more):
        """What systemd would start."""
        command = unit.command()
        expect_equal(command[0], os.path.realpath(HOLDFAST), "the program")
        home = Home(self.story, unit.environment()["HOLDFAST_HOME"], {**self.environment, **unit.environment()})
        return home.run(*command[1:], code=code, **more)


def nothing_written(world, home=None):
    expect(not files_below(world.config), f"no unit is left: {files_below(world.config)}")
    expect(not os.path.exists(os.path.join((home or world.home).path, "schedules")), "nor a record")


def without_a_manager(world):
    step("where no systemd of the user answers nothing is written, and the line for cron that is offered works")
    story, home = world.story, world.home
    odd = story.path("it's 100% \"odd\"")
    put(f"{odd}/file", b"content")
    world.systemctl.tell({"show --property=Version": [1, "", "Failed to connect to bus: No medium found\n"]})
    error = world.schedule(odd, "--every", "6h", "--tag", "a b", code=FAILED)["error"]
    expect_equal((error["code"], error["object"]), ("Unsupported", "Failed to connect to bus: No medium found"), "the error")
    line = error["next"].split("crontab -e`:  ", 1)[1]
    expect(line.startswith("0 */6 * * *  HOLDFAST_HOME="), f"the line: {line}")
    expect_equal(world.systemctl.calls(), [], "what systemctl was told")
    nothing_written(world)
    empty = story.path("empty")
    os.makedirs(empty)
    expect("No such file" in world.schedule(odd, "--every", "6h", code=FAILED, environment={"PATH": empty})["error"]["object"], "no systemctl at all")
    nothing_written(world)
    command = line.split("  ", 1)[1].replace("\\%", "%")  # as cron does before it gives it to a shell
    subprocess.run(["sh", "-c", command], check=True, env={**os.environ, "PATH": f"{os.path.dirname(HOLDFAST)}:{os.environ['PATH']}"})
    snapshot = home.json("snapshots")["snapshots"][-1]
    expect_equal((snapshot["paths"], snapshot["tags"]), ([odd], ["a b"]), "what cron saved")
    name = next(word for word in command.split() if word.startswith("--scheduled=")).split("=")[1]
    expect(world.view(name)["last"]["saved"], "status tells of it")
    home.run("backup", "--every", "never", "--scheduled", name)
    expect_equal(home.json("status")["schedules"], [], "forgotten")
    world.systemctl.tell({})
    world.systemctl.calls()


def wrong_lines(world):
    step("a command line that can't be meant is refused before anything")
    for line in ((world.tree, "--every", "10min"), (world.tree, "--every", "1m"), (world.tree, "--every", "1h", "--dry-run"), ("--every", "1h"), (),
                 (world.tree, "--every", "1h", "--scheduled", "x"), (world.tree, "--scheduled", "../x"), (world.tree, "--passphrase-credential", "x")):
        world.schedule(*line, code=USAGE)
    for line in ((world.story.path("nowhere"), "--every", "1h"), (world.tree, "--every", "1h", "-s", "nowhere"),
                 (os.fsencode(world.tree) + b"\xff", "--every", "1h"), (world.home.path, "--every", "1h")):
        os.makedirs(os.fsencode(world.tree) + b"\xff", exist_ok=True)
        world.schedule(*line, code=FAILED)
    world.server.stop()
    world.schedule(world.tree, "--every", "1h", "--patience", "0", code=UNREACHABLE)
    world.server.start()
    expect_equal(world.systemctl.calls(), [], "what systemctl was told")
    expect(not files_below(world.config), "units")


def verify(world, names):
    """What systemd's own checker says of the units; scripts/setup installs it."""
    os.makedirs(world.story.path("run"), mode=0o700, exist_ok=True)
    return subprocess.run(["systemd-analyze", "--user", "verify", "--man=no", *(f"{world.units}/{name}" for name in names)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, env={**os.environ, "XDG_RUNTIME_DIR": world.story.path("run")}).stdout.decode()


def installed(world):
    step("two schedules: units that systemd's checker takes, one reload and one start each")
    made = world.schedule(world.tree, "--every", "1h", "-e", "*.out", "-x")
    name = made["schedule"]
    expect_equal(world.systemctl.calls(), [["daemon-reload"], ["enable", "--now", f"{name}.timer"]], "what systemctl was told")
    expect_equal((made["every_seconds"], made["replaced"], made["paths"]), (3600, False, [world.tree]), "what is said")
    expect_equal(made["next"], "2126-11-30T16:23:50.000000000Z", "the next run, as systemd knows it")
    service, timer = (Unit(f"{world.units}/{name}.{kind}") for kind in ("service", "timer"))
    expect_equal(service.environment(), {"HOLDFAST_HOME": world.home.path}, "its environment")
    expect_equal(service.command()[1:], ["backup", f"--scheduled={name}", "--quiet", "--space=backups", "--patience=600", "--exclude=*.out",
                                         "--one-file-system", world.tree], "its command")
    expect("network-online" not in service.text, "a unit of a user can't wait for the network")
    expect_equal((timer.all("Persistent"), len(timer.all("OnCalendar"))), (["true"], 1), "the timer")
    expect(shutil.which("systemd-analyze"), "systemd-analyze is here: scripts/setup installs it")
    expect_equal(verify(world, [f"{name}.service", f"{name}.timer"]), "", "what systemd's checker says")
    put(f"{world.units}/holdfast-backup-wrong.service", service.text.replace("Nice=10", "Nice=lots").encode())
    expect("lots" in verify(world, ["holdfast-backup-wrong.service"]), "the checker would say it")
    os.remove(f"{world.units}/holdfast-backup-wrong.service")
    other = story_path(world, "other")
    text = world.home.run("backup", other, world.tree, "--every", "2d").text
    expect("every 2 days from now on" in text and "enable-linger" in text and "--every never" in text, text)
    expect_equal(len(os.listdir(world.units)), 4, "units")
    world.systemctl.calls()
    return name


def story_path(world, name):
    put(f"{world.story.path(name)}/file", b"content")
    return world.story.path(name)


def changed(world, name):
    step("the same paths again change it; when systemd refuses, all is as it was")
    before = Unit(f"{world.units}/{name}.timer").text
    world.systemctl.tell({"enable": [1, "", "Failed to enable unit: no\n"]})
    error = world.schedule(world.tree, "--every", "1d", code=FAILED)["error"]
    expect("Failed to enable unit: no" in error["sentence"], f"the reason: {error}")
    expect_equal(Unit(f"{world.units}/{name}.timer").text, before, "the timer")
    expect_equal(world.view(name)["every_seconds"], 3600, "what status says")
    expect_equal([words[0] for words in world.systemctl.calls()], ["daemon-reload", "enable", "daemon-reload"], "what systemctl was told")
    world.schedule(story_path(world, "third"), "--every", "1d", code=FAILED)
    expect_equal(len(os.listdir(world.units)), 4, "units")
    world.systemctl.tell({})
    expect_equal(world.schedule(f"{world.tree}/", "--every", "30min")["replaced"], True, "it is replaced")
    expect_equal(world.view(name)["every_seconds"], 1800, "what status says")
    world.systemctl.calls()


def runs(world, name):
    step("each run's outcome is told: saved, something left out, no server, a path that is gone")
    unit = Unit(f"{world.units}/{name}.service")
    expect_equal(world.view(name)["last"], None, "before the first")
    expect_equal(world.run_unit(unit, DONE).err, b"", "a good run is quiet")
    last = world.view(name)
    expect(last["last"]["saved"] and last["last"]["exit"] == DONE and not last["failed"] and last["last_good"], f"saved: {last}")
    text = world.home.run("status").text
    expect("every 30 min" in text and ": saved\n" in text and "next    2126-11-30" in text, text)
    world.server.stop()
    for _ in range(2):
        world.home.run(*[word.replace("=600", "=0") if word == "--patience=600" else word for word in unit.command()[1:]], code=UNREACHABLE)
    world.server.start()
    last = world.view(name)
    expect(last["failed"] and last["failures"] == 2 and last["last"]["exit"] == UNREACHABLE and not last["alarmed"], f"no server: {last}")
    text = world.home.run("status").text
    expect("failed: no server answers (6)" in text and "2 times in a row" in text and "can't be reached" in text, text)
    shutil.move(world.tree, f"{world.tree} away")
    world.run_unit(unit, FAILED)
    expect("can't be found" in world.view(name)["last"]["said"] or "NotFound" in world.view(name)["last"]["said"], "what it said")
    doctor = {one["sentence"] for one in world.home.json("doctor", code=FAILED)["findings"] if one["what"] == "schedule" and not one["good"]}
    expect(any("a path that it backs up is gone" in one and world.tree in one for one in doctor), f"doctor: {doctor}")
    shutil.move(f"{world.tree} away", world.tree)
    world.run_unit(unit, DONE)
    expect(not world.view(name)["failed"], "a good run ends it")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(f"{world.tree}/socket")
    world.run_unit(unit, INCOMPLETE)
    last = world.view(name)
    expect(last["last"]["saved"] and not last["failed"] and "socket" in last["last"]["said"], f"something was left out: {last}")
    expect("saved, but something was left out (3)" in world.home.run("status").text, "in words")
    os.remove(f"{world.tree}/socket")


def killed(world):
    step("a run that is killed is told, one under way too, and that systemd could not even start one")
    home, wire = home_on_wire(world.story, "wired", world.server)
    home.environment.update(world.environment)
    name = world.schedule(world.tree, "--every", "1h", home=home)["schedule"]
    wire.hold_after(sent=1)
    words = Unit(f"{world.units}/{name}.service").command()[1:]
    running = home.start(*words)
    expect(wire.wait_held(running), "it is held")
    expect_equal(home.run(*words, code=FAILED).error_text.splitlines()[0], "holdfast: this schedule runs already (Busy)", "twice")
    running.process.send_signal(signal.SIGTERM)
    running.end()
    wire.cut()
    last = world.view(name, home)
    expect(last["killed"] and last["failed"] and last["failures"] == 1 and last["last"]["ended"] is None, f"killed: {last}")
    expect("ended or killed" in home.run("status").text, "in words")
    home.run(*words)
    expect(not world.view(name, home)["failed"], "a good run ends it")
    world.systemctl.tell({f"show {name}.service": [0, "Result=exit-code\n", ""], f"show {name}.timer": [0, "ActiveState=inactive\n", ""]})
    last = world.view(name, home, code=ALARM)
    expect_equal((last["service_failed"], last["timer_active"], last["alarmed"]), ("exit-code", False, True), "what systemd knows")
    world.systemctl.tell({})
    home.run("backup", "--every", "never")
    wire.close()


def at_the_owner(world, name):
    step("while another command owns the home, a run goes there, and its outcome is written down all the same")
    home, wire = home_on_wire(world.story, "busy", world.server)
    home.environment.update(world.environment)
    put(world.story.path("large/file"), os.urandom(1 << 20))
    wire.hold_after(sent=1)
    owner = home.start("backup", world.story.path("large"))
    expect(wire.wait_held(owner), "the owner is held")
    waiting = home.start("backup", world.tree, "--scheduled", "by-hand", "--quiet")
    scheduling = home.start("backup", world.tree, "--every", "1h", "--json")
    wait_until(lambda: is_served(owner), "a command at the owner")
    wire.release()
    waiting.end(DONE)
    made = scheduling.end(DONE).json["schedule"]
    owner.end(DONE)
    expect(world.view("by-hand", home)["last"]["saved"], "the outcome")
    expect(os.path.exists(f"{world.units}/{made}.timer"), "the unit")
    home.run("backup", "--every", "never")
    expect(os.path.exists(f"{world.units}/{name}.timer"), "another home's schedule stays")
    wire.close()


def write(path, content):
    return os.fsdecode(put(path, content))


def sealed(world):
    step("a sealed home: no schedule without a way to the passphrase, which stands in no unit")
    story = world.story
    secret = write(story.path("secret file"), b"correct horse\n")
    home = story.home("sealed", world.server, signed_up=False, environment=world.environment)
    home.run("signup", "sealed", "--server", world.server.link, environment={"HOLDFAST_PASSPHRASE_FILE": secret})
    before = files_below(world.config)
    error = world.schedule(world.tree, "--every", "1h", home=home, code=FAILED)["error"]
    expect("HOLDFAST_PASSPHRASE_FILE=FILE" in error["next"] and "nobody is there" in error["sentence"], f"the error: {error}")
    wrong = write(story.path("wrong"), b"battery staple\n")
    world.schedule(world.tree, "--every", "1h", home=home, code=KEYS, environment={"HOLDFAST_PASSPHRASE_FILE": wrong})
    expect_equal(files_below(world.config), before, "units")
    name = world.schedule(world.tree, "--every", "1h", home=home, environment={"HOLDFAST_PASSPHRASE_FILE": secret})["schedule"]
    unit = Unit(f"{world.units}/{name}.service")
    expect_equal(unit.environment()["HOLDFAST_PASSPHRASE_FILE"], secret, "the path of the secret")
    world.run_unit(unit, DONE)
    os.rename(secret, f"{secret}.away")
    world.run_unit(unit, FAILED)
    os.rename(f"{secret}.away", secret)
    known = {"HOLDFAST_PASSPHRASE_FILE": secret}
    last = [one for one in home.json("status", environment=known)["schedules"] if one["schedule"] == name][0]
    expect("passphrase file can't be opened" in last["last"]["said"], f"a run that never opened the home is told: {last}")

    step("a credential of systemd: named by its path, and read where systemd puts it")
    blob = write(story.path("sealed blob"), b"opaque")
    error = world.schedule(world.tree, "--every", "1h", "--passphrase-credential", blob, home=home, environment=known, code=FAILED)["error"]
    expect_equal((error["code"], error["object"]), ("Unsupported", "systemd 252"), "a systemd that would not open it")
    world.systemctl.tell({"show --property=Version": [0, "Version=257 (257.9-1)\n", ""]})
    world.schedule(world.tree, "--every", "1h", "--passphrase-credential", blob, home=home, environment=known)
    unit = Unit(f"{world.units}/{name}.service")
    expect_equal((unit.all("LoadCredentialEncrypted"), "HOLDFAST_PASSPHRASE_FILE" in unit.environment()), ([f"holdfast.passphrase:{blob}"], False), "the unit")
    expect_equal(verify(world, [f"{name}.service"]), "", "what systemd's checker says")
    put(story.path("credentials/holdfast.passphrase"), b"correct horse")
    world.run_unit(unit, DONE, environment={"CREDENTIALS_DIRECTORY": story.path("credentials")})
    for path in [*files_below(world.config), *files_below(os.path.join(home.path, "schedules"))]:
        with open(path, "rb") as file:
            expect(b"correct horse" not in file.read(), f"the secret is in {path}")
    world.systemctl.tell({})
    home.run("backup", "--every", "never")


def lasting(world):
    step("a failure that lasts is an alarm of status, and a line after every other command on a terminal")
    home = world.home
    for _ in range(3):
        home.run("backup", world.story.path("nowhere"), "--scheduled", "nightly", code=FAILED)
    expect(world.view("nightly", code=ALARM)["lasting"], "it lasts")
    expect(home.json("status", code=ALARM)["alarmed"], "status as a whole says so, as its exit code does")
    expect("ALARM   no good run since" in home.run("status", code=ALARM).text, "in words")
    master, slave = pty.openpty()
    process = subprocess.Popen([HOLDFAST, "whoami"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave, env={**os.environ, **home.environment})
    expect_equal(process.wait(60), DONE, "another command")
    expect("no scheduled backup since" in os.read(master, 4096).decode(), "on a terminal")
    os.close(master)
    os.close(slave)
    expect_equal(home.run("whoami").error_text, "", "elsewhere")
    home.run("backup", world.tree, "--scheduled", "nightly")
    expect(not world.view("nightly")["alarmed"], "a good run ends it")
    home.run("backup", "--every", "never", "--scheduled", "nightly")


def gone(world):
    step("doctor names a program, a unit and a record that are gone or damaged")
    home, story = world.home, world.story
    program = shutil.copy(HOLDFAST, story.path("holdfast"))
    tree = story_path(world, "of another program")
    subprocess.run([program, "backup", tree, "--every", "1w"], check=True, env={**os.environ, **home.environment}, stdout=subprocess.DEVNULL)
    name = [one for one in home.json("status")["schedules"] if one["paths"] == [tree]][0]["schedule"]
    os.remove(program)
    os.remove(f"{world.units}/{name}.service")
    found = [one["sentence"] for one in home.json("doctor", code=(DONE, FAILED))["findings"] if name in one["sentence"]]
    expect(any(f"the program that it starts is gone: {program}" in one for one in found), f"the program: {found}")
    expect(any("its unit is gone" in one for one in found), f"the unit: {found}")
    put(os.path.join(home.path, f"schedules/{name}.run"), b"nonsense")
    expect("damaged" in world.view(name, code=ALARM), "its record")
    return tree


def removed(world, name, tree):
    step("never removes what was named, also when the path or the home is gone; without a path all of the home")
    home = world.home
    world.systemctl.calls()
    shutil.rmtree(tree)
    done = world.schedule(tree, "--every", "never")
    expect_equal([one["paths"] for one in done["removed"]], [[tree]], "what was removed")
    other = done["removed"][0]["schedule"]
    expect_equal(world.systemctl.calls(), [["disable", "--now", f"{other}.timer"], ["reset-failed", f"{other}.timer", f"{other}.service"], ["daemon-reload"]],
                 "what systemctl was told")
    expect_equal(world.schedule(tree, "--every", "never", code=FAILED)["error"]["code"], "NotFound", "once more")
    os.makedirs(f"{world.units}/timers.target.wants", exist_ok=True)
    os.symlink(f"{world.units}/{name}.timer", f"{world.units}/timers.target.wants/{name}.timer")
    world.systemctl.tell({"show --property=Version": [1, "", "no\n"]})
    expect_equal(world.schedule(world.tree, "--every", "never")["manager_answered"], False, "without a manager")
    expect(not any(name in path for path, _, names in os.walk(world.units) for path in names), "its files")
    world.systemctl.tell({})
    world.schedule(world.tree, "--every", "1h")
    shutil.move(home.path, f"{home.path} away")
    world.schedule(world.tree, "--every", "never")
    expect(not os.path.exists(f"{world.units}/{name}.timer"), "of a home that is gone")
    expect(not os.path.exists(home.path), "and it was not made")
    shutil.move(f"{home.path} away", home.path)
    expect_equal(len(world.schedule("--every", "never")["removed"]), 2, "all of the home")
    expect_equal((files_below(world.config), os.listdir(os.path.join(home.path, "schedules"))), ({}, []), "what is left")
    expect_equal(home.json("status")["schedules"], [], "status")
    world.schedule("--every", "never", code=FAILED)


def main():
    with Story("schedule") as story:
        world = World(story)
        without_a_manager(world)
        wrong_lines(world)
        name = installed(world)
        changed(world, name)
        runs(world, name)
        killed(world)
        at_the_owner(world, name)
        sealed(world)
        lasting(world)
        removed(world, name, gone(world))


main()
