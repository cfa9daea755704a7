"""What a service manager sees: the server says when it is ready and when it stops, and serves a socket that it was handed, on which clients
may wait before it runs. The unit that is shipped allows every system call that it makes.
"""

import os
import re
import shutil
import socket
import subprocess

from cloud import DONE, HOLDFASTD, Server, Story, expect, expect_equal, is_sanitized, not_run, step, with_parent
from trees import expect_equal_trees, put

UNITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../packaging/systemd")


class Managed(Server):
    """holdfastd as a service manager starts it: with a socket to tell its state to, and perhaps one to serve."""

    def __init__(self, story, data, log, handed=None, prefix=()):
        self.handed, self.prefix = handed, prefix
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.settimeout(60)
        self.manager.bind(story.path("notify-" + os.path.basename(data)))
        super().__init__(story, data, log)

    def launch(self):
        def prepare():
            if self.handed is not None:
                os.dup2(self.handed.fileno(), 3)

        environment = {**os.environ, "NOTIFY_SOCKET": self.manager.getsockname()}
        line = [HOLDFASTD, "serve", "--data", self.data, "--listen", self.listen]
        if self.handed is not None:  # systemd names the process for which the sockets are
            line = ["sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"', *line]
        with open(self.log_path, "ab") as log:
            process = subprocess.Popen([*self.prefix, *line], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment,
                                       preexec_fn=with_parent(prepare), pass_fds=() if self.handed is None else (3,))
        self.story.processes.append(process)
        return process

    def told(self):
        return self.manager.recv(4096).decode()


def ready_and_stopping(story):
    step("the server tells that it is ready, with its address, and that it stops")
    server = Managed(story, story.path("data"), story.path("log"))
    state = server.told()
    expect(state.startswith("READY=1\nSTATUS=listening on 127.0.0.1:"), f"what it tells: {state!r}")
    server.stop()
    expect_equal(server.told(), "STOPPING=1", "what it tells when it stops")


def handed_socket(story):
    step("a socket that was handed over is served; who connects before the server runs, or between two of them, waits and is served")
    listener = socket.create_server(("127.0.0.1", 0), backlog=100)
    address = "%s:%d" % listener.getsockname()
    server = Managed(story, story.path("handed"), story.path("log of handed"), listener)
    expect(f"hf://{address}#" in server.link, f"the link names it: {server.link} {address}")
    home = story.home("anna", server)
    tree = story.path("tree")
    put(f"{tree}/file", b"content")
    server.stop()
    waiting = home.start("backup", tree, "--patience", "60")  # connects: the socket is still open
    server.start()
    expect_equal(waiting.end().code, DONE, "the backup that began while no server ran")
    home.run("restore", "latest", story.path("again"))
    expect_equal_trees(tree, story.path("again/tree"))
    server.stop()
    listener.close()

    step("what is no listening socket is refused, and said so")
    pair = socket.socketpair()
    try:
        Managed(story, story.path("wrong"), story.path("log of wrong"), pair[0])
        raise SystemExit("it started")
    except AssertionError:
        with open(story.path("log of wrong"), encoding="utf-8") as log:
            expect("does not listen on TCP" in log.read(), "its reason")


def allowed_calls():
    """The system calls that the unit's filter allows."""

    def members(group):
        shown = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", group], stdout=subprocess.PIPE, check=True).stdout.decode()
        calls = set()
        for word in re.findall(r"^ +(@?[a-z0-9_-]+)$", shown, re.MULTILINE):
            calls |= members(word) if word.startswith("@") else {word}
        return calls

    allowed = set()
    with open(os.path.join(UNITS, "holdfastd.service"), encoding="utf-8") as unit:
        for sign, group in re.findall(r"^SystemCallFilter=(~?)(\S+)$", unit.read(), re.MULTILINE):
            allowed = allowed - members(group) if sign else allowed | members(group)
    expect("read" in allowed and "reboot" not in allowed, "the filter is understood")
    return allowed


def unit_allows_what_it_does(story):
    step("the shipped unit allows every system call that the server makes, and little else")
    if is_sanitized():
        print("          not with sanitizers, which make calls of their own: the released program does it")
        return
    missing = [program for program in ("systemd-analyze", "strace") if not shutil.which(program)]
    if missing:
        not_run(f"there is no {' and no '.join(missing)}; what needs neither held")
    trace = story.path("trace")
    server = Managed(story, story.path("traced"), story.path("log of traced"), prefix=("strace", "-f", "-qq", "--signal=none", "-o", trace))
    home = story.home("bert", server)
    home.run("backup", story.path("tree"))
    home.run("restore", "latest", story.path("traced again"))
    home.run("check", "--read-data")
    subprocess.run(["pkill", "-TERM", "-P", str(server.process.pid)], check=True)
    server.process.wait(30)
    with open(trace, encoding="utf-8", errors="replace") as lines:
        made = {match.group(1) for match in (re.match(r"\d+ +([a-z0-9_]+)\(", line) for line in lines) if match}
    expect("accept4" in made or "accept" in made, f"the trace is the server's: {made}")
    others = {"execve"} | ({"fchown"} if os.geteuid() == 0 else set())  # systemd's; SQLite's, when root runs it
    outside = made - allowed_calls() - others
    expect(not outside, f"system calls that the unit does not allow: {outside}")
    shown = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", os.path.join(UNITS, "holdfastd.service")],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False).stdout.decode()
    exposure = re.search(r"Overall exposure level for holdfastd\.service: ([0-9.]+)", shown)
    expect(exposure and float(exposure.group(1)) <= 1.5, f"the exposure level: {shown[-300:]}")
    print(f"          systemd-analyze security: {exposure.group(1)} of 10")


def main():
    with Story("service-manager") as story:
        ready_and_stopping(story)
        handed_socket(story)
        unit_allows_what_it_does(story)


main()
