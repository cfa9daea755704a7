"""Calls and headers that have a better way here, and words that say that something is unfinished."""

import os
import re
import subprocess
from dataclasses import dataclass

from tree import Finding

# The rooms that meet the operating system. Everything else takes the doors of src/base as arguments, which is what lets
# the simulator stop time, cut the power and draw the random numbers.
AT_THE_DOORS = (
    "src/base/system",  # the doors themselves
    "src/net/",
    "src/server/",
    "src/agent/",
    "src/session/http_remote",  # the real Remote
    "apps/",
    "tests/",
    "fuzz/",
    "bench/",
)


@dataclass(frozen=True)
class Ban:
    pattern: str
    instead: str
    allowed: tuple = ()  # beginnings of paths
    in_unit_tests: bool = False  # whether unit tests may


def call(*names):
    """A call of a free function: not a member's, and not a declaration's name."""
    return r"(?<![\w.>:])(?:std::|::)?(?:" + "|".join(names) + r")\s*\("


def header(*names):
    return r"^\s*#\s*include\s*<(?:" + "|".join(names) + r")>"


BANS = [
    # Doors.
    Ban(header("chrono", "ctime", "time\\.h", "sys/time\\.h") + r"|std::chrono|\b(?:clock_gettime|gettimeofday)\s*\("
        r"|(?<![\w>])(?:std)?::time\s*\(|\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)",
        "Time comes from Clock (base/clock.h), as nanoseconds", AT_THE_DOORS, True),
    Ban(header("random", "sys/random\\.h") + r"|std::(?:mt19937|random_device|default_random_engine)|\bgetrandom\s*\(|"
        + call("rand", "srand"),
        "Random bytes come from Random (base/random.h); tests take theirs from a seed", AT_THE_DOORS, True),
    Ban(header("fstream", "filesystem", "fcntl\\.h", "unistd\\.h", "dirent\\.h", "sys/(?:stat|file|mman|xattr|uio|statvfs|vfs)\\.h")
        + r"|std::(?:filesystem|ifstream|ofstream|fstream)\b|(?<![\w>])::(?:open|read|write|close|stat|rename|unlink)\s*\("
        r"|\bf(?:open|dopen|read|write)\s*\(",
        "Files are reached through Files (base/files.h)", AT_THE_DOORS + ("src/crypto/secret.cpp",), True),
    Ban(header("sys/socket\\.h", "netinet/.*", "arpa/.*", "netdb\\.h", "poll\\.h", "sys/epoll\\.h"),
        "A server is reached through Remote (base/remote.h)", AT_THE_DOORS, True),
    Ban(header("thread", "mutex", "shared_mutex", "condition_variable", "future", "pthread\\.h", "semaphore")
        + r"|std::(?:thread|jthread|mutex|shared_mutex|condition_variable|async|future|this_thread)\b",
        "Pure jobs go to Workers (base/workers.h); the core has no thread or lock of its own",
        AT_THE_DOORS + ("src/crypto/secret.cpp",), True),
    Ban(r"\b(?:std::)?(?:secure_)?getenv\s*\(", "apps read the environment and pass values in", AT_THE_DOORS, True),
    # Output.
    Ban(r"std::(?:cout|cerr|clog)\b|(?<![\w.>:])(?:std::)?(?:printf|puts|putchar)\s*\(|\bf(?:printf|puts|putc)\s*\(",
        "Return values; apps print them. The server's log is its own", ("src/server/", "src/agent/", "src/base/system", "apps/",
                                                                       "tests/", "fuzz/", "bench/"), True),
    # Unsafe, or never what is meant.
    Ban(call("system", "popen"), "Start no shell; programs are started with posix_spawn and a list of arguments, in tests only", ("tests/",), True),
    Ban(call("strcpy", "strcat", "strncpy", "strncat", "sprintf", "vsprintf", "gets", "strtok", "alloca"),
        "Use std::string, std::span or std::to_chars"),
    Ban(call("atoi", "atol", "atoll", "atof", "strtol", "strtoul", "strtoll", "strtoull"), "Use std::from_chars: it tells errors", ("tests/", "fuzz/")),
    Ban(r"(?<![\w.>:])(?:std::|::)?memcmp\s*\(", "Compare secrets with crypto::equal_constant_time, public bytes with =="),
    Ban(r"\b(?:sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<![\w>])::sleep\s*\(",
        "Wait for the event (tests too), or let a Clock sleep", ("src/base/system",)),
    Ban(r"\busing\s+namespace\s+std\s*;", "Write std::"),
    Ban(r"\bGTEST_SKIP\b|\bDISABLED_", "A test that may not run proves nothing: make its condition, or remove it"),
    # Secrets.
    Ban(r"\bRawKeyAccess\b|\breveal\s*\(|\bKeyRoom\b", "Raw key bytes stay in src/crypto: add a typed call there", ("src/crypto/",)),
    Ban(r'"crypto/(?:key_room|[a-z_]+_inline)\.h"', "The insides of src/crypto: include its public headers", ("src/crypto/",)),
]


