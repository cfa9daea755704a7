"""What the measuring programs share: options, the two peers and the floor as processes, trees, results and their table.

    with Runs(options, "backup") as runs:            a folder, removed at the end; processes, ended at the end
        holdfast = runs.holdfast("first"); restic = runs.restic("first")
        results.add("src", "first", "holdfast", holdfast.backup(tree))

Figures of a step are a dictionary: wall (s), cpu (s, all processes), peak (MiB, the client), server_peak (MiB), and what the step is
about: sent, stored (bytes)."""
import argparse, filecmp, glob, json, os, platform, random, shutil, signal, statistics, subprocess, sys, time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
WORK, BIN = os.path.join(ROOT, "build", "bench"), os.path.join(ROOT, "build", "release", "bin")
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
PEERS = ("holdfast", "restic")
SETTLE_SECONDS = 2.1  # what changed within 2 s of a scan is read again by the next one


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse(doc, runs, more=lambda parser: None):
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", default=WORK, help="where trees are kept and runs are made (build/bench)")
    parser.add_argument("--bin", default=BIN, help="the programs' folder (build/release/bin)")
    parser.add_argument("--runs", type=int, default=runs, help=f"pairs, of which medians are printed ({runs})")
    parser.add_argument("--json", metavar="FILE", help="every run's figures, and the machine's")
    parser.add_argument("--alone", action="store_true", help="without restic")
    parser.add_argument("--keep", action="store_true", help="leave the runs' folder")
    more(parser)
    options = parser.parse_args()
    options.work, options.bin = os.path.abspath(options.work), os.path.abspath(options.bin)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    return options


def sh(*command, **options):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def timed(command, env=None, also=()):
    """The figures of one process from start to end. A failure ends the program. also: exit codes that are good, beside 0."""
    reading, writing = os.pipe()
    launcher = [sys.executable, "-I", "-S", os.path.join(HERE, "launch.py"), str(writing)]
    process = subprocess.Popen(launcher + command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[writing])
    os.close(writing)
    _, trouble = process.communicate()
    with open(reading) as told:
        figures = json.loads(told.read() or '{"status": "not started"}')
    if figures.pop("status") not in (0, *also):
        sys.exit(f"{' '.join(command)} failed: {trouble.decode(errors='replace')}")
    return figures


def growing(tool, run):
    """The figures of run(), and as `sent` what the tool's store grew by."""
    before = tool.stored()
    figures = run()
    return {**figures, "sent": tool.stored() - before}


def settle():
    """Waits until what was just written is older than what a scan reads again."""
    os.sync()
    time.sleep(SETTLE_SECONDS)


def expect_file(out, original):
    """Somewhere below `out` is the one file that was asked for, with the bytes of the original."""
    found = [os.path.join(at, name) for at, _, names in os.walk(out) for name in names]
    if len(found) != 1 or not filecmp.cmp(found[0], original, shallow=False):
        sys.exit(f"{out} does not hold {os.path.basename(original)} as it was: {found}")


def bytes_below(folder):
    return sum(os.lstat(os.path.join(at, name)).st_size for at, _, names in os.walk(folder) for name in names)


def warm(tree):
    """Reads it all, and writes back what is dirty: no step pays for another's."""
    sh("sh", "-c", 'tar -cf - "$0" | cat >/dev/null', tree)
    os.sync()


# --- the peers ---


