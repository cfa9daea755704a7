"""Checks a Promela model with spin: every state that can be reached.

  check_model.py MODEL [--must-fail | --also-ends] [NAME[=VALUE]...]      definitions for the model's preprocessor

--must-fail: an assertion of the model must fail: for mutants. --also-ends: nothing may go round in a circle for ever, either.
"""

import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def verify(model, definitions, compiler_flags, options):
    with tempfile.TemporaryDirectory(prefix="holdfast-model-") as folder:
        subprocess.run(["spin", *(f"-D{d}" for d in definitions), "-a", model], cwd=folder, check=True)
        subprocess.run(["gcc", "-O1", "-w", *compiler_flags, "-o", "pan", "pan.c"], cwd=folder, check=True)
        text = subprocess.run(["./pan", "-m100000", *options], cwd=folder, check=True, capture_output=True, text=True).stdout
    counted = re.search(r"errors: (\d+)\s+(\d+) states, stored", text)
    if counted is None or "max search depth too small" in text:
        sys.exit(f"the search did not end:\n{text}")
    return int(counted[1]), int(counted[2]), text


def main():
    flags = {word for word in sys.argv[2:] if word.startswith("--")}
    definitions = [word for word in sys.argv[2:] if not word.startswith("--")]
    model = os.path.join(HERE, sys.argv[1])
    errors, states, text = verify(model, definitions, ["-DSAFETY"], [])
    if "--must-fail" in flags:
        if "assertion violated" not in text:
            sys.exit(f"the mutant {definitions} breaks nothing in {states} states: the model proves nothing\n{text}")
        print(f"{definitions} breaks what must hold, as it must")
        return
    if errors:
        sys.exit(f"the model fails; `spin -t` tells how, step by step\n{text}")
    unreached = re.findall(r"unreached in proctype (\w+)\n((?:\t.*\n)+)", text)
    for process, lines in unreached:
        if not lines.startswith("\t(0 of "):
            sys.exit(f"the model never gets everywhere in {process}:\n{lines}")
    print(f"holds in {states} states")
    if "--also-ends" in flags:
        errors, states, text = verify(model, definitions, ["-DNP"], ["-l"])
        if errors:
            sys.exit(f"the model can go round in a circle for ever\n{text}")
        print(f"ends from every one of {states} states")


if __name__ == "__main__":
    main()
