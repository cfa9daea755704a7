"""Trees on disk: making the odd ones, and saying exactly where two differ."""

import os
import socket
import stat
import subprocess

from cloud import expect

PIECE = 1 << 20


def kind_of(status):
    return {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "symlink", stat.S_IFIFO: "fifo", stat.S_IFSOCK: "socket",
            stat.S_IFCHR: "character device", stat.S_IFBLK: "block device"}[stat.S_IFMT(status.st_mode)]


def walk(root):
    """{path below root, as bytes: its stat}, links not followed; the root itself is b''."""
    found = {}
    waiting = [os.fsencode(root)]
    top = len(waiting[0])
    while waiting:
        path = waiting.pop()
        status = os.lstat(path)
        found[path[top:].lstrip(b"/")] = status
        if stat.S_ISDIR(status.st_mode):
            waiting += [os.path.join(path, name) for name in os.listdir(path)]
    return found


def attributes(path):
    """All extended attributes; ACLs are among them (system.posix_acl_*)."""
    found = {}
    for name in os.listxattr(path, follow_symlinks=False):
        found[name] = os.getxattr(path, name, follow_symlinks=False)
    return found


def link_groups(tree):
    """The sets of names that are one file."""
    groups = {}
    for path, status in tree.items():
        if not stat.S_ISDIR(status.st_mode) and status.st_nlink > 1:
            groups.setdefault((status.st_dev, status.st_ino), set()).add(path)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def same_bytes(left, right):
    with open(left, "rb") as one, open(right, "rb") as other:
        while True:
            a, b = one.read(PIECE), other.read(PIECE)
            if a != b:
                return False
            if not a:
                return True


def differences(left, right, without=(), most=20, owners=os.geteuid() == 0):
    """Sentences about every difference between two trees: names, types, modes, owners, times, attributes, link targets, hard
    links, holes, content. `without`: paths below the roots, as bytes, that only the left one has."""
    here, there = walk(left), walk(right)
    for path in without:
        here.pop(path, None)
    out = [f"{path!r} is missing" for path in here.keys() - there.keys()] + [f"{path!r} is too many" for path in there.keys() - here.keys()]
    for path in sorted(here.keys() & there.keys()):
        a, b = here[path], there[path]
        left_path, right_path = (os.path.join(os.fsencode(root), path) if path else os.fsencode(root) for root in (left, right))

        def compare(what, one, other, path=path):
            if one != other:
                out.append(f"{path!r}: {what} is {other!r}, was {one!r}")

        compare("its type", kind_of(a), kind_of(b))
        if stat.S_IFMT(a.st_mode) != stat.S_IFMT(b.st_mode):
            continue
        compare("its mode", oct(a.st_mode), oct(b.st_mode))
        if owners:
            compare("its owner", (a.st_uid, a.st_gid), (b.st_uid, b.st_gid))
        compare("its time", a.st_mtime_ns, b.st_mtime_ns)
        compare("its attributes", attributes(left_path), attributes(right_path))
        kind = kind_of(a)
        if kind == "symlink":
            compare("its target", os.readlink(left_path), os.readlink(right_path))
        elif kind.endswith("device"):
            compare("its number", a.st_rdev, b.st_rdev)
        elif kind == "file":
            compare("its size", a.st_size, b.st_size)
            if a.st_size == b.st_size and not same_bytes(left_path, right_path):
                out.append(f"{path!r}: its content differs")
            if a.st_blocks * 512 + (64 << 10) < a.st_size and b.st_blocks * 512 > a.st_blocks * 512 + (64 << 10):
                out.append(f"{path!r}: its holes are gone: {b.st_blocks * 512} bytes on disk, were {a.st_blocks * 512}")
    kept = {frozenset(name for name in group if name in here) for group in link_groups(walk(left))}
    if {group for group in kept if len(group) > 1} != link_groups(there):
        out.append("the hard links differ")
    return out[:most]


def expect_equal_trees(left, right, without=()):
    found = differences(left, right, without)
    expect(not found, f"{left} and {right} differ:\n  " + "\n  ".join(found))


