"""A cloud for one story: a server process, homes, and the commands that a person types.

A story is a script that runs from top to bottom:

    with Story("main_job") as story:
        server = story.server()
        home = story.home("anna", server)
        home.run("backup", "/usr/include")

Everything lies in one temporary folder, which goes when the story ends, as do all processes it started.
"""

import ctypes
import json
import os
import random
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time

BIN = os.environ.get("HOLDFAST_BIN") or sys.exit("HOLDFAST_BIN must name the folder of holdfast and holdfastd")
HOLDFAST = os.path.join(BIN, "holdfast")
HOLDFASTD = os.path.join(BIN, "holdfastd")
DONE, FAILED, USAGE, INCOMPLETE, ALARM, KEYS, UNREACHABLE = range(7)
EXIT_NAMES = ["done", "failed", "usage", "incomplete", "alarm", "keys", "unreachable"]
COMMAND_SECONDS_MAX = 240
KIB, MIB = 1 << 10, 1 << 20


def is_sanitized():
    """Whether the programs carry AddressSanitizer: then they are slow, and their memory says nothing."""
    with open(HOLDFAST, "rb") as program:
        return b"__asan_init" in program.read()


def not_run(reason):
    """Ends a story that this machine can't play: ctest counts it as not run, and scripts/test says why."""
    print(f"not run: {reason}", flush=True)
    sys.exit(77)  # SKIP_RETURN_CODE in CMakeLists.txt


def expect(condition, what):
    if not condition:
        raise AssertionError(what)


def expect_equal(got, wanted, what):
    expect(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def step(sentence):
    """One line of the story, with the time it began at."""
    print(f"{time.monotonic() - step.began:6.1f} s  {sentence}", flush=True)


step.began = time.monotonic()


def wait_until(condition, what, seconds=60):
    """Asks again and again: for what another process does and tells nobody."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        expect(time.monotonic() < end, f"{what} did not happen within {seconds} s")
        time.sleep(0.01)


def files_below(folder):
    """All regular files, with their sizes. What vanishes meanwhile is passed over."""
    found = {}
    for path, _, names in os.walk(folder):
        for name in names:
            full = os.path.join(path, name)
            try:
                status = os.lstat(full)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(status.st_mode):
                found[full] = status.st_size
    return found


class Ended:
    """A command that has ended."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    @property
    def text(self):
        return self.out.decode("utf-8", "surrogateescape")

    @property
    def error_text(self):
        return self.err.decode("utf-8", "surrogateescape")

    @property
    def json(self):
        """The one JSON object that --json prints: on standard output, or, of an error, on standard error."""
        return json.loads(self.out or self.err)

    @property
    def error(self):
        return json.loads(self.err)["error"]

    def __str__(self):
        return f"{' '.join(self.arguments)}\n  exit {self.code}\n  out: {self.text[-2000:]}\n  err: {self.error_text[-2000:]}"


class Running:
    """A command under way."""

    def __init__(self, arguments, process):
        self.arguments, self.process = arguments, process

    @property
    def pid(self):
        return self.process.pid

    def is_over(self):
        return self.process.poll() is not None

    def kill(self):
        """kill -9, in the middle of whatever it does."""
        self.process.kill()
        return self.end()

    def end(self, code=None, seconds=COMMAND_SECONDS_MAX):
        out, err = self.process.communicate(timeout=seconds)
        ended = Ended(self.arguments, self.process.returncode, out, err)
        if code is not None:
            expect_exit(ended, code)
        return ended


def is_served(owner):
    """Whether another command is connected to the owner's control socket."""
    with open("/proc/net/unix", encoding="utf-8") as table:
        connected = {fields[6] for fields in map(str.split, table) if fields[-1].endswith("/control") and fields[5] == "03"}
    if os.geteuid() != 0:
        return bool(connected)  # only root may see whose they are
    links = []
    for number in os.listdir(f"/proc/{owner.pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{owner.pid}/fd/{number}"))
        except FileNotFoundError:
            continue  # closed since
    return any(link[len("socket:["):-1] in connected for link in links if link.startswith("socket:["))


