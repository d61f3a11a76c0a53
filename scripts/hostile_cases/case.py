# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""A case: files, a command line, and what its streams are connected to."""

import dataclasses

# For commands that have no limit of their own: what a file or a command line may cost, in seconds.
PATIENCE = 5.0

INTERESTING = [
    0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 52, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF,
    0x80000000, 0x80000001, 0xFFFF0000, 0xFFFFFFF0, 0xFFFFFFF8, 0xFFFFFFF9, 0xFFFFFFFC, 0xFFFFFFFF, 0x10000000, 0x10020000,
    0x1005FFFC, 0x10060000, 0x30000000, 0x38000000, 0xC0000000, 0xE000E000,
]

STEERING = [
    b"\x1b[31m", b"\x1b]0;title\x07", b"\x9b2J", "\u009b2J".encode(), "\u202eevil".encode(), "\u2066".encode(), b"\r\nm4run: all is well",
    b"\x00", b"\xff\xfe", b"\x08\x08\x08", b"\x7f", "\u2028".encode(), b"\tTEE_SUCCESS",
]


@dataclasses.dataclass
class Case:
    """Runs in a folder of its own that has `files`.

    limit: seconds that it may take: the command's own --timeout, or PATIENCE.
    stdout, stderr: "read", "unread" (a pipe that nobody reads), "closed" (a pipe whose reader has gone), or "head" (a reader that goes after
    a few bytes).
    stdin: bytes, "nothing" (at its end at once), "silent" (a pipe that nobody writes to), or "endless" (zeros without end).
    fifos: names of pipes in the folder that nobody opens.
    makes: beginnings of names that the command may leave in the folder.
    answers: whether a status other than 0 must be explained on stderr or stdout; a guest's own exit code need not be.
    statuses: those that it may end with; any documented one unless told.
    clients: called with the case's folder and a function that tells whether the command still runs, while it runs; SIGTERM follows.
    ending: seconds that the command has from that signal on.
    empties: folders that must be empty, or gone, at the end, but for these names.
    """

    argv: list
    files: dict = dataclasses.field(default_factory=dict)
    limit: float = PATIENCE
    stdin: object = "nothing"
    stdout: str = "read"
    stderr: str = "read"
    fifos: list = dataclasses.field(default_factory=list)
    makes: list = dataclasses.field(default_factory=list)
    answers: bool = True
    statuses: tuple = None
    clients: object = None
    ending: float = 0.5
    empties: dict = dataclasses.field(default_factory=dict)
    # Another program, for the check of the checks.
    program: str = None


class Tools:
    """What the makers of cases know of the command: the samples, and which of its commands have which options."""

    def __init__(self, samples, options):
        self.samples = samples
        self.options = options

    def limited(self, command, seconds):
        """--timeout, where the command has one, and how long it may then take."""
        if "--timeout" in self.options.get(command, {}):
            return ["--timeout", "%dms" % round(seconds * 1000)], seconds
        return [], PATIENCE


def word(random, near=0):
    """A 32-bit number that a parser may stumble over."""
    choice = random.random()
    if choice < 0.6:
        return random.choice(INTERESTING)
    if choice < 0.8:
        return (near + random.choice([-8, -4, -1, 1, 4, 8])) & 0xFFFFFFFF
    return random.getrandbits(32)


def scatter(random, data, count):
    """Changes bytes, cuts, doubles or inserts."""
    data = bytearray(data)
    for _ in range(count):
        kind = random.random()
        place = random.randrange(len(data)) if data else 0
        if not data or kind < 0.1:
            data[place:place] = random.randbytes(random.choice([1, 4, 8, 64]))
        elif kind < 0.6:
            data[place] = random.choice([0, 1, 0x7F, 0x80, 0xFF, random.getrandbits(8)])
        elif kind < 0.8:
            data[place:place + 4] = word(random).to_bytes(4, "little")
        elif kind < 0.9:
            del data[place:place + random.choice([1, 4, 8, 64])]
        else:
            data[place:place] = data[place:place + random.choice([4, 20, 32, 40])]
    return bytes(data)
