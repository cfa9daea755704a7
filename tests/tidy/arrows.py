"""Who may include whom: the USES of src/CMakeLists.txt, and which rooms may see a third party's headers."""

import re

from tree import Finding

TABLE = "src/CMakeLists.txt"
PLACES = {"apps", "tests", "fuzz", "bench"}


def rooms(tree):
    """{room: rooms it uses}, in the order of the table."""
    table = {}
    text = tree.by_path[TABLE].text if TABLE in tree.by_path else ""
    for name, rest in re.findall(r"holdfast_room\(\s*(\w+)([^)]*)\)", text):
        uses = re.search(r"USES\s+([\w\s]+?)\s*(?:LIBRARIES|$)", rest)
        table[name] = uses.group(1).split() if uses else []
    return table


def check_table(tree):
    seen = set()
    for room, uses in rooms(tree).items():
        for used in uses:
            if used not in seen:
                line = next(n for n, _ in tree.by_path[TABLE].find(rf"holdfast_room\(\s*{room}\b"))
                yield Finding(TABLE, line, f"{room} uses {used}, which does not stand above it",
                              "Arrows point up: move what both need into a room above, or turn the arrow round")
        seen.add(room)


def included_rooms(file):
    for number, match in file.find(r'^\s*#\s*include\s*"(\w+)/[^"]+"', file.code):
        yield number, match.group(1)


def check_includes(tree):
    table = rooms(tree)
    ours = PLACES.union(table)  # anything else is a third party's
    for file in tree.code("src"):
        if file.room is None:
            yield Finding(file.path, 1, "a source file outside any room", "Move it into the room whose idea it is")
            continue
        if file.room not in table or file.path.count("/") != 2:
            yield Finding(file.path, 1, "nothing builds this file", f"Rooms are the rows of {TABLE}; their folders are flat")
            continue
        for number, room in included_rooms(file):
            if room == file.room or room in table[file.room] or room not in ours or (file.is_unit_test and room == "tests"):
                continue
            allowed = ", ".join(table[file.room]) or "nothing"
            yield Finding(file.path, number, f"{file.room} includes {room}",
                          f"{file.room} may use {allowed} ({TABLE}): pass the thing in, or move the shared part up")


def check_apps(tree):
    """A program includes only what it links, directly or through a room that it links."""
    table = rooms(tree)
    for file in tree.code("apps"):
        recipe = tree.by_path.get("/".join(file.path.split("/")[:2]) + "/CMakeLists.txt")
        linked = set()
        pending = re.findall(r"\bholdfast_(\w+)", recipe.text) if recipe else []
        while pending:
            room = pending.pop()
            if room not in linked:
                linked.add(room)
                pending += table.get(room, [])
        for number, room in included_rooms(file):
            if room in table and room not in linked:
                yield Finding(file.path, number, f"includes {room}, which the program does not link",
                              f"Link holdfast_{room} in {recipe.path if recipe else 'a CMakeLists.txt'}, or do it in verbs")


THIRD_PARTY = [
    # headers, rooms that may include them, whether in any header too, instead
    (r"<(openssl/|sodium)", ("crypto", "net"), True, "Use the typed calls of src/crypto (TLS: src/net)"),
    (r"<boost/", ("net",), False, "Beast and Asio stay inside src/net, behind a plain interface"),
    (r"<curl/", ("net", "session"), False, "curl stays in one .cpp behind Remote"),
    (r"<sqlite3", ("session", "server"), False, "SQLite stays in .cpp files of session and server"),
    (r"<nlohmann/(?!json_fwd)", ("verbs", "agent"), False, "JSON stays in .cpp files of verbs, agent and apps (headers: json_fwd.hpp)"),
    (r"<zstd", ("space",), False, "Compression stays in .cpp files of space"),
]
CHECKS_PRIMITIVES = "apps/holdfast-vectors/"  # the one program that meets the cryptographic libraries themselves


def folder(file):
    return file.path.rsplit("/", 1)[0]


def is_inner(tree, header):
    """Whether only .cpp files of the header's own folder include it."""
    name = header.path.split("/", 1)[1] if header.place == "src" else header.path.rsplit("/", 1)[1]
    users = [f for f in tree.code("src", "apps", "tests", "fuzz", "bench") if any(f.find(rf'^\s*#\s*include\s*"{re.escape(name)}"'))]
    return bool(users) and all(f.path.endswith(".cpp") and folder(f) == folder(header) for f in users)


def check_third_party(tree):
    for file in tree.code("src", "apps"):
        for pattern, owners, in_headers, instead in THIRD_PARTY:
            for number, match in file.find(r"^\s*#\s*include\s*" + pattern, file.code):
                if file.room is not None and file.room not in owners and not file.is_unit_test:
                    yield Finding(file.path, number, f"{file.room} includes {match.group().split('<')[1]}...", instead)
                elif file.room is None and in_headers and not file.path.startswith(CHECKS_PRIMITIVES):
                    yield Finding(file.path, number, "a program includes the cryptographic library", instead)
                elif file.path.endswith(".h") and not in_headers and not is_inner(tree, file):
                    yield Finding(file.path, number, "a heavy header in a header that others may include", instead)


def check_readmes(tree):
    for room in rooms(tree):
        if not any(f.room == room for f in tree.files):
            continue  # a room appears when it has something in it
        readme = tree.by_path.get(f"src/{room}/README.md")
        if readme is None:
            yield Finding(f"src/{room}/README.md", 1, "a room without a README", "Ten lines: the shape is in CONTRIBUTING.md")
            continue
        for word in ("Promises", "May use", "Start at", "Tested by"):
            if not re.search(rf"^\W*{word}\b", readme.text, re.M):
                yield Finding(readme.path, 1, f"does not say '{word}'", "The shape of a room's README is in CONTRIBUTING.md")


def check_unused_headers(tree):
    code = tree.code("src", "apps", "tests", "fuzz", "bench")
    named = {m.group(1) for f in code for _, m in f.find(r'^\s*#\s*include\s*"([^"]+)"')}
    for file in code:
        if not file.path.endswith(".h"):
            continue
        name = file.path.split("/", 1)[1] if file.place == "src" else file.path
        beside = file.path.rsplit("/", 1)[1]
        if name not in named and file.path not in named and beside not in named:
            yield Finding(file.path, 1, "no file includes this header", "Use it or remove it")


RULES = [check_table, check_includes, check_apps, check_third_party, check_readmes, check_unused_headers]
