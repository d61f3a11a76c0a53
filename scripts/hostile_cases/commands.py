# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Command lines: any command with any of its options, and values that nobody means."""

from . import images, keys
from .case import STEERING, Case

VALUES = [
    "", " ", "0", "-1", "1", "+5", "0x", "0x10000000", "1e9", "nan", "10", "10ms", "-3s", "0.0000001us", "99999999999999999999", "1.5.5s", "9" * 400,
    "any", "none", "hardFault", "elf", "tee-v3", "tee-ops", "newest", "5.15", "pll3", "coarse", "segments", "debug", "quiet", "ttyRPMSG0", "ttyRPMSG99999",
    "rpmsg0", "rpmsg-tty", "main", "main+0x2", "0x8:4:rw", "0x8:0:q", "main:99999999999:w", "drop,to-linux", "delay=2ms,every=0", "one-in=3,seed=1", ",,,,",
    "tty-echo.elf", "tty-echo.signed", "missing", ".", "/dev/null", "/dev/zero", "A" * 5000, "%s%n%x", "$(id)", "'; id; '", "--", "-", "\u00e4\u00f6\u00fc",
]
# What is written goes into the case's folder, and nowhere else.
PLACES = ["out.file", "out.folder", "out.folder/deep", "", "tty-echo.elf", "/dev/full", "/dev/null"]
WRITES = {"--out", "-o", "--coredump", "--control", "--devices"}
COMMANDS = ["run", "run", "exec", "doctor", "verify", "inspect", "extract", "sign", "keygen", "dt", "ctl"]


def value(random):
    if random.random() < 0.15:
        return random.choice(STEERING).replace(b"\0", b"").decode("utf-8", "surrogateescape")
    return random.choice(VALUES)


def make(random, tools):
    key = keys.trusted(random)
    sample = dict(tools.samples)["tty-echo"]
    files = {"tty-echo.elf": sample, "tty-echo.signed": images.sign(key, [sample]), "public.pem": key.public_pem(), "private.pem": key.private_pem()}
    command = random.choice(COMMANDS)
    known = tools.options.get(command, {})
    argv = [command]
    if random.random() < 0.8 and command not in ("sign", "keygen"):
        argv.append(random.choice(["tty-echo.signed", "tty-echo.elf"]))
    if random.random() < 0.5 and "--key" in known:
        argv += ["--key", "private.pem" if command == "sign" else "public.pem"]
    elif "--unverified" in known:
        argv.append("--unverified")
    names = [name for name in known if name not in ("--timeout", "--help", "--version", "--show-config")]
    for _ in range(random.choice([0, 1, 2, 3, 6])):
        name = random.choice(names) if names and random.random() < 0.95 else "--" + random.choice(["nonsense", "", "k=v"])
        argv.append(name)
        if known.get(name):
            argv.append(random.choice(PLACES) if name in WRITES else value(random))
    if random.random() < 0.1 and command not in ("sign", "keygen", "extract"):
        argv.append(value(random))
    if command == "ctl":
        # No run serves the folder.
        argv = ["ctl", random.choice(["out.folder", "missing", ""])] + [value(random) for _ in range(random.randrange(4))]
    more, limit = tools.limited(command, 0.5)
    # A served run goes on until its time is over.
    argv[1:1] = more
    # Nothing can take a word with a NUL.
    argv = [argument.replace("\0", "") for argument in argv]
    return Case(argv, files, limit, makes=["out.", "tty-echo.elf", ".m4run", "dev", "sys", "lib"] if "" in argv else ["out.", "tty-echo.elf"], answers=command != "exec")
