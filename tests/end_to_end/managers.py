"""Systemd managers of a user: a stand-in that remembers what it was told, and a real one where the machine lets it run."""

import json
import os
import re
import shutil
import subprocess
import sys

from cloud import expect, wait_until, with_parent

STAND_IN = """#!/usr/bin/env python3
import json, os, sys
folder = os.path.dirname(os.path.abspath(__file__))
words = [word for word in sys.argv[1:] if word not in ("--no-pager", "--no-ask-password")]
with open(folder + "/calls", "a") as calls:
    calls.write(json.dumps(words) + "\\n")
with open(folder + "/answers") as answers:
    answers = json.load(answers)
assert words[0] == "--user", words
answer = answers.get(" ".join(words[1:3]), answers.get(words[1], [0, "", ""]))
sys.stdout.write(answer[1])
sys.stderr.write(answer[2])
sys.exit(answer[0])
"""


class StandIn:
    """A program `systemctl` on PATH. `answers`: by the verb, or the verb and its first word: exit code, output, errors."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        with open(f"{folder}/systemctl", "w", encoding="utf-8") as program:
            program.write(STAND_IN)
        os.chmod(f"{folder}/systemctl", 0o755)
        self.answers = {"show --property=Version": [0, "Version=252\n", ""],
                        "show": [0, "ActiveState=active\nNextElapseUSecRealtime=Sat 2126-11-30 16:23:50 UTC\n", ""]}
        self.tell({})
        self.taken = 0

    def tell(self, answers):
        with open(f"{self.folder}/answers", "w", encoding="utf-8") as file:
            json.dump({**self.answers, **answers}, file)

    def calls(self):
        """What it was told since the last time this was asked, without what only looks."""
        if not os.path.exists(f"{self.folder}/calls"):
            return []
        with open(f"{self.folder}/calls", encoding="utf-8") as file:
            lines = file.readlines()
        new, self.taken = lines[self.taken:], len(lines)
        return [words[1:] for words in map(json.loads, new) if words[1] != "show"]

    def environment(self):
        return {"PATH": f"{self.folder}:{os.environ['PATH']}"}


def words_of(line):
    """The words of a unit's line, as systemd reads what the program writes there: quotes, escapes, %% and (of a command) $$."""
    plain = {"n": "\n", "\\": "\\", '"': '"'}
    words = []
    for quoted in re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line):
        text = re.sub(r"\\(?:x([0-9a-f]{2})|(.))", lambda found: chr(int(found.group(1), 16)) if found.group(1) else plain[found.group(2)],
                      quoted[0] or quoted[1])
        words.append(text.replace("%%", "%"))
    return words


class Unit:
    """What stands in a unit's file."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.lines = [line.split("=", 1) for line in self.text.splitlines() if "=" in line and not line.startswith("#")]

    def all(self, key):
        return [value for name, value in self.lines if name == key]

    def command(self):
        return [word.replace("$$", "$") for word in words_of(self.all("ExecStart")[0])]

    def environment(self):
        return dict(words_of(line)[0].split("=", 1) for line in self.all("Environment"))


def why_no_systemd():
    """Why no real manager can run here; "": one can."""
    if os.geteuid() != 0:
        return "not root"
    for program in ("systemctl", "unshare", "/usr/lib/systemd/systemd"):
        if not shutil.which(program):
            return f"there is no {program}"
    return "" if cgroup_parent() else "no control groups that may be made"


def cgroup_parent():
    """The folder of this process's group in the hierarchy that systemd would use."""
    with open("/proc/self/cgroup", encoding="utf-8") as groups:
        lines = [line.strip().split(":", 2) for line in groups]
    for name, mount in (("name=systemd", "/sys/fs/cgroup/systemd"), ("", "/sys/fs/cgroup")):
        for _, controllers, path in lines:
            folder = mount + path.rstrip("/")
            if controllers == name and os.access(f"{folder}/cgroup.procs", os.W_OK):
                return folder
    return ""


def with_namespaces(story):
    """Runs this program once more, in mount and process namespaces and a control group of its own: systemd serves nobody outside of its
    own. The machine is one there that systemd has booted: a folder says so. Gives the exit code; None: this is that second time.
    """
    if os.environ.get("HOLDFAST_IN_NAMESPACES"):
        subprocess.run("mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system", shell=True, check=True)
        return None
    group = f"{cgroup_parent()}/holdfast-{os.getpid()}"
    os.mkdir(group)

    def join():
        with open(f"{group}/cgroup.procs", "w", encoding="utf-8") as procs:
            procs.write(str(os.getpid()))

    try:
        return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, "-B", story],
                              env={**os.environ, "HOLDFAST_IN_NAMESPACES": "1"}, preexec_fn=with_parent(join), check=False).returncode
    finally:
        wait_until(lambda: is_removed(group), "the control group's end")


def is_removed(group):
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            os.rmdir(folder)
        except OSError:
            pass  # the last processes are about to end
    return not os.path.exists(group)


class CannotStart(Exception):
    """This kernel's control groups are not what this systemd wants, say."""


class Real:
    """A real `systemd --user`. CannotStart: it ended before it answered anybody."""

    def __init__(self, story):
        self.runtime, self.config, self.data = story.path("run"), story.path("config"), story.path("data")
        for folder in (self.runtime, self.config, self.data):
            os.mkdir(folder, 0o700)
        self.log_path = story.path("systemd.log")
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(["/usr/lib/systemd/systemd", "--user", "--log-target=console"], stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env={**os.environ, **self.environment()}, preexec_fn=with_parent())
        story.processes.append(self.process)
        wait_until(lambda: not self.is_there() or os.path.exists(f"{self.runtime}/systemd/private"), "the manager's socket")
        if not self.is_there():
            raise CannotStart(f"{self.systemd_version()} ended at once: {self.log()[-1000:]}")

    def environment(self):
        return {"XDG_RUNTIME_DIR": self.runtime, "XDG_CONFIG_HOME": self.config, "XDG_DATA_HOME": self.data, "DBUS_SESSION_BUS_ADDRESS": ""}

    @staticmethod
    def systemd_version():
        return subprocess.run(["systemctl", "--version"], stdout=subprocess.PIPE, check=True).stdout.decode().splitlines()[0]

    def is_there(self):
        return self.process.poll() is None

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def systemctl(self, *words, check=True):
        done = subprocess.run(["systemctl", "--user", "--no-pager", *words], env={**os.environ, **self.environment()}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False, timeout=120)
        expect(not check or done.returncode == 0, f"systemctl {words}: {done.stdout.decode()}")
        return done.stdout.decode()

    def property(self, unit, name):
        return self.systemctl("show", unit, f"--property={name}", "--value").strip()
