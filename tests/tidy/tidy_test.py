#!/usr/bin/env python3
"""Promise: each rule of tidy finds what it forbids. Method: one violation of each kind in an otherwise clean tree."""

import os
import stat
import tempfile
import unittest

import banned
import tidy
from tree import Tree, blank

README = "# {}: a room\nPromises    x\nMay use     x\nStart at    x\nTested by   x\n"
CLEAN = {
    "README.md": "[how](docs/HACKING.md) [bytes](docs/formats/all.md)\n",
    "docs/HACKING.md": "scripts/test\n",
    "docs/formats/all.md": "Described {}\n",
    "scripts/test": "#!/bin/sh\n",
    "src/CMakeLists.txt": "holdfast_room(base)\nholdfast_room(crypto USES base LIBRARIES x)\nholdfast_room(net USES base)\n"
                          "holdfast_room(session USES base\n  crypto net)\n",
    "src/base/README.md": README.format("base"),
    "src/base/a.h": "#pragma once\n// rand() and std::mutex and memcmp( in a comment, TO" "DOs aside\n",
    "src/base/a.cpp": '#include "base/a.h"\nconst char* text = "system(1) // std::thread";\n',
    "src/crypto/README.md": README.format("crypto"),
    "src/crypto/a.cpp": '#include <openssl/evp.h>\n#include "base/a.h"\nvoid f() { key.reveal(RawKeyAccess()); }\n',
    "apps/holdfast/CMakeLists.txt": "target_link_libraries(holdfast holdfast_session)\n",
    "apps/holdfast/main.cpp": '#include <nlohmann/json.hpp>\n#include "base/a.h"\nint main() { std::cout << 1; }\n',
}

# what is planted (path, text) and what the finding says
PLANTED = {
    "an arrow the wrong way": ("src/base/b.cpp", '#include "crypto/a.h"\n', "base includes crypto"),
    "an arrow that is not in the table": ("src/crypto/b.cpp", '#include "net/a.h"\n', "crypto includes net"),
    "a table that is no order": ("src/CMakeLists.txt", CLEAN["src/CMakeLists.txt"] + "holdfast_room(a USES b)\n", "a uses b"),
    "a program past its links": ("apps/holdfast/b.cpp", '#include "net/x.h"\n', None),
    "another program past its links": ("apps/other/b.cpp", '#include "net/x.h"\n', "does not link"),
    "a file that nothing builds": ("src/base/deep/b.cpp", "\n", "nothing builds this file"),
    "a room that is not in the table": ("src/attic/b.cpp", "\n", "nothing builds this file"),
    "a file beside the rooms": ("src/b.cpp", "\n", "outside any room"),
    "OpenSSL outside its rooms": ("src/session/b.cpp", "#include <openssl/ssl.h>\n", "session includes openssl/"),
    "OpenSSL in a program": ("apps/holdfast/b.cpp", "#include <openssl/ssl.h>\n", "cryptographic library"),
    "libsodium outside its rooms": ("src/base/b.cpp", "#include <sodium.h>\n", "base includes sodium"),
    "Beast in a header": ("src/net/b.h", "#pragma once\n#include <boost/beast.hpp>\n", "heavy header"),
    "curl in a header": ("src/net/b.h", "#pragma once\n#include <curl/curl.h>\n", "heavy header"),
    "SQLite in a header": ("src/session/b.h", "#pragma once\n#include <sqlite3.h>\n", "heavy header"),
    "JSON in a header": ("apps/holdfast/b.h", "#pragma once\n#include <nlohmann/json.hpp>\n", "heavy header"),
    "a room without a README": ("src/net/b.cpp", "\n", "a room without a README"),
    "a README that does not say enough": ("src/base/README.md", "# base\n", "does not say 'Promises'"),
    "a header that nobody includes": ("src/base/b.h", "#pragma once\n", "no file includes"),
    "a header without its guard": ("src/base/b.h", "\n", "without #pragma once"),
    "a clock": ("src/base/b.cpp", "auto t = std::chrono::steady_clock::now();\n", "Time comes from Clock"),
    "a C clock": ("src/base/b.cpp", "auto t = time(nullptr);\n", "Time comes from Clock"),
    "a random device": ("src/base/b.cpp", "std::random_device d;\n", "Random bytes come from Random"),
    "rand": ("src/base/b.cpp", "int i = rand();\n", "Random bytes come from Random"),
    "a file": ("src/base/b.cpp", "int i = ::open(p, 0);\n", "Files are reached through Files"),
    "a file stream": ("src/base/b.cpp", "#include <fstream>\n", "Files are reached through Files"),
    "a socket": ("src/base/b.cpp", "#include <sys/socket.h>\n", "reached through Remote"),
    "a thread": ("src/base/b.cpp", "std::thread t;\n", "go to Workers"),
    "a lock": ("src/base/b.cpp", "#include <mutex>\n", "go to Workers"),
    "the environment": ("src/base/b.cpp", 'auto x = std::getenv("A");\n', "apps read the environment"),
    "output": ("src/base/b.cpp", "void f() { std::cout << 1; }\n", "apps print them"),
    "a shell": ("src/base/b.cpp", 'int i = std::system("ls");\n', "Start no shell"),
    "an unbounded copy": ("src/net/b.cpp", "void f() { strcpy(a, b); }\n", "'strcpy('"),
    "a format without bounds": ("src/net/b.cpp", "void f() { sprintf(a, b); }\n", "'sprintf('"),
    "a conversion that hides errors": ("src/base/b.cpp", "int i = atoi(a);\n", "std::from_chars"),
    "memcmp": ("src/crypto/b.cpp", "bool b = std::memcmp(x, y, 32) == 0;\n", "equal_constant_time"),
    "a sleep in a test": ("src/base/b_test.cpp", "void f() { std::this_thread::sleep_for(x); }\n", "Wait for the event"),
    "a test that may not run": ("src/base/b_test.cpp", "TEST(A, DISABLED" "_B) {}\n", "proves nothing"),
    "a test that skips": ("src/base/b_test.cpp", "GTEST" "_SKIP();\n", "proves nothing"),
    "raw key bytes": ("src/session/b.cpp", "auto v = key.reveal(access);\n", "stay in src/crypto"),
    "the insides of crypto": ("src/session/b.cpp", '#include "crypto/key_room.h"\n', "insides of src/crypto"),
    "something to do": ("src/base/b.cpp", "// TO" "DO: later\n", "Finish it"),
    "something provisional": ("scripts/test", "# good enough for" " now\n", "Finish it"),
    "a path of one machine": ("apps/holdfast/b.cpp", 'auto p = "/ho' 'me/anna/x";\n', "a path of one machine"),
    "a file too long": ("src/base/b.cpp", "\n" * 601, "601 lines"),
    "a link to nowhere": ("README.md", CLEAN["README.md"] + "[x](docs/NONE.md)\n", "which is not there"),
    "an orphan": ("docs/LOST.md", "nobody links here\n", "no way leads here"),
    "a script that nobody names": ("scripts/mystery", "#!/bin/sh\n", "does not name this script"),
    "a struct that no document describes": ("src/base/b.cpp", "struct Sent {\n  int a;\n  HOLDFAST_WIRE(a)\n};\n", "Sent is stored or sent"),
    "a reply whose call no document describes":
        ("src/base/b.cpp", "struct Ask {\n  struct Reply {\n    HOLDFAST_WIRE()\n  };\n};\n", "Ask is stored or sent"),
    "a registry that looks like one": ("docs/HACKING.md", "scripts/test https://registry." "example.org/x\n", "names a package registry"),
}


