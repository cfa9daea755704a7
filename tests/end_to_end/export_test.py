"""Everything of an account in plain form, and back into a new account on another server: trees, snapshots and their labels are equal."""

import hashlib
import os

from cloud import ALARM, FAILED, INCOMPLETE, MIB, Story, expect, expect_equal, files_below, is_sanitized, step
from snapshots import expect_whole, restored, snapshot_ids, three_backups
from trees import expect_equal_trees, put
from wire import home_on_wire

LABEL = ("id", "time", "host", "paths", "tags", "program", "partial")


def labels(home, space="backups"):
    return [{key: one[key] for key in LABEL} for one in home.json("snapshots", "-s", space)["snapshots"]]


def manifest_hashes(path):
    with open(path, encoding="utf-8") as manifest:
        lines = [line.rstrip("\n").split("\t") for line in manifest]
    return {line[5]: line[4] for line in lines if line[0] == "f"}


def contents(folder):
    out = {}
    for path in files_below(folder):
        with open(path, "rb") as file:
            out[path] = file.read()
    return out


def rewritten(path, change):
    """A text of the export with other lines in it, and the hash that fits them."""
    with open(path, "rb") as file:
        lines = file.read().split(b"\n")[:-2]
    text = b"".join(line + b"\n" for line in change(lines))
    return put(path, text + b"end\t" + hashlib.sha256(text).hexdigest().encode() + b"\n")


def listed_anew(out):
    """The list of all trees, for manifests that somebody wrote."""
    trees = sorted(path[len(out) + 1:-len(".manifest")] for path in files_below(out) if path.endswith(".manifest"))
    hashes = [hashlib.sha256(contents_of(f"{out}/{tree}.manifest")).hexdigest().encode() + b"\t" + os.fsencode(tree) for tree in trees]
    rewritten(f"{out}/holdfast contents", lambda lines: [lines[0], *hashes])


def contents_of(path):
    with open(path, "rb") as file:
        return file.read()


def all_is_checked_first(story, home, out, other):
    step("an id that the space has with another label is found before anything is written; a snapshot without entries is named")
    copy, newest_only = story.path("copy of out"), story.path("newest only")
    os.system(f"cp -a '{out}' '{copy}'; cp -a '{out}' '{newest_only}'")
    snapshots = f"{newest_only}/backups/snapshots"
    newest = max(name[:-9] for name in os.listdir(snapshots) if name.endswith(".manifest"))
    os.system(f"rm -rf '{newest_only}/docs'")
    for name in os.listdir(snapshots):
        if not name.startswith(newest):
            os.system(f"rm -rf '{snapshots}/{name}'")
    told = other.json("import", newest_only, code=ALARM)["differences"]
    expect("docs/live/1" in [os.path.relpath(one["path"], newest_only) for one in told], f"all that is gone is named: {told}")
    expect_equal({one["what"] for one in told}, {"missing"}, "how")
    listed_anew(newest_only)
    other.json("import", newest_only)
    before = labels(other)
    expect_equal(len(before), 1, "the newest alone")
    rewritten(f"{copy}/backups/snapshots/{newest}.manifest", lambda lines: [b"host\telsewhere" if line.startswith(b"host\t") else line for line in lines])
    told = other.json("import", copy, code=ALARM)["differences"]
    expect_equal([(os.path.basename(one["path"]), one["what"]) for one in told], [(newest, "manifest")], "a manifest that is not the listed one")
    listed_anew(copy)
    error = other.run("import", copy, "--json", code=FAILED).error
    expect_equal(error["code"], "AlreadyExists", "another label")
    expect("nothing was imported" in error["whole"], f"what is whole: {error}")
    expect_equal((labels(other), [one["name"] for one in other.json("space", "list")["spaces"]]), (before, ["backups"]), "what is there")

    changed = min((path for path in files_below(f"{snapshots}/{newest}") if os.path.getsize(path) > 0), key=os.path.getsize)
    old, times = contents_of(changed), os.stat(changed)
    new = bytes(byte ^ 1 for byte in old)
    expect(new != old, f"a file with bytes: {changed}")
    with open(changed, "r+b") as file:
        file.write(new)
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))
    manifest = contents_of(f"{snapshots}/{newest}.manifest")
    hashes = [hashlib.sha256(one).hexdigest().encode() for one in (old, new)]
    rewritten(f"{snapshots}/{newest}.manifest", lambda lines: [line.replace(*hashes) for line in lines])
    listed_anew(newest_only)
    error = other.run("import", newest_only, "--json", code=FAILED).error
    expect_equal((error["code"], error["object"]), ("AlreadyExists", changed), f"the same label, another content: {error}")
    expect("nothing was imported" in error["whole"], f"what is whole: {error}")
    with open(changed, "r+b") as file:
        file.write(old)
    os.utime(changed, ns=(times.st_atime_ns, times.st_mtime_ns))
    put(f"{snapshots}/{newest}.manifest", manifest)
    listed_anew(newest_only)
    expect_equal(other.json("import", newest_only)["snapshots_there"], 1, "it is there, and equal")

    empty = f"{newest_only}/backups/snapshots/2020-01-01T00-00-00Z-77777777"
    os.mkdir(empty)
    put(f"{empty}.manifest", contents_of(f"{snapshots}/{newest}.manifest"))
    rewritten(f"{empty}.manifest", lambda lines: [b"id\t" + b"7" * 32 if line.startswith(b"id\t") else line for line in lines if len(line.split(b"\t")) < 7])
    listed_anew(newest_only)
    done = other.json("import", newest_only, code=INCOMPLETE)
    expect_equal([(os.path.basename(one["path"]), one["sentence"]) for one in done["problems"]],
                 [(os.path.basename(empty), "a snapshot without entries is not taken")], "it is named")
    expect_equal(labels(other), before, "what is there")


