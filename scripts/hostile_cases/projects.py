# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Project files: YAML that is too long, too deep, no text, full of references, or says what no option takes."""

from . import commands
from .case import STEERING, Case, scatter

COMMANDS = ["run", "doctor", "verify", "inspect", "exec", "sign"]


def text(random, tools):
    """A file of options, most of which are refused."""
    lines = []
    for _ in range(random.choice([1, 3, 20])):
        command = random.choice(COMMANDS)
        names = [name[2:] for name in tools.options[command] if name.startswith("--")] + ["image", "elf", "nonsense"]
        name = random.choice(names)
        value = commands.value(random)
        shown = random.choice([value, "'%s'" % value.replace("'", "''"), "[%s]" % value, "{a: %s}" % value, "true", "", "\n  - %s" % value])
        lines.append(random.choice(["%s: %s" % (name, shown), "%s:\n  %s: %s" % (command, name, shown)]))
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def hostile(random, tools):
    kind = random.randrange(8)
    if kind == 0:
        return random.choice([b"[", b"{a: ", b"- ", b"? ", b"!a ", b"a: {", b"'", b"&a ", b"|"]) * random.choice([10, 300, 5000, 20000])
    if kind == 1:
        return b"a: &a [x, x]\n" + b"".join(b"%c: &%c [%s]\n" % (n + 1, n + 1, b", ".join([b"*%c" % n] * 9)) for n in range(97, 120))
    if kind == 2:
        return b"run:\n  send: [" + b"a, " * random.choice([10, 1001, 20000]) + b"b]\n"
    if kind == 3:
        return random.choice([random.randbytes(5000), b"\xff\xfea\0:\0 \0b\0", b"\xef\xbb\xbfboot: elf\n", b"%YAML 9.9\n---\n", b"%TAG ! x\n--- !a b\n", b"#" * 65537, b"\0" * 100])
    if kind == 4:
        return b"run: {send: " + random.choice(STEERING) + b"}\n"
    if kind == 5:
        return b"\n".join(b"send%d: x" % n for n in range(3000))
    made = text(random, tools)
    return scatter(random, made, random.choice([1, 4, 30])) if kind == 6 and made else made


def make(random, tools):
    command = random.choice(COMMANDS)
    files = {"m4run.yaml": hostile(random, tools), "tty-echo.elf": dict(tools.samples)["tty-echo"]}
    argv = [command] + random.choice([["--show-config"], [], [] if command == "sign" else ["tty-echo.elf"]])
    more, limit = tools.limited(command, 0.5)
    argv[1:1] = more
    return Case(argv, files, limit, makes=["out.", "tty-echo.elf", ".m4run", "dev", "sys", "lib"], answers=command != "exec")
