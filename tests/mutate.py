#!/usr/bin/env python3
"""Finds checks that are missing: changes one thing in a source file at a time, and shows the changes that no test sees.

    tests/mutate.py FILE[:FIRST-LAST] TESTS [--count N] [--seed S] [--work DIR] [--cmake=OPTION]...

FILE is a source file, or a directory of them, with the lines to change; TESTS is a regular expression of ctest entries.
A change is another operator (+ - * / < <= > >= == != && ||), 0 for 1 or 1 for 0, or a statement less. --count takes
that many changes at random, by --seed; otherwise it makes all of them. It works on a copy of the tree in DIR, which it
keeps for the next run. Each survivor is a line of output. Its status is 1 if there are any.
"""

import argparse
import pathlib
import random
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
OTHERS = {
    "+": "-", "-": "+", "*": "/", "/": "*", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "&&": "||", "||": "&&", "+=": "-=", "-=": "+=", "*=": "/=", "0": "1", "1": "0",
}
TOKEN = re.compile(
    r"""(?P<skip>/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|^[ ]*\#(?:\\\n|[^\n])*)"""
    r"""|(?P<word>[A-Za-z_]\w*|\.?\d[\w.]*)|(?P<operator>->|\+\+|--|<<=?|>>=?|[-+*/<>=!]=|&&|\|\||[-+*/<>])""",
    re.DOTALL | re.MULTILINE | re.VERBOSE)
# A statement on one line that a function also compiles without: no declaration, no return.
STATEMENT = re.compile(r"^ +(?!return\b|goto\b|break\b|continue\b|case\b|default\b)"
                       r"[\w\[\]().>*+-]+(?: (?:[-+*/|&^]|<<|>>)?= [^;{}]+|\([^;{}]*\)|\+\+|--);$")


def ends_a_value(before):
    """Whether what comes before an operator is a value, so that the operator has two sides."""
    before = before.rstrip()
    word = re.search(r"[A-Za-z_]\w*$", before)
    if word:
        return word.group() not in ("return", "case", "sizeof", "else", "const")
    return before[-1:].isdigit() or before[-1:] in (")", "]", ".")


def is_pointer_type(before, after):
    """Whether a * after a name declares a pointer: `double *x`, `(char *)x`."""
    name = re.search(r"(?:^|[(,{;]|\bconst|\bstatic|\binline|\bstruct)\s*[A-Za-z_]\w*\s*$", before)
    return bool(name) and not after.startswith(" ")


def mutants_of(path, first, last):
    """Yields (line, description, changed text)."""
    text = path.read_text()
    for token in TOKEN.finditer(text):
        line = text.count("\n", 0, token.start()) + 1
        old = token.group()
        if token.lastgroup == "skip" or old not in OTHERS or not first <= line <= last:
            continue
        before, after = text[:token.start()], text[token.end():]
        if token.lastgroup == "operator":
            if not ends_a_value(before) or old in "*" and is_pointer_type(before, after):
                continue
            if old == "*" and not after.startswith(" "):
                continue
        yield line, f"{old} becomes {OTHERS[old]}", before + OTHERS[old] + after
    lines = text.split("\n")
    for number, content in enumerate(lines, 1):
        if first <= number <= last and STATEMENT.match(content):
            without = lines[:number - 1] + [re.match(" *", content).group() + ";"] + lines[number:]
            yield number, "removed", "\n".join(without)


class Tree:
    """A copy of the tree, built."""

    def __init__(self, work, tests, options):
        self.source, self.build, self.tests = work / "source", work / "build", tests
        files = subprocess.run(["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                               check=True, capture_output=True).stdout
        for name in files.decode().strip("\0").split("\0"):
            copy, content = self.source / name, (ROOT / name).read_bytes()
            if not copy.exists() or copy.read_bytes() != content:  # what is the same isn't built again
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(content)
        subprocess.run(["cmake", "-S", self.source, "-B", self.build, "-DRNN_BUILD_EXAMPLES=OFF", "-DRNN_INSTALL=OFF",
                        "-DCMAKE_C_COMPILER_LAUNCHER=ccache", *options], check=True, stdout=subprocess.DEVNULL)
        listed = subprocess.run(["ctest", "--test-dir", self.build, "-N", "-R", tests], check=True,
                                capture_output=True, text=True).stdout
        self.targets = sorted({name.split(".")[0] for name in re.findall(r"Test +#\d+: (\S+)", listed)})
        if not self.targets:
            sys.exit(f"no test matches {tests}")

    def compiles(self):
        return subprocess.run(["cmake", "--build", self.build, "--parallel", "2", "--target", *self.targets],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0

    def passes(self):
        return subprocess.run(["ctest", "--test-dir", self.build, "-R", self.tests, "--stop-on-failure", "--parallel",
                               "2", "--timeout", "120"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("tests")
    parser.add_argument("--count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build-mutants")
    parser.add_argument("--cmake", action="append", default=[])
    given = parser.parse_args()

    name, _, lines = given.file.partition(":")
    first, _, last = lines.partition("-")
    path = (ROOT / name).resolve()
    paths = sorted(path.glob("*.[ch]")) if path.is_dir() else [path]
    mutants = [(path.relative_to(ROOT), *mutant) for path in paths
               for mutant in mutants_of(path, int(first or 1), int(last or first or 1 << 30))]
    if given.count is not None and given.count < len(mutants):
        mutants = sorted(random.Random(given.seed).sample(mutants, given.count), key=lambda mutant: mutant[:2])

    tree = Tree(given.work.resolve(), given.tests, given.cmake)
    if not tree.compiles() or not tree.passes():
        sys.exit("the tests don't pass before anything is changed")
    survivors = useless = 0
    for path, line, change, text in mutants:
        changed = tree.source / path
        original = changed.read_text()
        try:
            changed.write_text(text)
            if not tree.compiles():
                useless += 1
            elif tree.passes():
                survivors += 1
                print(f"{path}:{line}: {change}: {original.splitlines()[line - 1].strip()}", flush=True)
        finally:
            changed.write_text(original)
    print(f"{len(mutants) - useless} changes, {survivors} not seen by any test; {useless} more didn't compile")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