def expect_exit(ended, code):
    codes = code if isinstance(code, tuple) else (code,)
    names = " or ".join(f"{one} ({EXIT_NAMES[one] if one >= 0 else signal.Signals(-one).name})" for one in codes)
    expect(ended.code in codes, f"wanted exit {names}: {ended}")


class Server:
    """holdfastd over one data directory. It may be stopped, killed and started again."""

    def __init__(self, story, data, log, environment=None, limits=None, options=(), listen="127.0.0.1:0"):
        self.story, self.data, self.log_path = story, data, log
        self.environment, self.limits, self.options = environment or {}, limits, options
        self.listen = listen
        self.process = None
        self.start()

    def start(self):
        self.process = self.launch()
        line = self.process.stdout.readline().decode().strip()
        expect(line.startswith("hf://"), f"the server does not start: {line!r} {self.log()[-2000:]}")
        self.link = line
        self.listen = re.match(r"hf://([^#]+)#", line).group(1)  # the same again, so that clients find it
        return self

    def launch(self):
        with open(self.log_path, "ab") as log:
            process = subprocess.Popen([HOLDFASTD, "serve", "--data", self.data, "--listen", self.listen, *self.options],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                       env={**os.environ, **self.environment}, preexec_fn=with_parent(self.limits))
        self.story.processes.append(process)
        return process

    def stop(self):
        self.process.terminate()
        expect_equal(self.process.wait(30), 0, "the server's exit code after SIGTERM")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="surrogateescape") as log:
            return log.read()

    def objects(self):
        """What is stored: path and size of each object."""
        return {path: size for path, size in files_below(os.path.join(self.data, "objects")).items()
                if re.search(r"^[0-9a-f]{32}$", os.path.basename(path))}

    def bytes_stored(self):
        return sum(self.objects().values())


def with_parent(more=None):
    """What a child does before its program starts: it dies with the test, whatever happens to that."""
    libc = ctypes.CDLL(None)

    def prepare():
        libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        if more:
            more()

    return prepare


class Home:
    """One device of one account: a HOLDFAST_HOME, and the commands that are typed with it."""

    def __init__(self, story, path, environment=None):
        self.story, self.path = story, path
        self.environment = {"HOLDFAST_HOME": path, "LC_ALL": "C.UTF-8", **(environment or {})}

    def start(self, *arguments, environment=None, prepare=None, stdin=subprocess.DEVNULL, cwd=None, prefix=(), **more):
        line = [*prefix, HOLDFAST, *arguments]
        process = subprocess.Popen(line, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
                                   env={**os.environ, **self.environment, **(environment or {})},
                                   preexec_fn=with_parent(prepare), **more)
        self.story.processes.append(process)
        return Running([str(one) for one in line], process)

    def run(self, *arguments, code=DONE, **more):
        return self.start(*arguments, **more).end(code)

    def json(self, *arguments, code=DONE, **more):
        return self.run(*arguments, "--json", code=code, **more).json


class Story:
    def __init__(self, name):
        self.name = name
        self.processes = []

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix=f"holdfast-{self.name}-")
        return self

    def __exit__(self, kind, error, trace):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.leave()
        if os.environ.get("HOLDFAST_KEEP"):
            print(f"kept: {self.folder}")
        else:
            remove_tree(self.folder)
        if kind is None:
            step("the story ends well")

    def leave(self):
        """What a story has to undo beside files and processes; replaced where there is something."""

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def server(self, name="server", **more):
        return Server(self, self.path(name), self.path(f"{name}.log"), **more)

    def home(self, name, server, signed_up=True, environment=None):
        home = Home(self, self.path(f"home-{name}"), environment)
        if signed_up:
            home.run("signup", name, "--server", server.link, "--no-passphrase")
        return home

    def random_file(self, path, size, seed):
        """Bytes that neither compress nor repeat."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        draw = random.Random(seed)
        with open(path, "wb") as out:
            while size > 0:
                piece = min(size, MIB)
                out.write(draw.randbytes(piece))
                size -= piece
        return path


def remove_tree(folder):
    if os.geteuid() != 0:
        subprocess.run(["chmod", "-R", "u+rwX", folder], check=False)
    subprocess.run(["rm", "-rf", folder], check=True)