def time_of(manifest):
    """The snapshot's, in ns: an import takes the oldest first, and names tell the second alone."""
    return next(int(line.split(b"\t")[1]) for line in contents_of(manifest).split(b"\n") if line.startswith(b"time\t"))


def a_change_in_between(story, server, out):
    step("what is changed between being compared and being saved is not taken")
    home, wire = home_on_wire(story, "frieda", server)
    copy = story.path("copy to change")
    os.system(f"cp -a '{out}' '{copy}'")
    snapshots = f"{copy}/backups/snapshots"
    tree = min((name for name in os.listdir(snapshots) if not name.endswith(".manifest")), key=lambda name: time_of(f"{snapshots}/{name}.manifest"))
    changed = sorted(files_below(f"{snapshots}/{tree}"))[0]
    before = os.stat(changed)
    wire.hold_after(sent=1)  # all was compared before the server is asked for anything
    importing = home.start("import", copy, "--json")
    expect(wire.wait_held(importing), "it is held")
    with open(changed, "r+b") as file:
        file.write(b"changed")
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    wire.release()
    error = importing.end(FAILED).error
    expect_equal((error["code"], os.path.basename(error["object"])), ("Changed", tree), f"it is said: {error}")
    expect_equal([one for one in home.json("snapshots", "-s", "backups")["snapshots"] if not one["partial"]], [], "what was taken")
    wire.close()


def nothing_leads_out(story, home):
    step("links in the way, and folders that others may write to, are refused; nothing is written through them")
    victim = story.path("victim")
    put(f"{victim}/keep", b"mine")
    account = home.json("whoami")["account"]
    for planted in ("docs", "docs/live", "docs/snapshots"):
        folder = story.path("planted-" + planted.replace("/", "-"))
        put(f"{folder}/holdfast export", f"holdfast export 1\naccount\t{account}\n".encode())
        os.makedirs(os.path.dirname(f"{folder}/{planted}"), exist_ok=True)
        for path, _, _ in os.walk(folder):
            os.chmod(path, 0o700)
        os.symlink(victim, f"{folder}/{planted}")
        told = home.run("export", folder, code=FAILED).error_text
        expect("is no folder" in told, f"{planted}: {told}")
    link = story.path("link to victim")
    os.symlink(victim, link)
    open_folder = story.path("open")
    os.makedirs(open_folder)
    os.chmod(open_folder, 0o777)
    expect("others may change" in home.run("export", open_folder, code=FAILED).error_text, "a folder that others may write to")
    expect_equal(sorted(os.listdir(victim)), ["keep"], "what is in the victim's folder")
    expect_equal(os.listdir(open_folder), [], "what is in the open folder")


def an_interrupted_tree_is_of_now(story, home):
    step("what stopped before the name, in the middle, and before a change")
    source, out = story.path("of now"), story.path("out of now")
    put(f"{source}/olddir/file", b"old")
    put(f"{source}/same", b"same")
    os.symlink("same", f"{source}/link")
    os.mkfifo(f"{source}/fifo")
    home.run("space", "create", "now")
    home.run("put", source, "now:")
    home.json("export", out)
    live = f"{out}/now/live"
    with open(f"{live}/1.manifest", encoding="utf-8") as manifest:
        root = next(line.split("\t")[1].strip() for line in manifest if line.startswith("root"))
    part = f"{live}/1-{root[:8]}.part"
    os.rename(f"{live}/1", part)  # before the rename
    expect_equal(home.json("export", out)["trees_written"], 0, "it has its manifest already")
    expect_equal_trees(source, f"{live}/1/of now")
    os.rename(f"{live}/1", part)
    os.remove(f"{live}/1.manifest")  # in the middle
    expect_equal(home.json("export", out)["trees_written"], 1, "it goes on")
    expect_equal_trees(source, f"{live}/1/of now")
    os.rename(f"{live}/1", part)
    os.remove(f"{live}/1.manifest")
    home.run("rm", "-r", "now:of now/olddir")
    put(f"{out}/backups/snapshots/2020-01-01T00-00-00Z-00000000-00000000.part/a/b", b"of a snapshot that was forgotten")
    for path, _, _ in os.walk(out):
        os.chmod(path, 0o700)
    home.json("export", out)
    expect(not any(name.endswith(".part") for name in os.listdir(f"{out}/backups/snapshots")), "no part of the past is left")
    expect_equal(sorted(os.listdir(live)), ["1", "1.manifest"], "the part of before is gone")
    expect_equal(sorted(os.listdir(f"{live}/1/of now")), ["fifo", "link", "same"], "what was removed did not come back")
    os.remove(f"{live}/1.manifest")
    expect("no manifest tells of" in home.run("export", out, code=FAILED).error_text, "a folder of somebody else")