class Holdfast:
    """Client and server, over TLS on the loopback, durable. through: a function from the server's address to another one that clients
    are given instead."""

    def __init__(self, binaries, folder, through=None):
        os.makedirs(folder)
        self.program = os.path.join(binaries, "holdfast")
        self.data, self.log = os.path.join(folder, "data"), open(os.path.join(folder, "server.log"), "w")
        self.env = dict(os.environ, HOLDFAST_HOME=os.path.join(folder, "home"))
        self.server = subprocess.Popen([self.program + "d", "serve", "--data", self.data, "--listen", "127.0.0.1:0"],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log)
        link = self.server.stdout.readline().decode().strip()
        if through:
            address, key = link.removeprefix("hf://").split("#", 1)
            link = f"hf://{through(address)}#{key}"
        self.run("signup", "bench", "--server", link, "--no-passphrase")

    def run(self, *arguments):
        before = self.server_cpu()
        with open(f"/proc/{self.server.pid}/clear_refs", "w") as peak:
            peak.write("5")  # VmHWM counts from here
        figures = timed([self.program, *arguments], self.env)
        figures["cpu"] += self.server_cpu() - before
        figures["server_peak"] = self.server_peak()
        return figures

    def server_cpu(self):
        with open(f"/proc/{self.server.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def server_peak(self):
        with open(f"/proc/{self.server.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024

    def backup(self, tree):
        return self.run("backup", tree)

    @staticmethod
    def place(tree, path):
        return "latest" + (f":{os.path.basename(tree)}/{path}" if path else "")

    def restore(self, into, tree="", path=""):
        return self.run("restore", self.place(tree, path), into)

    def ls(self, tree, path):
        return self.run("ls", self.place(tree, path))

    def check(self):
        return self.run("check", "--read-data")

    def stored(self):
        return bytes_below(os.path.join(self.data, "objects"))

    def stop(self):
        if self.server.poll() is None:
            self.server.terminate()
            self.server.wait()
        self.server.stdout.close()
        self.log.close()


class Restic:
    def __init__(self, folder):
        os.makedirs(folder)
        self.repository = os.path.join(folder, "repository")
        self.env = dict(os.environ, RESTIC_PASSWORD="bench", RESTIC_REPOSITORY=self.repository, RESTIC_CACHE_DIR=os.path.join(folder, "cache"))
        self.run("init")

    def run(self, *arguments):
        return timed(["restic", *arguments], self.env)

    def backup(self, tree):
        return self.run("backup", tree)

    def restore(self, into, tree="", path=""):
        return self.run("restore", "latest", "--target", into, *(("--include", os.path.join(tree, path)) if path else ()))

    def ls(self, tree, path):
        return self.run("ls", "latest", os.path.join(tree, path))

    def check(self):
        return self.run("check", "--read-data")

    def stored(self):
        return bytes_below(self.repository)

    def stop(self):
        pass


class Floor:
    """The bare floor (floor.cpp), step by step as the peers do theirs."""

    def __init__(self, binaries, folder):
        os.makedirs(folder)
        self.program, self.folder, self.stores = os.path.join(binaries, "bench_floor"), folder, 0

    def run(self, *arguments):
        return timed([self.program, *arguments])

    def store(self):
        return os.path.join(self.folder, f"store-{self.stores}")

    def backup(self, tree):
        self.stores += 1
        return self.run("write", tree, self.store())

    def unchanged(self, tree):
        return self.run("walk", tree)

    def restore(self, into):
        return self.run("restore", self.store(), into)

    def check(self):
        return self.run("read", self.store())

    def stored(self):
        return bytes_below(self.store())

    def stop(self):
        pass


def peers_here(options):
    """Which of them can be measured; says what is left out."""
    if not os.access(os.path.join(options.bin, "holdfastd"), os.X_OK):
        sys.exit("holdfast and holdfastd are not there:  cmake --preset release && ninja -C build/release holdfast holdfastd   (or --bin DIR)")
    if options.alone:
        return ["holdfast"]
    if shutil.which("restic"):
        return list(PEERS)
    say("restic is not installed (scripts/setup bench): its columns are left out")
    return ["holdfast"]


def in_turns(peers, number):
    """The order of run `number`: each peer is first as often as the other, the floor is in every place."""
    order = [peer for peer in peers if peer in PEERS]
    if number % 2:
        order.reverse()
    if "floor" in peers:
        order.insert(number % (len(order) + 1), "floor")
    return order


class Runs:
    """The folder of one program's run, and the processes in it. Nothing in it is deleted before all is measured: a restore after a
    deletion measures the deletion (docs/PERFORMANCE.md)."""

    def __init__(self, options, name):
        self.options, self.tools = options, []
        self.folder = os.path.join(options.work, f"{name}-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")

    def __enter__(self):
        os.makedirs(self.folder)
        return self

    def __exit__(self, *_):
        for tool in self.tools:
            tool.stop()
        if self.options.keep:
            say(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def needs(self, size):
        free = shutil.disk_usage(self.folder).free
        if free < size:
            sys.exit(f"this needs some {size / GIB:.0f} GiB in {self.options.work}, where {free / GIB:.0f} are free: fewer --runs, less work, or another --work")

    def start(self, peer, name, **more):
        folder = self.path(f"{name}-{peer}")
        tool = {"holdfast": lambda: Holdfast(self.options.bin, folder, **more), "restic": lambda: Restic(folder),
                "floor": lambda: Floor(self.options.bin, folder)}[peer]()
        self.tools.append(tool)
        return tool


# --- results ---


class Results:
    def __init__(self, options, peers):
        self.options, self.peers, self.rows = options, peers, []

    def add(self, case, step, peer, figures):
        self.rows.append({"case": case, "step": step, "peer": peer, **figures})
        text = {"wall": "{:.3f} s", "cpu": "CPU {:.2f} s", "peak": "peak {:.0f} MiB", "server_peak": "server {:.0f} MiB", "sent": "sent {:,} B",
                "stored": "{:,} B stored"}
        say(f"{case} {step} {peer}: " + ", ".join(form.format(figures[key]) for key, form in text.items() if key in figures))

    def all(self, case, step, peer, key):
        return [row[key] for row in self.rows if (row["case"], row["step"], row["peer"]) == (case, step, peer) and key in row]

    def median(self, case, step, peer, key="wall"):
        values = self.all(case, step, peer, key)
        return statistics.median(values) if values else None

    def ratio(self, case, step, over, under, key="wall"):
        """The median of the pairs' ratios."""
        pairs = zip(self.all(case, step, over, key), self.all(case, step, under, key))
        ratios = [a / b for a, b in pairs if b]
        return statistics.median(ratios) if ratios else None

    def cases(self):
        return list(dict.fromkeys((row["case"], row["step"]) for row in self.rows))

    def table(self):
        """One row for each step: seconds, processors' seconds, memory, bytes; `-` where nothing was measured."""
        shown = lambda value, form, width: ("-" if value is None else form.format(value)).rjust(width)
        columns = [(f"{peer} s", peer, "wall", "{:.2f}") for peer in self.peers]
        columns += [(f"{peer} CPU", peer, "cpu", "{:.1f}") for peer in self.peers]
        columns += [(f"{peer} MiB", peer, "peak", "{:.0f}") for peer in self.peers] + [("server MiB", "holdfast", "server_peak", "{:.0f}")]
        ratios = [("faster", "restic", "holdfast")] * ("restic" in self.peers) + [("of floor", "holdfast", "floor")] * ("floor" in self.peers)
        print(" ".join([f"{'':10} {'':10}", *(f"{name:>{max(7, len(name))}}" for name, *_ in columns), *(f"{name:>8}" for name, *_ in ratios)]))
        for case, step in self.cases():
            if not any(self.all(case, step, peer, "wall") for peer in self.peers):
                continue
            print(" ".join([f"{case:10} {step:10}",
                            *(shown(self.median(case, step, peer, key), form, max(7, len(name))) for name, peer, key, form in columns),
                            *(shown(self.ratio(case, step, over, under), "{:.2f}x", 8) for _, over, under in ratios)]))
        for key, word in (("stored", "stored"), ("sent", "sent")):
            for case, step in self.cases():
                values = {peer: self.median(case, step, peer, key) for peer in self.peers}
                if any(values.values()):
                    share = f", {values['holdfast'] / values['restic']:.3f} of restic's" if values.get("restic") and values["holdfast"] else ""
                    print(f"{case:10} {step:10} {word} " + ", ".join(f"{peer} {value / MIB:.2f} MiB" for peer, value in values.items() if value is not None) + share)
        sys.stdout.flush()

    def save(self, **more):
        if self.options.json:
            with open(self.options.json, "w") as out:
                json.dump({"program": os.path.basename(sys.argv[0]), "arguments": sys.argv[1:], "machine": machine(self.options), **more, "rows": self.rows}, out, indent=1)
                out.write("\n")


def machine(options):
    with open("/proc/cpuinfo") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), platform.machine())
    said = lambda *command: subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "processor": model, "processors": len(os.sched_getaffinity(0)),
            "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MIB, "kernel": platform.release(),
            "holdfast": said(os.path.join(options.bin, "holdfast"), "--version"), "commit": said("git", "-C", ROOT, "rev-parse", "--short", "HEAD"),
            "restic": said("restic", "version") if shutil.which("restic") else None}


