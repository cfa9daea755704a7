"""The main job: a real folder goes into the cloud sealed, and comes back bit for bit.

The machine's own headers and documents are saved, saved again unchanged, restored and compared.
"""

import os

from cloud import DONE, FAILED, MIB, Story, expect, expect_equal, is_sanitized, step
from trees import expect_equal_trees, kind_of, walk


def count_files(root):
    return sum(kind_of(status) == "file" for status in walk(root).values())


def main():
    with Story("real-tree") as story:
        server = story.server()
        home = story.home("anna", server)
        who = home.json("whoami")
        expect_equal((who["name"], who["server"]), ("anna", server.link), "whoami")

        trees = ["/usr/include/linux", "/usr/share/doc/bash"] if is_sanitized() else ["/usr/include", "/usr/share/doc"]
        trees = [tree for tree in trees if os.path.isdir(tree)]
        step(f"save {' and '.join(trees)}")
        saved = home.json("backup", *trees)
        expect_equal(saved["problems_count"], 0, "problems")
        expect(saved["space_made"] and saved["space"] == "backups", "the space `backups` was made")
        expect_equal(saved["stats"]["files"], sum(count_files(tree) for tree in trees), "files that were saved")

        step("the same again sends nothing")
        before = server.bytes_stored()
        again = home.json("backup", *trees)
        expect_equal((again["bytes_read"], again["bytes_stored"], again["stats"]["files_new"]), (0, 0, 0), "read, sent and new of an unchanged tree")
        expect_equal(server.bytes_stored(), before, "what the server holds")

        step("restore it")
        target = story.path("real")
        home.run("restore", "latest", target)
        expect_equal(sorted(os.listdir(target)), sorted(os.path.basename(tree) for tree in trees), "what is in the folder")
        step("compare")
        for tree in trees:
            expect_equal_trees(tree, os.path.join(target, os.path.basename(tree)))

        step("what is in the cloud is whole, and the server is well")
        report = home.json("check", "--read-data")
        expect(report["whole"] and report["snapshots"] == 2, f"check: {report}")
        status = home.json("status")
        expect(status["server_answers"] and not status["alarmed"] and len(status["spaces"]) == 1, f"status: {status}")
        expect(status["bytes_used"] >= server.bytes_stored() > MIB // 2, f"used {status['bytes_used']} is what is stored {server.bytes_stored()}")
        found = {finding["what"]: finding for finding in home.json("doctor", code=(DONE, FAILED))["findings"]}
        expect(all(finding["good"] for what, finding in found.items() if what != "memory"), f"the doctor: {found}")
        server.stop()


main()
