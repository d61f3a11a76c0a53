# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""ELF files whose symbols and functions make work for whoever names places and callers: the doctor, breakpoints, reports of faults and time-outs."""

import struct

from . import elf
from .case import Case

TOP = 0x10040000
BASE = 8
NOP, LOOP, UDF, RETURN = 0xBF00, 0xE7FE, 0xDE00, 0x4770


def call(here, target):
    """BL: two halfwords. Source: ARMv7-M ARM, A7.7.18."""
    offset = target - here - 4
    sign, i1, i2 = offset >> 24 & 1, offset >> 23 & 1, offset >> 22 & 1
    return [0xF000 | sign << 10 | offset >> 12 & 0x3FF, 0xD000 | (1 - (i1 ^ sign)) << 13 | (1 - (i2 ^ sign)) << 11 | offset >> 1 & 0x7FF]


def pushes(random):
    """A function that saves registers again and again, in a row or with branches between, so that each instruction has a stack of its own."""
    count, form = random.choice([100, 2000, 8000]), random.randrange(5)
    code = []
    for number in range(count):
        if form == 1:
            code += [random.choice([0xB500, 0xB5F0, 0xB410])]
        elif form == 2:
            # CBZ and CBNZ over the next push: both ways meet again.
            code += [0xB100 if number % 2 else 0xB900, 0xB500]
        elif form == 3:
            # BNE back to the beginning of the row, where that is near enough.
            code += [0xB500] + ([0xD100 | -(min(len(code), 100) + 3) & 0xFF] if number % 8 == 7 else [])
        elif form == 4:
            # SUB SP and STR to the stack.
            code += [0xB081, 0x9000 | number & 0xFF]
        else:
            code += [0xB510]
    return code


def program(random):
    """Code at BASE, and (name, start, size) of its functions: main, then what it calls."""
    ends = random.choice([[UDF], [LOOP], [LOOP], [0x6800, LOOP], [0xBEAB], [0xBF30, 0xE7FD]])
    kind = random.randrange(3)
    if kind == 0:
        body = pushes(random) + ends
        main = call(BASE, BASE + 8) + [LOOP, NOP]
        return main + body, [("main", BASE, 8), ("deep", BASE + 8, 2 * len(body))]
    if kind == 1:
        # It calls itself until the stack is full, or for so many rounds: MOVS R0, PUSH, SUBS R0, BNE past its end, BL itself.
        rounds = random.choice([1, 255])
        deep = [0xB500 | random.choice([0, 0x10, 0xFF]), 0x3801, 0xD000 | 1] + call(BASE + 8 + 6, BASE + 8) + ends
        return [0x2000 | rounds] + call(BASE + 2, BASE + 8) + [NOP] + deep, [("main", BASE, 8), ("deep", BASE + 8, 2 * len(deep))]
    # A long chain of functions, each with its push.
    count = random.choice([10, 1000, 4000])
    code, functions = [], []
    for number in range(count):
        start = BASE + 2 * len(code)
        code += [0xB500] + (call(start + 2, start + 8) + [0xBD00] if number + 1 < count else ends)
        functions.append(("f%d" % number, start, 2 * len(code) + BASE - start))
    return code, [("main",) + functions[0][1:]] + functions[1:]


def table(random, functions, end):
    """Symbols, and their names: those of the functions, beside tens of thousands that share names or places."""
    names, symbols, places = bytearray(b"\0"), [], {}

    def add(name, value, size, kind):
        if name not in places:
            places[name] = len(names)
            names.extend(name.encode() + b"\0")
        symbols.append(struct.pack("<IIIBBH", places[name], value & 0xFFFFFFFF, size & 0xFFFFFFFF, kind, 0, 1))

    count, kind = random.choice([0, 1000, 30_000, 65_000]), random.randrange(7)
    for number in range(count):
        if kind == 0:
            add("same", BASE | 1, end - BASE, 0x12)
        elif kind == 1:
            add("same", BASE + 2 * number | 1, 2, 0x02)
        elif kind == 2:
            # Each around the next one.
            add("same", BASE | 1, 2 * number, 0x12)
        elif kind == 3:
            add("deep", BASE + 8 | 1, 0, random.choice([0x12, 0x02, 0x22]))
        elif kind == 4:
            add("part.cold.%d" % number, BASE + 2 * (number % 1000) | 1, 2, 0x02)
        elif kind == 5:
            add(random.choice(["$t", "$d", "$t.1"]), BASE + 2 * number, 0, 0)
        else:
            add("same", random.getrandbits(32), random.getrandbits(32), random.choice([0x10, 0x11, 0x12]))
    for name, start, size in functions:
        add(name, start | 1, size, 0x12)
        if kind == 4:
            add(name + ".cold", start | 1, size, 0x02)
    return bytes(names), b"".join(symbols)


def make(random, tools):
    code, functions = program(random)
    body = struct.pack("<II", TOP, BASE | 1) + b"".join(struct.pack("<H", half) for half in code)
    body += bytes(-len(body) % 4)
    names, symbols = table(random, functions, BASE + 2 * len(code))
    start = 52 + 32 + len(body)
    sections = names + symbols + struct.pack("<10I", 0, 3, 0, 0, start, len(names), 0, 0, 1, 0) + struct.pack(
        "<10I", 0, 2, 0, 0, start + len(names), len(symbols), 0, 1, 4, 16)
    data = elf.build([(0, body, len(body))], sections=sections, shoff=start + len(names) + len(symbols), shnum=2)
    command = random.choice(["doctor", "run", "run", "exec"])
    more, limit = tools.limited(command, 0.3)
    argv = [command, "symbols.elf"] + more + (["--boot", "elf"] if command != "exec" else [])
    # Some last until the limit, where the report is still to come.
    argv += random.choice([[], ["--for", "1ms"], ["--for", "1000s"]])
    last = functions[-1][0]
    if command != "doctor" and random.random() < 0.6:
        place = random.choice([last, "same", "deep+0x%x" % (2 * random.randrange(2000)), "0x%x" % (BASE + 2 * (len(code) - 1)), "main"])
        argv += random.choice([["--break"], ["--break", "main", "--break"], ["--watch"], ["--watch-from"]]) + [place]
        if argv[-2] == "--watch-from":
            argv += ["--watch", "0x%x" % (TOP - 64)]
    if command == "run" and random.random() < 0.3:
        argv += ["--sanitize"]
    if random.random() < 0.2 and command != "exec":
        argv += ["--json"]
    return Case(argv, {"symbols.elf": data}, limit, answers=command != "exec")