def labels_are_believed_once(story, home, out, other):
    step("a snapshot twice, a manifest without its tree, and an empty export are named, and nothing is taken")
    snapshots = f"{out}/backups/snapshots"
    name = next(name[:-9] for name in sorted(os.listdir(snapshots)) if name.endswith(".manifest"))
    os.system(f"cp -a '{snapshots}/{name}' '{snapshots}/twice' && cp -a '{snapshots}/{name}.manifest' '{snapshots}/twice.manifest'")
    told = other.json("import", out, code=ALARM)["differences"]
    expect_equal([one["what"] for one in told], ["manifest"], f"a label that stands twice: {told}")
    os.rename(f"{snapshots}/twice", story.path("aside"))
    told = other.json("import", out, code=ALARM)["differences"]
    expect_equal([(os.path.basename(one["path"]), one["what"]) for one in told], [("twice", "missing")], "a tree that is gone")
    os.remove(f"{snapshots}/twice.manifest")
    os.rename(snapshots, story.path("elsewhere"))
    os.symlink(story.path("elsewhere"), snapshots)
    told = other.json("import", out, code=ALARM)["differences"]
    expect_equal([(os.path.basename(one["path"]), one["what"]) for one in told], [("snapshots", "kind")], "a link in the way")
    os.remove(snapshots)
    os.rename(story.path("elsewhere"), snapshots)
    for ending in ("", ".manifest"):
        os.rename(f"{snapshots}/{name}{ending}", story.path("gone" + ending))
    told = other.json("import", out, code=ALARM)["differences"]
    expect_equal([(os.path.basename(one["path"]), one["what"]) for one in told], [(name, "missing")], "gone together with its manifest")
    for ending in ("", ".manifest"):
        os.rename(story.path("gone" + ending), f"{snapshots}/{name}{ending}")
    list_of_all = contents_of(f"{out}/holdfast contents")
    put(f"{out}/holdfast contents", list_of_all.replace(b"/snapshots/2", b"/snapshots/1", 1))
    told = other.json("import", out, code=ALARM)["differences"]
    expect_equal([(os.path.basename(one["path"]), one["what"]) for one in told], [("holdfast contents", "content")], "a list that was changed")
    os.remove(f"{out}/holdfast contents")
    told = other.json("import", out, code=ALARM)["differences"]
    expect_equal([(os.path.basename(one["path"]), one["what"]) for one in told], [("holdfast contents", "missing")], "an export that did not end")
    put(f"{out}/holdfast contents", list_of_all)
    nothing = story.path("nothing")
    put(f"{nothing}/holdfast export", b"holdfast export 1\n")
    expect("holds no tree" in other.run("import", nothing, code=FAILED).error_text, "an empty export")
    os.remove(f"{nothing}/holdfast export")
    os.mkfifo(f"{nothing}/holdfast export")
    other.run("import", nothing, code=FAILED)
    expect_equal(other.json("space", "list")["spaces"], [], "no space was made")