def put(path, content=b"", mode=0o644):
    path = os.fsencode(path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(content)
    os.chmod(path, mode)
    return path


ODD_NAMES = [b"not utf-8 \xff\xfe\x80", b"new\nline", b"control \x01\x1b[31m\x7f", b"tab\tname", b"-leading-dash", b"--help", b" ", b" both ends ",
             b"quote'\"`$(x)\\", b"*?[a]{b}", b"...", b".hidden", b"#comment", b"!bang", b"colon:name", "grüße 文件 🗂".encode(), b"n" * 255,
             b"\xc3\x28overlong\xc0\xaf", b"A", b"a", b"con", b"nul."]


def make_odd_tree(root):
    """Everything that a file system of this machine can hold. Returns the paths below root that no backup can save: sockets."""
    root = os.fsencode(root)
    os.makedirs(root)

    for name in ODD_NAMES:
        put(os.path.join(root, b"names", name), b"content of " + name)
        put(os.path.join(root, b"folders", name, b"inside"), name)
    put(root + b"/deep/" + b"/".join([b"level-" + b"x" * 90] * 20) + b"/bottom", b"far down")

    for size in (0, 1, 4095, 4096, 4097, 65535, 65536, 65537, (1 << 20) - 1, (1 << 20) + 1, (5 << 20) + 3):
        put(b"%s/sizes/%d" % (root, size), os.urandom(size) if size < PIECE else (b"%d " % size) * (size // 8 + 1))
        os.truncate(b"%s/sizes/%d" % (root, size), size)
    for number in range(50):
        put(b"%s/empty/%d" % (root, number))
    os.makedirs(root + b"/empty folder")
    for number in range(2000):
        put(b"%s/many/%04d" % (root, number), b"file number %d\n" % number)

    sparse = put(root + b"/sparse/middle", b"begin")
    with open(sparse, "r+b") as file:
        file.seek(20 << 20)
        file.write(os.urandom(100_000))
        file.truncate(64 << 20)
    hole = put(root + b"/sparse/only a hole")
    os.truncate(hole, 128 << 20)
    begins = put(root + b"/sparse/begins with a hole")
    with open(begins, "r+b") as file:
        file.seek(3 << 20)
        file.write(b"end")

    first = put(root + b"/links/first", b"one file, four names")
    os.makedirs(root + b"/links/below")
    for name in (b"second", b"below/third", b"below/fourth"):
        os.link(first, root + b"/links/" + name)
    for name, target in ((b"good", b"first"), (b"dangling", b"/nowhere/at all"), (b"up", b"../names"), (b"self", b"self"),
                         (b"odd", b"not utf-8 \xff\nnew line"), (b"long", b"t/" * 2000)):
        os.symlink(target, root + b"/links/" + name)
    os.utime(root + b"/links/dangling", ns=(1, 987_654_321_123_456_789), follow_symlinks=False)
    os.link(root + b"/links/dangling", root + b"/links/dangling too", follow_symlinks=False)

    for mode in (*((0o000,) if os.geteuid() == 0 else ()), 0o400, 0o444, 0o600, 0o644, 0o755, 0o777, 0o4755, 0o2755, 0o1644, 0o7777):
        path = put(b"%s/modes/%04o" % (root, mode), b"x")
        os.chmod(path, mode)
        os.makedirs(b"%s/modes/folder %04o" % (root, mode))
        os.chmod(b"%s/modes/folder %04o" % (root, mode), mode if mode & 0o500 == 0o500 or os.geteuid() == 0 else mode | 0o500)

    os.mkfifo(root + b"/special-fifo", 0o622)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(os.fsdecode(root) + "/special-socket")
    if os.geteuid() == 0:
        os.mknod(root + b"/special-null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        os.mknod(root + b"/special-block", stat.S_IFBLK | 0o660, os.makedev(7, 200))
        os.chown(put(root + b"/owners/someone", b"x"), 12345, 54321)
        os.chown(put(root + b"/owners/setuid after chown", b"x"), 12345, 12345)
        os.chmod(root + b"/owners/setuid after chown", 0o6755)
        os.symlink(b"someone", root + b"/owners/link")
        os.lchown(root + b"/owners/link", 12345, 54321)

    marked = put(root + b"/attributes/file", b"x")
    os.setxattr(marked, "user.plain", b"value")
    os.setxattr(marked, "user.binary", bytes(range(256)))
    os.setxattr(marked, "user.empty", b"")
    os.setxattr(put(root + b"/attributes/large", b"y"), "user.large", os.urandom(3000))
    os.setxattr(root + b"/attributes", "user.of a folder", b"here too")
    acl = put(root + b"/attributes/acl", b"z")
    subprocess.run(["setfacl", "-m", "u:1234:rw,g:4321:r,m::rwx", acl], check=True)
    os.makedirs(root + b"/attributes/default acl")
    subprocess.run(["setfacl", "-d", "-m", "u:1234:rwx,o::-", root + b"/attributes/default acl"], check=True)

    for number, ns in enumerate((0, 1, 999_999_999, 1_000_000_000, 1_234_567_890_123_456_789, 4_000_000_000_000_000_001, -1, -86_400_000_000_001)):
        path = put(b"%s/times/%d" % (root, number), b"t")
        os.utime(path, ns=(5, ns))
        folder = b"%s/times/folder %d" % (root, number)
        put(folder + b"/inside")
        os.utime(folder, ns=(5, ns))
    os.utime(root + b"/names", ns=(7, 77_777_777_777))
    os.utime(root, ns=(8, 88_888_888_888))
    return [b"special-socket"]