def check_bans(tree):
    for file in tree.code("src", "apps", "tests", "fuzz", "bench"):
        for ban in BANS:
            if file.path.startswith(ban.allowed) or (ban.in_unit_tests and file.is_unit_test):
                continue
            for number, match in file.find(ban.pattern, file.code):
                yield Finding(file.path, number, f"'{match.group().strip()}'", ban.instead)


UNFINISHED = r"\b(?:TODO|FIXME|XXX|HACK)\b|\bfor now\b|\bnot (?:yet )?implemented\b"
MACHINE_PATH = r"(?<![\w.~$}])/(?:home|root|work|tmp)/\w"


def outside_tidy(files):
    return [f for f in files if not f.path.startswith("tests/tidy/")]


def check_words(tree):
    for file in outside_tidy(tree.under("src", "apps", "tests", "fuzz", "bench", "scripts", "cmake", ".ci", "CMakeLists.txt")):
        for number, match in file.find(UNFINISHED):
            yield Finding(file.path, number, f"'{match.group()}'", "Finish it, or say in docs/STATUS.md what is absent")


def check_machine_paths(tree):
    places = ("src", "apps", "fuzz", "bench", "scripts", "cmake", ".ci", "CMakeLists.txt", "CMakePresets.json")
    for file in tree.under(*places):
        if file.is_unit_test:
            continue
        for number, match in file.find(MACHINE_PATH):
            yield Finding(file.path, number, f"a path of one machine, '{match.group()}...'", "Take it as an argument, or from the environment")


def registry_hosts():
    """The hosts of this machine's package archives and registries."""
    places = ["/etc/apt/sources.list", "/etc/pip.conf", os.path.expanduser("~/.npmrc"), os.path.expanduser("~/.config/pip/pip.conf")]
    if os.path.isdir("/etc/apt/sources.list.d"):
        places += ["/etc/apt/sources.list.d/" + name for name in os.listdir("/etc/apt/sources.list.d")]
    text = " ".join(v for k, v in os.environ.items() if re.search("registry|index_url|goproxy", k, re.I))
    for place in places:
        try:
            with open(place, encoding="utf-8", errors="replace") as file:
                text += file.read()
        except OSError:
            pass
    return {host for host in re.findall(r"https?://(?:[^/\s@]*@)?([\w.-]+)", text) if "." in host and not host[0].isdigit()}


# Hosts that a machine with another configuration would name.
REGISTRY_LIKE = r"https?://(?:deb|ftp|security|archive|mirrors?|registry|packages|pypi|index|static|crates|proxy|repo)\.[\w-]+\.(?:org|com|io|net|dev)\b"


def check_registries(tree, hosts=None):
    names = registry_hosts() if hosts is None else hosts
    pattern = "|".join([REGISTRY_LIKE] + [rf"(?<![\w.-]){re.escape(host)}\b" for host in sorted(names)])
    for file in outside_tidy(tree.files):
        for number, match in file.find(pattern):
            yield Finding(file.path, number, f"names a package registry, '{match.group()}'", "Package managers know where to look: name the package only")


LINES_MAX = 600


def check_shape(tree):
    for file in tree.under("src", "apps", "tests", "fuzz", "bench", "scripts", ends=(".cpp", ".h", ".py", ".sh", "")):
        if len(file.lines) > LINES_MAX:
            yield Finding(file.path, LINES_MAX + 1, f"{len(file.lines)} lines", "A file holds one idea: split it")
        if file.path.endswith(".h") and not any(file.find(r"^#pragma once$")):
            yield Finding(file.path, 1, "a header without #pragma once", "Add it below the opening comment")


def check_coroutines(tree):
    """The rule that GCC 12 makes necessary has a script of its own (DECISIONS of the net room)."""
    script = os.path.join(tree.root, "scripts/check-coroutines")
    if os.path.exists(script):
        run = subprocess.run([script], cwd=tree.root, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            said = (run.stdout + run.stderr).strip().splitlines() or ["failed without a word"]
            for line in said:
                yield Finding("scripts/check-coroutines", 1, line, "See src/net/README.md")


RULES = [check_bans, check_words, check_machine_paths, check_registries, check_shape, check_coroutines]
