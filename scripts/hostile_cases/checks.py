# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""What is wrong with a run, and whether the machine was too busy to say."""

import codecs
import contextlib
import dataclasses
import json
import pathlib
import threading
import time
import unicodedata

GRACE = 0.5
# Bytes of a stream that are looked at.
KEPT = 1 << 20
# Documented in docs/reference/m4run-exit-status.7.md; a guest's own exit code is any.
STATUSES = range(0, 9)
# Statuses for which stderr has one line that says why, unless the verdict is what stdout is for.
EXPLAINED = (2, 4)
VERDICTS = {"doctor", "dt", "inspect", "verify"}
# What they write to stdout is text of m4run's own. The others hand on what firmware or a file holds, byte by byte.
TEXTS = {"doctor", "dt", "inspect", "keygen", "sign", "verify"}


@dataclasses.dataclass
class Result:
    # None when it had to be ended by force; negative for a signal.
    status: int
    seconds: float
    out: bytes
    err: bytes
    # Processes of its session that outlived it.
    left: bool
    # From the signal on that followed a case's clients; None when it had ended before.
    ending: float = None


class Gate:
    """Cases run beside each other; one that seemed late runs alone."""

    def __init__(self):
        self._condition = threading.Condition()
        self._beside = 0
        self._alone = False

    @contextlib.contextmanager
    def beside(self):
        with self._condition:
            self._condition.wait_for(lambda: not self._alone)
            self._beside += 1
        try:
            yield
        finally:
            with self._condition:
                self._beside -= 1
                self._condition.notify_all()

    @contextlib.contextmanager
    def alone(self):
        with self._condition:
            self._condition.wait_for(lambda: not self._alone)
            self._alone = True
            self._condition.wait_for(lambda: self._beside == 0)
        try:
            yield
        finally:
            with self._condition:
                self._alone = False
                self._condition.notify_all()

    @staticmethod
    def stretch():
        """How many times its processor time this moment takes on the machine, because of others' work: 1 when it is idle, 4 at most."""
        wall, used = time.monotonic(), time.thread_time()
        while time.thread_time() - used < 0.1:
            pass
        return min(4.0, max(1.0, (time.monotonic() - wall) / (time.thread_time() - used)))


def steers(data):
    """The first thing in text for people that a terminal could take for a command; None when there is none."""
    try:
        # What is kept of a stream may end inside a character.
        text = codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError as error:
        return "byte 0x%02x" % data[error.start]
    for character in text:
        if character not in "\n\t" and unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp"):
            return "U+%04X" % ord(character)
    return None


def is_object(data):
    """JSON's, whole, and nothing else; or nothing at all, from a command that was refused before it began."""
    try:
        return not data or len(data) >= KEPT or isinstance(json.loads(data), dict)
    except ValueError:
        return False


def complaints(case, result, folder, stretch):
    wrong = []
    if result.seconds > case.limit + GRACE * stretch:
        busy = ", alone on a machine that took %.1f times as long as it should" % stretch if stretch > 1.05 else ""
        wrong.append("late: %.2f s of %.2f%s%s" % (result.seconds, case.limit, "" if result.status is not None else ", and ended by force", busy))
    elif result.status is not None and result.status < 0:
        wrong.append("ended by signal %d" % -result.status)
    elif result.ending is not None and result.ending > case.ending + GRACE * stretch:
        wrong.append("late: %.2f s from SIGTERM on, of %.2f" % (result.ending, case.ending))
    elif case.statuses is not None and result.status not in case.statuses:
        wrong.append("status %s, not of %s" % (result.status, list(case.statuses)))
    elif result.status is not None and result.status not in STATUSES and (case.answers or result.status >= 128 and not case.argv[:1] == ["exec"]):
        wrong.append("status %d is not documented" % result.status)
    if result.status and case.answers and case.stdout == "read" and case.stderr == "read" and not (result.err.strip() or result.out.strip()):
        wrong.append("status %d without a word" % result.status)
    elif result.status in EXPLAINED and case.answers and case.stderr == "read" and case.argv[0] not in VERDICTS:
        if (count := sum(line.startswith(b"m4run: ") for line in result.err.split(b"\n"))) != 1:
            wrong.append("status %d with %d lines that say why" % (result.status, count))
    if "--json" in case.argv and not {"-h", "--help"} & set(case.argv) and case.stdout == "read" and result.status is not None and not is_object(result.out):
        wrong.append("--json: stdout is no object: %s" % ascii(result.out[:200]))
    streams = [("stderr", case.stderr, result.err)]
    if case.argv[:1] and case.argv[0] in TEXTS or "--json" in case.argv:
        streams.append(("stdout", case.stdout, result.out))
    for name, how, text in streams:
        # A stream that was cut may end inside a character's bytes, which says nothing.
        if how == "read" and (steering := steers(text)):
            wrong.append("%s steers a terminal: %s" % (name, steering))
    if result.left:
        wrong.append("a process is left behind")
    mounts = [line.split()[1] for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()]
    if any(mount.startswith(str(folder)) for mount in mounts):
        wrong.append("left a mount behind")
        return wrong
    expected = set(case.files) | set(case.fifos)
    for name, theirs in case.empties.items():
        there = {str(path.relative_to(folder / name)) for path in (folder / name).rglob("*")} - theirs
        if there:
            wrong.append("left in %s: %s" % (name, ascii(sorted(there))[:200]))
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        parts = path.relative_to(folder).parts
        if any(part.endswith(".part") or part == ".m4run" for part in parts):
            wrong.append("left %s" % ascii(name))
        elif path.is_socket() or path.is_symlink():
            wrong.append("left a socket or link, %s" % ascii(name))
        elif parts[0] not in expected and not any(parts[0].startswith(beginning) for beginning in case.makes):
            wrong.append("left %s" % ascii(name))
    return wrong
