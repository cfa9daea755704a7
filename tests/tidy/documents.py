"""What a reader finds: documents that are linked, links that lead somewhere, and every wire structure described."""

import os
import re

from tree import Finding

LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")


def links(file):
    """(line, path inside the project) of each relative link and each `path/like/this.md` of a document."""
    fenced = False
    for number, line in enumerate(file.lines, 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        for target in LINK.findall(line):
            if not re.match(r"[a-z]+:", target):
                yield number, os.path.normpath(os.path.join(os.path.dirname(file.path), target))


def mentions(file):
    """Documents named by their path from the project's root."""
    return set(re.findall(r"\b(?:docs|src|tests|fuzz|bench|apps)/[\w./-]+\.md\b|\b[A-Z]+\.md\b", file.text))


def check_links(tree):
    for file in tree.files:
        if file.path.endswith(".md"):
            for number, target in links(file):
                if not tree.exists(target):
                    yield Finding(file.path, number, f"links to {target}, which is not there", "Mend the link")


def check_orphans(tree):
    documents = {f.path: f for f in tree.files if f.path.endswith(".md") and ("/" not in f.path or f.place == "docs")}
    if "README.md" not in documents:
        yield Finding("README.md", 1, "there is no README", "A reader starts there")
        return
    reached, pending = set(), ["README.md"]
    while pending:
        path = pending.pop()
        if path in reached or path not in documents:
            continue
        reached.add(path)
        pending += [target for _, target in links(documents[path])] + sorted(mentions(documents[path]))
    for path in sorted(set(documents) - reached):
        yield Finding(path, 1, "no way leads here from README.md", "Link it from the document that a reader would come from")
    hacking = tree.by_path.get("docs/HACKING.md")
    for file in tree.under("scripts"):
        if hacking and file.path != "scripts/lib.sh" and file.path not in hacking.text:
            yield Finding(file.path, 1, "docs/HACKING.md does not name this script", "Add a line there, or remove the script")


def wire_structs(file):
    """(line, name) of each struct that has a HOLDFAST_WIRE line. A call's Reply is described with its call."""
    stack, pending = [], None
    for number, line in enumerate(file.code, 1):
        if line.lstrip().startswith("#"):
            continue
        for token in re.finditer(r"\b(?:struct|class)\s+(\w+)|HOLDFAST_WIRE\s*\(|[{};]", line):
            if token.group(1):
                pending = token.group(1)
            elif token.group() == "{":
                stack.append(pending)
                pending = None
            elif token.group() == "}":
                if stack:
                    stack.pop()
            elif token.group() == ";":
                pending = None
            else:
                names = [n for n in stack if n]
                if names:
                    yield number, names[-2] if names[-1] == "Reply" and len(names) > 1 else names[-1]


def check_formats(tree):
    described = set(re.findall(r"\w+", " ".join(f.text for f in tree.files if f.path.startswith("docs/formats/"))))
    for file in tree.code("src"):
        if file.is_unit_test or file.path == "src/base/codec.h":
            continue
        for number, name in wire_structs(file):
            if name not in described:
                yield Finding(file.path, number, f"{name} is stored or sent, and no document describes it",
                              "Describe every byte of it in docs/formats/")


RULES = [check_links, check_orphans, check_formats]
