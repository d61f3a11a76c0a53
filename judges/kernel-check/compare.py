#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Compares what kernel-check's scripts printed in the guest and beside the model.

    compare.py all|part ALLOWED FIDELITY.md FOLDER KERNEL=VERSION...

FOLDER has KERNEL.guest and KERNEL.model. With `part` scripts have left things out, and an entry of ALLOWED need not have explained anything. Exit
status 1: something differs that no entry of ALLOWED explains, or an entry explains nothing. Where nothing differs the comparison itself is judged:
it has to see each kind of error of the model's replaced by another, once in each script.
"""
import difflib
import errno
import fnmatch
import os
import re
import sys

# What is a counter of the whole machine's and not of the coprocessor's: (pattern, what stands for it).
COUNTERS = [
    # The guest's console is virtio0, its shared folder another.
    (re.compile(r"\bvirtio\d+\b"), "virtioN"),
    # Counts every such device that was ever made.
    (re.compile(r"\brproc-virtio\.\d+\.auto\b"), "rproc-virtio.N.auto"),
    (re.compile(r"\bdevcd\d+\b"), "devcdN"),
]


class Entry:
    """One allowed difference: a line of the guest's, of the model's, or one of each."""

    def __init__(self, fields, line):
        self.line, self.used = line, 0
        self.script, self.kernel = fields.pop("script", "*"), fields.pop("kernel", "*")
        self.row = fields.pop("row", None)
        self.patterns = {side: re.compile(fields.pop(side)) for side in ("guest", "model") if side in fields}
        if fields or not self.row or not self.patterns:
            raise SystemExit(f"allowed:{line}: an entry has guest: and/or model:, row:, and may have script: and kernel:")

    def covers(self, kernel, script):
        return fnmatch.fnmatchcase(script, self.script) and fnmatch.fnmatchcase(kernel, self.kernel)

    def explains(self, kernel, script, side, text):
        pattern = self.patterns.get(side)
        return bool(pattern and self.covers(kernel, script) and pattern.search(text))


def entries(path):
    fields, first, result = {}, 0, []
    with open(path) as file:
        lines = file.read().splitlines() + [""]
    for number, line in enumerate(lines, 1):
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                result.append(Entry(fields, first))
            fields = {}
            continue
        name, _, value = line.partition(": ")
        first = first if fields else number
        fields[name] = value
    return result


def scripts(path):
    """What each script printed: name -> lines. The last name is `end` where all ran."""
    result, lines = {}, []
    with open(path, errors="backslashreplace", newline="\n") as file:
        for line in file.read().split("\n"):
            if line.startswith("=== "):
                lines = result.setdefault(line[4:], [])
                continue
            for pattern, stands in COUNTERS:
                line = pattern.sub(stands, line)
            lines.append(line)
    return result


def sections(lines):
    """What a script printed from each line `--- TITLE` to the next, with that line: [(number of the first line, lines)]."""
    starts = [0] + [at for at, line in enumerate(lines) if at and line.startswith("--- ")] + [len(lines)]
    return [(a, lines[a:b]) for a, b in zip(starts, starts[1:])]


def pairs(guest, model):
    """Sections that belong together, as (number of the first line, guest's lines, model's lines); all in one where they have other titles."""
    left, right = sections(guest), sections(model)
    if [lines[:1] for _, lines in left] != [lines[:1] for _, lines in right]:
        return [(0, guest, model)]
    return [(first, a, b) for (first, a), (_, b) in zip(left, right)]


def compare(kernel, script, guest, model, allowed):
    """Returns how many lines differ, how many were explained, and the diff's lines that nothing explains, with some around them."""
    differ, explained, shown = 0, 0, []
    for first, a, b in pairs(guest, model):
        d, e, lines = compare_section(kernel, script, first, a, b, allowed)
        differ, explained, shown = differ + d, explained + e, shown + lines
    return differ, explained, shown