def main():
    with Story("export") as story:
        server = story.server()
        home, wire = home_on_wire(story, "anna", server)
        tree, copies = three_backups(story, home)
        odd = story.path("odd")
        put(f"{odd}/tab\tand\nnewline \\ name", b"odd")
        put(f"{odd}/.holdfastignore", b"*.ignored\n")
        put(f"{odd}/empty", b"")
        os.symlink("tab\tand", f"{odd}/link")
        os.link(f"{odd}/empty", f"{odd}/empty again")
        os.makedirs(f"{odd}/no entries")
        os.chmod(f"{odd}/no entries", 0o500)
        home.run("backup", odd, "--tag", "strange")
        home.run("space", "create", "docs")
        home.run("put", odd, "docs:")
        os.system(f"cp -a '{odd}' '{odd} copy'")
        put(f"{odd}/x.ignored", b"is not in the snapshot")

        step("a folder that holds something else is left as it is")
        foreign = story.path("foreign")
        put(f"{foreign}/file", b"mine")
        expect("is no export" in home.run("export", foreign, code=FAILED).error_text, "it is said")
        expect_equal(sorted(os.listdir(foreign)), ["file"], "what is in it")

        step("killed at many points, the same command goes on and ends with all of it")
        out = story.path("out")
        for limit in [1 << shift for shift in range(14, 25, 2 if is_sanitized() else 1)]:
            wire.kill_command(home, "export", out, received=limit)
        home.json("export", out)
        names = [name for name in os.listdir(f"{out}/backups/snapshots") if not name.endswith(".manifest")]
        expect_equal(len(names), 4, f"snapshots: {names}")
        names = [next(name for name in names if name.endswith("-" + id[:8])) for id in snapshot_ids(home)]  # oldest first
        for number, copy in enumerate(copies):
            expect_equal_trees(copy, f"{out}/backups/snapshots/{names[number]}/tree")
        for number in range(3):
            folder = f"{out}/backups/snapshots/{names[number]}"
            told = manifest_hashes(folder + ".manifest")
            expect_equal(told, {os.path.relpath(path, folder): hashlib.sha256(bytes).hexdigest() for path, bytes in contents(folder).items()}, "hashes")

        step("a second one writes nothing; what came since is written alone")
        before = {path: os.lstat(path).st_ctime_ns for path in files_below(out)}
        again = home.json("export", out)
        expect_equal((again["trees_written"], again["trees_there"]), (0, 5), "trees")
        expect_equal({path: os.lstat(path).st_ctime_ns for path in files_below(out)}, before, "untouched")
        home.run("backup", tree)
        home.run("rm", "docs:odd/empty")
        more = home.json("export", out)
        expect_equal(more["trees_written"], 2, f"a snapshot and a live tree: {more}")
        newest = next(f"{out}/backups/snapshots/{name}" for name in os.listdir(f"{out}/backups/snapshots") if name.endswith("-" + snapshot_ids(home)[-1][:8]))
        unchanged = files_below(f"{newest}/tree")
        expect_equal(sum(os.lstat(path).st_nlink == 2 for path in unchanged), len(unchanged), "files that two snapshots share")
        expect(more["files_linked"] >= len(unchanged), "linked")

        step("a new account on a new server takes all of it, in spite of kills")
        second = story.server("second server")
        berta, second_wire = home_on_wire(story, "berta", second)
        for limit in [1 << shift for shift in range(14, 25, 3)]:
            second_wire.kill_command(berta, "import", out, sent=limit)
        berta.json("import", out)
        expect_equal(labels(berta), labels(home), "snapshots and their labels")
        expect_whole(berta)
        ids = snapshot_ids(home)
        for number, copy in enumerate(copies):
            expect_equal_trees(copy, restored(story, berta, ids[number], f"berta-{number}"))
        berta.run("restore", ids[3], story.path("odd back"))
        one, other = story.path("live of anna"), story.path("live of berta")
        home.run("get", "docs:", one)
        berta.run("get", "docs:", other)
        expect_equal_trees(f"{one}/odd", f"{other}/odd")
        expect_equal_trees(f"{odd} copy", story.path("odd back/odd"))
        again = berta.json("import", out)
        expect_equal((again["snapshots_taken"], again["snapshots_there"]), (0, 5), "a second import")
        expect_equal(labels(berta), labels(home), "still the same")

        nothing_leads_out(story, home)
        labels_are_believed_once(story, home, out, story.home("dora", second))
        a_change_in_between(story, second, out)
        all_is_checked_first(story, home, out, story.home("emil", second))
        an_interrupted_tree_is_of_now(story, home)

        step("an export that was changed is named path by path, and nothing of it is taken")
        third = story.home("carla", second)
        target = f"{out}/backups/snapshots/{names[0]}"
        with open(f"{target}/tree/only-0-1", "r+b") as file:
            file.seek(MIB)
            file.write(b"changed")
        os.remove(f"{target}/tree/only-0-2")
        put(f"{out}/docs/live/2/more", b"more")
        told = third.json("import", out, code=ALARM)
        expect_equal({(os.path.relpath(one["path"], out), one["what"]) for one in told["differences"]} -
                     {("docs/live/2/more", "not in the manifest")},
                     {(f"backups/snapshots/{names[0]}/tree/only-0-1", "content"), (f"backups/snapshots/{names[0]}/tree/only-0-2", "missing"),
                      (f"backups/snapshots/{names[0]}/tree", "time")}, "differences")
        expect_equal(third.json("space", "list")["spaces"], [], "no space was made")
        third.run("import", foreign, code=FAILED)
        expect("holds the export of another account" in third.run("export", out, code=FAILED).error_text, "whose it is")
        wire.close()
        second_wire.close()


main()
