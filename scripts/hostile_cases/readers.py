# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Readers that stop, and writers that never begin: stdout, stderr, stdin, and pipes in place of files."""

from . import guests, images, keys
from .case import Case


def make(random, tools):
    key = keys.trusted(random)
    sample = dict(tools.samples)["tty-echo"]
    signed = images.sign(key, [sample])
    files = {"tty-echo.elf": sample, "tty-echo.signed": signed, "key.pem": key.public_pem()}
    streams = random.choice([("unread", "read"), ("closed", "read"), ("read", "unread"), ("read", "closed"), ("unread", "unread"), ("head", "read"), ("closed", "closed")])
    more, limit = tools.limited("run", 0.4)
    kind = random.randrange(6)
    if kind == 0:
        # Output without end, to nobody.
        files["guest.elf"] = guests.semihosting(random) if random.random() < 0.5 else guests.stores(random)
        command = random.choice(["run", "exec"])
        more, limit = tools.limited(command, 0.4)
        argv = [command, "guest.elf"] + more + (["--boot", "elf", "--log-level", "debug"] if command == "run" else [])
        if not more:
            argv += ["--for", "50ms"]
            # Without a limit of its own it waits for the reader, as any filter does.
            streams = random.choice([("closed", "read"), ("read", "closed"), ("head", "read")])
        return Case(argv, files, limit, stdout=streams[0], stderr=streams[1], answers=False)
    if kind == 1:
        argv = ["run", "tty-echo.elf", "--boot", "elf", "--interactive", "--log-level", random.choice(["info", "debug", "quiet"])] + more
        stdin = random.choice([b"line\n" * 20000, b"x" * 300_000, "silent", "endless"])
        return Case(argv, files, limit, stdin=stdin, stdout=streams[0], stderr=streams[1], answers=False)
    if kind == 2:
        # Whoever reads the verdicts has gone; the pack has no end.
        argv = ["verify", "--batch", "-", "--unverified"]
        return Case(argv, files, 5.0, stdin="endless", stdout=random.choice(["closed", "head"]), answers=False)
    if kind == 3:
        # A pipe that nobody writes to, in place of a file.
        argv = random.choice([["run", "pipe", "--boot", "elf"], ["run", "tty-echo.signed", "--key", "pipe"], ["run", "tty-echo.elf", "--boot", "elf", "--dtb", "pipe"]]) + more
        return Case(argv, files, limit, fifos=["pipe"])
    if kind == 4:
        # A served run in a folder, with nobody there.
        argv = ["run", "tty-echo.elf", "--boot", "elf", random.choice(["--control", "--devices"]), "out.folder"] + more
        if random.random() < 0.5 and "--control" in argv:
            argv.append("--no-fuse")
        return Case(argv, files, limit, stdout=streams[0], stderr=streams[1], makes=["out."], answers=False)
    argv = random.choice([["inspect", "tty-echo.signed", "--json"], ["verify", "tty-echo.signed", "--key", "key.pem", "--explain"], ["--help"], ["help", "run"],
                          ["extract", "tty-echo.signed", "-o", "out.folder"]])
    return Case(argv, files, 5.0, stdout=random.choice(["closed", "head"]), stderr=random.choice(["read", "closed"]), makes=["out."], answers=False)
