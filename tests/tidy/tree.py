"""The project's files as the rules see them, and what a finding is."""

import os
import re
from dataclasses import dataclass

CODE = (".cpp", ".h")
TEXT = CODE + (".py", ".sh", ".md", ".txt", ".cmake", ".json", ".yml", ".service", "")
NOT_OURS = {"build", ".git", ".cache", "corpus", "regressions", "__pycache__"}


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    what: str  # what stands there
    instead: str  # what to use or do instead

    def __str__(self):
        return f"{self.path}:{self.line}: {self.what}. {self.instead}"


class File:
    def __init__(self, root, path):
        self.path = path
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            self.text = file.read()
        self.lines = self.text.splitlines()
        self._code = None

    @property
    def code(self):
        """Lines of C++ without comments and without what stands in literals (include lines keep theirs)."""
        if self._code is None:
            self._code = blank(self.text).splitlines()
        return self._code

    @property
    def room(self):
        """The room under src/ that the file belongs to, or None."""
        parts = self.path.split("/")
        return parts[1] if parts[0] == "src" and len(parts) > 2 else None

    @property
    def place(self):
        return self.path.split("/")[0]

    @property
    def is_unit_test(self):
        """A room's tests, and what only they include: conformance suites, test_*.h."""
        name = self.path.rsplit("/", 1)[-1]
        return name.endswith(("_test.cpp", "_conformance.h")) or name.startswith("test_")

    def find(self, pattern, lines=None):
        """Yields (line number, match) for each line that matches."""
        for number, line in enumerate(self.lines if lines is None else lines, 1):
            match = re.search(pattern, line)
            if match:
                yield number, match


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = []
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(f for f in folders if f not in NOT_OURS and (not f.startswith(".") or f == ".ci"))
            for name in sorted(names):
                path = os.path.relpath(os.path.join(folder, name), root)
                if os.path.splitext(name)[1] in TEXT and not os.path.islink(os.path.join(root, path)):
                    self.files.append(File(root, path))
        self.by_path = {file.path: file for file in self.files}

    def under(self, *places, ends=TEXT):
        return [f for f in self.files if f.place in places and os.path.splitext(f.path)[1] in ends]

    def code(self, *places):
        return self.under(*places, ends=CODE)

    def exists(self, path):
        return os.path.exists(os.path.join(self.root, path))


TOKEN = re.compile(
    r"""(?P<keep>^[ \t]*\#[ \t]*include[^\n]*)
      | (?P<comment>//[^\n]*|/\*.*?\*/)
      | (?P<raw>R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)")
      | (?P<digits>\b\d[\d']*)
      | (?P<literal>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""",
    re.X | re.S | re.M,
)


def blank(text):
    """C++ text with comments and the insides of literals taken out, line by line the same."""

    def replace(match):
        if match.group("keep"):
            return re.sub(r"//.*|/\*.*", "", match.group("keep"))
        if match.group("digits"):
            return match.group("digits")
        inside = "\n" * match.group().count("\n")
        return inside if match.group("comment") else '"' + inside + '"'

    return TOKEN.sub(replace, text)