# --- trees ---


def make_once(tree, make):
    """A tree that is kept for the next run. It is older than what a scan reads again."""
    if not os.path.exists(tree + ".done"):
        say(f"making {os.path.basename(tree)}")
        shutil.rmtree(tree, ignore_errors=True)
        os.makedirs(tree)
        make(tree)
        settle()
        open(tree + ".done", "w").close()
    return tree


def fetch_package(name, folder):
    os.makedirs(folder, exist_ok=True)
    if not glob.glob(os.path.join(folder, name + "_*.deb")):
        say(f"fetching {name}")
        sh("apt-get", "download", name, cwd=folder)
    return glob.glob(os.path.join(folder, name + "_*.deb"))[0]


def make_src(tree, packages):
    with open("/etc/debian_version") as version:
        deb = fetch_package("linux-source-6.1" if version.read().startswith("12") else "linux-source-6.12", packages)
    tar = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE)
    inner = subprocess.Popen(["tar", "-xO", "--wildcards", "./usr/src/linux-source-*.tar.xz"], stdin=tar.stdout, stdout=subprocess.PIPE)
    sh("tar", "-xJ", "-C", tree, stdin=inner.stdout)


def make_media(tree, packages):
    for name in ("gnome-backgrounds", "plasma-workspace-wallpapers"):
        sh("dpkg-deb", "-x", fetch_package(name, packages), tree)
    for deb in sorted(glob.glob(os.path.join(packages, "*.deb"))):
        shutil.copy(deb, tree)


