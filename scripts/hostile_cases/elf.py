# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""ELF files: samples with damaged headers, and files that ask for much work."""

import struct

from .case import Case, scatter, word

EHDR = {"e_entry": 24, "e_phoff": 28, "e_shoff": 32, "e_flags": 36}
EHDR16 = {"e_type": 16, "e_machine": 18, "e_phentsize": 42, "e_phnum": 44, "e_shentsize": 46, "e_shnum": 48, "e_shstrndx": 50}


def build(segments, sections=b"", shoff=0, shnum=0, shstrndx=0, entry=9):
    """An ELF32 file for Arm: segments are (address, bytes, memory size)."""
    count = len(segments)
    offset = 52 + 32 * count
    headers, bodies = b"", b""
    for address, body, memory in segments:
        headers += struct.pack("<8I", 1, offset + len(bodies), address, address, len(body), memory, 7, 4)
        bodies += body
    ehdr = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack(
        "<HHIIIIIHHHHHH", 2, 40, 1, entry, 52 if count else 0, shoff, 0x05000000, 52, 32, count, 40, shnum, shstrndx)
    return ehdr + headers + bodies + sections


def damaged(random, data):
    data = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 4, 8])):
        kind = random.random()
        if kind < 0.25:
            data[(o := random.choice(list(EHDR.values()))):o + 4] = word(random, len(data)).to_bytes(4, "little")
        elif kind < 0.5:
            o = random.choice(list(EHDR16.values()))
            data[o:o + 2] = (word(random) & 0xFFFF).to_bytes(2, "little")
        elif kind < 0.9 and len(data) > 60:
            # A field of a program or section header.
            table, size, count = random.choice([(28, 32, 44), (32, 40, 48)])
            start, number = struct.unpack_from("<I", data, table)[0], struct.unpack_from("<H", data, count)[0]
            o = start + random.randrange(max(1, number)) * size + 4 * random.randrange(size // 4)
            if o + 4 <= len(data):
                data[o:o + 4] = word(random, len(data)).to_bytes(4, "little")
        else:
            del data[random.randrange(len(data)):]
            if len(data) < 53:
                data += bytes(53 - len(data))
    return bytes(data)


def greedy(random):
    """Few bytes that ask for much: overlapping segments, or names that share a long string."""
    kind = random.randrange(4)
    body = random.randbytes(random.choice([64, 4096, 65536]))
    if kind == 0:
        count = random.choice([1000, 20000, 65535])
        headers = b"".join(struct.pack("<8I", 1, 52, 0, random.choice([0, 0x10000000]), random.randrange(1 << 16), 0x10000, 7, 4) for _ in range(64))
        ehdr = bytearray(build([]))
        struct.pack_into("<I", ehdr, 28, 52)
        struct.pack_into("<H", ehdr, 44, count)
        return bytes(ehdr) + (headers * (count // 64 + 1))[:count * 32]
    # Sections or symbols whose names all begin in one string without an end, or with one far away.
    names = b"A" * random.choice([100, 16383, 60000]) + b"\0" * (kind == 1)
    if kind in (1, 2):
        number = random.choice([1000, 65000])
        sections = struct.pack("<10I", 0, 3, 0, 0, 52, len(names), 0, 0, 1, 0) + b"".join(
            struct.pack("<10I", random.randrange(len(names)), 1, 0, 0, 0, 0, 0, 0, 0, 0) for _ in range(32)) * (number // 32)
        return build([], shoff=52 + len(names), shnum=1 + number // 32 * 32, shstrndx=0, sections=names + sections)
    symbols = b"".join(struct.pack("<IIIBBH", random.randrange(len(names)), random.getrandbits(16), 4, 2, 0, 1) for _ in range(64)) * random.choice([10, 1000])
    return _with_sections(names, symbols)


def _with_sections(names, symbols):
    code = struct.pack("<II", 0x10010000, 9) + struct.pack("<HH", 0xE7FE, 0xE7FE)
    start = 52 + 32 + len(code)
    table = struct.pack("<10I", 0, 3, 0, 0, start, len(names), 0, 0, 1, 0) + struct.pack(
        "<10I", 0, 2, 0, 0, start + len(names), len(symbols), 0, 1, 4, 16)
    return build([(0, code, len(code))], sections=names + symbols + table, shoff=start + len(names) + len(symbols), shnum=2)


def make(random, tools):
    name, sample = random.choice(tools.samples)
    kind = random.random()
    if kind < 0.7:
        data = damaged(random, sample)
    elif kind < 0.85:
        data = scatter(random, sample, random.choice([1, 8, 64]))
    else:
        data = greedy(random)
    command = random.choice(["inspect", "exec", "run", "run", "doctor"])
    more, limit = tools.limited(command, 0.3)
    argv = [command, "hostile.elf"] + more
    if command in ("run", "doctor"):
        argv += ["--boot", "elf", "--for", "20ms"]
    if command == "exec":
        argv += ["--for", "20ms"]
    if command in ("run", "exec") and random.random() < 0.2:
        argv += ["--break", random.choice(["main", "0x8", "A", "A" * 40])]
    if command in ("run", "inspect") and random.random() < 0.3:
        argv += ["--json"]
    # A guest that runs may end with any code.
    return Case(argv, {"hostile.elf": data}, limit, answers=command != "exec")