def compare_section(kernel, script, first, guest, model, allowed):
    """The same for lines of which the first is the script's line `first`, counted from 0."""
    differ, explained, shown = 0, 0, []
    matcher = difflib.SequenceMatcher(None, guest, model, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag == "equal":
            continue
        left = []
        for side, mark, lines in (("guest", "-", guest[a:b]), ("model", "+", model[c:d])):
            for line in lines:
                entry = next((e for e in allowed if e.explains(kernel, script, side, line)), None)
                if entry:
                    entry.used += 1
                    explained += 1
                else:
                    left.append(mark + line)
        if left:
            differ += max(sum(l[0] == "-" for l in left), sum(l[0] == "+" for l in left))
            shown.append(f"@@ {script} line {first + a + 1} @@")
            shown += [" " + line for line in guest[max(0, a - 4):a]] + left + [" " + line for line in guest[b:b + 2]]
    return differ, explained, shown


# What a wrong error is replaced by, and what replaces that one.
OTHER, ANOTHER = "Device or resource busy", "Invalid argument"
ERRORS = re.compile("|".join(sorted({os.strerror(number) for number in errno.errorcode}, key=len, reverse=True)))
CODES = re.compile(r"(?<=[ :(])-\d{1,3}\b(?!\.)")


def wrong(line):
    """(what was replaced, the line with a wrong error), for each error in a line: an errno's text, or a negative number."""
    for match in ERRORS.finditer(line):
        yield match[0], line[:match.start()] + (ANOTHER if match[0] == OTHER else OTHER) + line[match.end():]
    for match in CODES.finditer(line):
        yield match[0], line[:match.start()] + str(int(match[0]) - 1) + line[match.end():]


def unseen(kernel, script, guest, model, allowed):
    """Makes the model wrong in one error at a time. Returns how often that was tried, and the lines that passed."""
    tried, passed, kinds = 0, [], set()
    for first, left, right in pairs(guest, model):
        for at, line in enumerate(right):
            for kind, other in wrong(line):
                if kind in kinds or any(e.explains(kernel, script, "model", line) for e in allowed):
                    continue
                kinds.add(kind)
                tried += 1
                if not compare_section(kernel, script, first, left, right[:at] + [other] + right[at + 1:], allowed)[0]:
                    passed.append(other)
    return tried, passed


def main():
    extent, allowed_path, fidelity_path, folder, *kernels = sys.argv[1:]
    allowed = entries(allowed_path)
    with open(fidelity_path) as file:
        fidelity = [line for line in file if line.startswith("| ")]
    failed = False
    for entry in allowed:
        if not any(line[2:].startswith(entry.row) for line in fidelity):
            print(f"allowed:{entry.line}: no row of FIDELITY.md begins so: {entry.row}")
            failed = True
    ran = []
    for pair in kernels:
        kernel, _, version = pair.partition("=")
        sides = {side: scripts(f"{folder}/{kernel}.{side}") for side in ("guest", "model")}
        names = [name for name in sides["guest"] if name != "end"]
        count = differ = explained = tried = 0
        for side, found in sides.items():
            if "end" not in found:
                print(f"{kernel}: the {side}'s scripts did not come to their end")
                failed = True
        for name in names:
            guest, model = sides["guest"][name], sides["model"].get(name, [])
            ran.append((kernel, name))
            count += len(guest)
            k, e, shown = compare(kernel, name, guest, model, allowed)
            differ += k
            explained += e
            if not k:
                number, passed = unseen(kernel, name, guest, model, allowed)
                tried += number
                for line in passed:
                    print(f"{kernel}, {name}: a model that said so would have passed: {line}")
                    failed = True
            if shown:
                print(f"--- {kernel} {version}, {name}\n+++ the model")
                print("\n".join(shown))
            late = [l for l in guest + model if l.startswith(("TIMEOUT", "STUCK", "GONE"))]
            if late:
                print(f"{kernel}, {name}: {late[0]}")
                failed = True
        failed |= differ > 0
        print(f"kernel-check: {count} lines of {len(names)} scripts, {differ} differ, {explained} explained, {tried} wrong errors seen ({kernel}, Linux {version})")
    for entry in allowed:
        if extent == "all" and not entry.used and any(entry.covers(*pair) for pair in ran):
            print(f"allowed:{entry.line}: explains nothing: {entry.patterns}")
            failed = True
    sys.exit(1 if failed else 0)


main()