def write_random(path, size, seed):
    draw = random.Random(seed)
    with open(path, "wb") as out:
        for at in range(0, size, MIB):
            out.write(draw.randbytes(min(MIB, size - at)))


def make_random(tree, files, size):
    for i in range(files):
        write_random(os.path.join(tree, f"random-{i}"), size // files, i)


def write_text(path, size, draw):
    """Words that shrink to about a third, and are another file's only by chance."""
    words = ("static ", "const ", "return ", "struct ", "if (", ");\n", "0x", "unsigned ", "\t\t", "->")
    text, length = [], 0
    while length < size:
        text.append(draw.choice(words) + "%x " % draw.getrandbits(16))
        length += len(text[-1])
    with open(path, "w") as out:
        out.write("".join(text)[:size])


def tree_of(options, name):
    packages = os.path.join(options.work, "packages")
    makers = {"src": lambda at: make_src(at, packages), "media": lambda at: make_media(at, packages), "rand8": lambda at: make_random(at, 8, GIB),
              "rand1": lambda at: make_random(at, 1, GIB), "tiny": lambda at: make_random(at, 3, 3 * MIB)}
    if name not in makers:
        sys.exit(f"there is no tree {name}; there are {', '.join(makers)}")
    return make_once(os.path.join(options.work, "trees", name), makers[name])
