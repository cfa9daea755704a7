#!/usr/bin/env python3
"""What a machine can check, a machine checks: tidy.py ROOT names file, line, what stands there and what to do instead."""

import sys

import arrows
import banned
import documents
from tree import Tree

RULES = arrows.RULES + banned.RULES + documents.RULES


def findings(tree):
    return sorted({finding for rule in RULES for finding in rule(tree)})


def main():
    tree = Tree(sys.argv[1] if len(sys.argv) > 1 else ".")
    found = findings(tree)
    for finding in found:
        print(finding)
    print(f"{len(tree.files)} files, {len(RULES)} rules, {len(found)} findings")
    return 1 if found or not tree.files else 0


if __name__ == "__main__":
    sys.exit(main())