def plant(root, files):
    for path, text in files.items():
        full = os.path.join(root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)


def found_in(files):
    with tempfile.TemporaryDirectory() as root:
        plant(root, files)
        return [str(finding) for finding in tidy.findings(Tree(root))]


class Tidy(unittest.TestCase):
    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual(found_in(CLEAN), [])

    def test_each_planted_violation_is_found(self):
        for name, (path, text, said) in PLANTED.items():
            with self.subTest(name):
                found = [f for f in found_in({**CLEAN, path: text}) if f.startswith(path.rsplit("/", 1)[0])]
                if said is None:
                    self.assertEqual([f for f in found if "does not link" in f], [])
                else:
                    self.assertTrue(any(said in f for f in found), f"{said!r} not in {found}")

    def test_a_heavy_header_may_stand_in_a_header_of_its_room_alone(self):
        inner = {"src/net/b.h": "#pragma once\n#include <boost/beast.hpp>\n", "src/net/README.md": README.format("net"),
                 "src/net/b.cpp": '#include "net/b.h"\n'}
        self.assertEqual(found_in({**CLEAN, **inner}), [])
        told = found_in({**CLEAN, **inner, "src/net/c.h": '#pragma once\n#include "net/b.h"\n', "src/net/c.cpp": '#include "net/c.h"\n'})
        self.assertIn("heavy header", " ".join(told))

    def test_a_described_struct_is_no_finding(self):
        self.assertEqual(found_in({**CLEAN, "src/base/b.cpp": "struct Described {\n  HOLDFAST_WIRE(a)\n};\n"}), [])

    def test_the_doors_may_use_the_system(self):
        self.assertEqual(found_in({**CLEAN, "src/base/system_clock.cpp": "#include <chrono>\n#include <thread>\n"}), [])

    def test_a_configured_registry_is_found_by_its_host(self):
        with tempfile.TemporaryDirectory() as root:
            plant(root, {"docs/A.md": "get it from packages.example.test\n"})
            self.assertEqual(len(list(banned.check_registries(Tree(root), {"packages.example.test"}))), 1)
            self.assertEqual(list(banned.check_registries(Tree(root), {"ages.example.test"})), [])

    def test_a_script_that_fails_is_a_finding(self):
        with tempfile.TemporaryDirectory() as root:
            plant(root, {"scripts/check-coroutines": "#!/bin/sh\necho a.cpp:1: a lambda\nexit 1\n"})
            os.chmod(os.path.join(root, "scripts/check-coroutines"), stat.S_IRWXU)
            self.assertIn("a lambda", str(list(banned.check_coroutines(Tree(root)))[0]))

    def test_blanking_keeps_lines_and_digit_separators(self):
        text = "int a = 1'000'000; // x\nauto s = R\"(a\n\"b)\"; /* y\n*/ f('\"');\n"
        self.assertEqual(blank(text).count("\n"), text.count("\n"))
        self.assertIn("1'000'000;", blank(text))
        self.assertIn("f(", blank(text))
        self.assertNotIn("b)", blank(text))


if __name__ == "__main__":
    unittest.main()
