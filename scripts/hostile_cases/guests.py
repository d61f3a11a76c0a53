# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Firmware that means harm: random code, output without end, control blocks that lie."""

import struct

from . import elf
from .case import Case

BKPT_AB = 0xBEAB
LOOP = 0xE7FE


def firmware(code, literals=(), more=()):
    """Code at 8 in RETRAM, with words behind it; `code` is halfwords."""
    body = b"".join(struct.pack("<H", half) for half in code)
    body += bytes(-len(body) % 4) + b"".join(struct.pack("<I", number) for number in literals)
    body = struct.pack("<II", 0x10010000, 9) + body
    return elf.build([(0, body, max(len(body), 256)), *more])


def load(register, number, base):
    """movw, movt: four halfwords."""
    result = []
    for half, op in ((number & 0xFFFF, 0xF240), (number >> 16, 0xF2C0)):
        result += [op | half >> 12 | (half >> 11 & 1) << 10, (half >> 8 & 7) << 12 | register << 8 | half & 0xFF]
    return result


def semihosting(random):
    """The same operation again and again, with a block of parameters that is true or not."""
    operation = random.choice([1, 2, 3, 4, 4, 5, 5, 5, 6, 7, 9, 0xA, 0xC, 0xD, 0xE, 0xF, 0x10, 0x11, 0x12, 0x13, 0x15, 0x16, 0x18, 0x20, 0x30, 0x31, random.getrandbits(32)])
    parameters = [random.choice([0, 1, 2, 3, 0xFFFFFFFF]), random.choice([0, 8, 0x10000000, 0x38000000, 0xFFFFFFF0]), random.choice([0, 1, 80, 32768, 0x60000, 0xFFFFFFFF])]
    code = load(0, operation, 8) + load(1, random.choice([0x10000000, 0x10000000, 0, 0xFFFFFFFC, 0x60000000]), 8) + [BKPT_AB]
    # Back to the beginning: b.n takes an offset in halfwords from two instructions on.
    code.append(0xE000 | -(len(code) + 2) & 0x7FF)
    return firmware(code, more=[(0x10000000, struct.pack("<3I", *parameters) + b"text \x1b[31m" * 8, 128)])


def stores(random):
    """Writes to one address for ever: a UART, an ITM port, an RTT buffer, anything."""
    address = random.choice([0x4000E028, 0x40010028, 0xE0000000, 0xE000ED0C, 0xE000ED08, 0xE000ED94, 0xE000E010, 0x4C001004, 0x50000000, 0x58000000, 0x60000000, 0x10040000,
                             random.getrandbits(32) & ~3])
    code = load(0, address, 8) + load(1, random.choice([0, 0x0A, 0x41, 0x05FA0004, 0xFFFFFFFF, random.getrandbits(32)]), 8) + [random.choice([0x6001, 0x7001, 0x8001])]
    code += random.choice([[0xE7FD], [0xE7FC]]) if random.random() < 0.8 else [0xBF30, 0xE7FC]
    return firmware(code)


def rtt(random):
    """A control block of SEGGER's with counts and addresses that lie."""
    up, down = random.choice([(1, 1), (16, 16), (0xFFFFFFFF, 1), (3, 0x7FFFFFFF)])
    block = b"SEGGER RTT" + bytes(6) + struct.pack("<II", up, down)
    for _ in range(32):
        block += struct.pack("<6I", random.choice([0, 8, 0x10000000, 0xFFFFFFFF]), random.choice([0, 0x10000000, 0x38000000, 0xFFFFFFF0]),
                             random.choice([0, 1, 1024, 0x60000, 0xFFFFFFFF]), random.getrandbits(20), random.getrandbits(20), random.getrandbits(2))
    return firmware([random.choice([LOOP, 0xBF30]), LOOP], more=[(0x10000000, block, len(block))])


def code(random):
    """Instructions at random, among them those that sleep, call and trap."""
    halves = []
    for _ in range(random.choice([16, 64, 400])):
        halves.append(random.choice([0xBF30, 0xBF20, 0xDF00, 0xB662, 0xB672, 0x4770, 0xBE00, BKPT_AB, LOOP, 0xF3BF, 0x8F4F] + [random.getrandbits(16)] * 20))
    return firmware(halves, [random.getrandbits(32) for _ in range(8)])


def make(random, tools):
    data = random.choice([semihosting, semihosting, stores, rtt, code, code])(random)
    command = random.choice(["exec", "run"])
    more, limit = tools.limited(command, 0.3)
    argv = [command, "guest.elf"] + more
    if command == "run":
        argv += ["--boot", "elf", "--log-level", random.choice(["info", "error", "debug"])]
    if not more:
        argv += ["--for", "1ms"]
    elif random.random() < 0.5:
        argv += ["--for", random.choice(["1ms", "50ms"])]
    elif random.random() < 0.5:
        argv += ["--for", "1000s"]
    for option, some in (("--json", "run"), ("--strict", "run"), ("--sanitize", "run"), ("--execute-waits", "both"), ("--stop-at", "both")):
        if random.random() < 0.15 and some in ("both", command):
            argv += [option] + (["none"] if option == "--stop-at" else [])
    return Case(argv, {"guest.elf": data}, limit, answers=command != "exec")
