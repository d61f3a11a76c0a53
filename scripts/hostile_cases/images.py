# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Signed images: containers and records that lie, signed by a key that is trusted or not at all."""

import hashlib
import struct

from . import elf, keys
from .case import STEERING, Case, scatter, word


def up8(data):
    return data + bytes(-len(data) % 8)


def records_of(file):
    """HASHTABLE of an ELF file, as far as its program headers go."""
    table = b""
    phoff, = struct.unpack_from("<I", file, 28)
    phnum, = struct.unpack_from("<H", file, 44)
    for number in range(min(phnum, 64)):
        header = file[phoff + 32 * number:phoff + 32 * number + 32]
        if len(header) < 32:
            break
        offset, size = struct.unpack_from("<I", header, 4)[0], struct.unpack_from("<I", header, 16)[0]
        table += header + hashlib.sha256(file[offset:offset + size]).digest()
    return table


def sign(key, files, random=None, lie=0.0, records=None):
    """An image as OP-TEE's script makes it; with `lie`, some of what is signed is not true."""
    padded = [up8(file) for file in files]
    tlvs = [
        [1, b"\x01"], [3, bytes([len(files) & 0xFF])], [4, b"\x01" * len(files)], [5, b"".join(struct.pack("<I", len(p)) for p in padded)],
        [2, b"\x01"], [16, records or b"".join(records_of(file) for file in files)],
    ]
    if random and random.random() < lie:
        for _ in range(random.choice([1, 2])):
            record = random.choice(tlvs)
            kind = random.random()
            if kind < 0.5:
                record[1] = scatter(random, record[1], 1)
            elif kind < 0.6:
                record[0] = word(random)
            elif kind < 0.7:
                tlvs.remove(record)
            elif kind < 0.8:
                tlvs.insert(random.randrange(len(tlvs) + 1), [random.choice([0x11, 0x10001, 0x77]), random.randbytes(random.choice([0, 7, 300]))])
            elif kind < 0.9:
                tlvs.insert(random.randrange(len(tlvs) + 1), list(record))
            else:
                tlvs += [[random.choice([0, 0x11]), b""]] * random.choice([100, 20000])
    area = b"".join(struct.pack("<II", kind, len(value)) + up8(value) for kind, value in tlvs)
    lengths = [len(area), keys.SIZE, sum(map(len, padded))]
    if random and random.random() < lie / 4:
        lengths[random.randrange(3)] = word(random, lengths[0])
    header = struct.pack("<5I", 0x3543A468, 1, *lengths)
    return header + area + up8(key.sign(header + area)) + b"".join(padded)


def repeated(random, key):
    """Two megabytes that ask for gigabytes: the same program header again and again, with a hash record that is right."""
    count, body = random.choice([1000, 65535]), bytes(random.choice([4096, 0x40000]))
    file = bytearray(elf.build([]))
    struct.pack_into("<I", file, 28, 52)
    struct.pack_into("<H", file, 44, count)
    header = struct.pack("<8I", 1, 52 + 32 * count, 0x10000000, 0x10000000, len(body), len(body), 7, 4)
    return sign(key, [bytes(file) + header * count + body], records=header + hashlib.sha256(body).digest())


def pack(cases):
    return b"".join(struct.pack("<II", len(label), len(image)) + label + image for label, image in cases)


def image(random, tools, key):
    files = []
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        _, sample = random.choice(tools.samples)
        files.append(sample if random.random() < 0.5 else elf.damaged(random, sample))
    data = sign(key, files, random, 0.7)
    if random.random() < 0.4:
        data = scatter(random, data, random.choice([1, 2, 16]))
    if random.random() < 0.2:
        # Cut behind what is read, with lengths that fit again.
        cut = random.choice([8, 16, 64])
        size, = struct.unpack_from("<I", data, 16)
        data = bytearray(data[:-cut])
        struct.pack_into("<I", data, 16, (size - cut) & 0xFFFFFFFF)
        data = bytes(data)
    return data


def make(random, tools):
    key = keys.trusted(random)
    data = repeated(random, key) if random.random() < 0.04 else image(random, tools, key)
    files = {"hostile.signed": data, "key.pem": key.public_pem()}
    who = random.choice([["--key", "key.pem"], ["--unverified"]])
    command = random.choice(["verify", "verify", "inspect", "extract", "run", "batch"])
    if command == "batch":
        labels = [random.choice(STEERING + [b"label", b"", b"A" * 70000]) for _ in range(4)]
        files = {"hostile.pack": pack([(label, image(random, tools, key)) for label in labels]), "key.pem": key.public_pem()}
        if random.random() < 0.3:
            files["hostile.pack"] = scatter(random, files["hostile.pack"], 2)
        return Case(["verify", "--batch", "hostile.pack"] + who, files)
    argv = [command, "hostile.signed"]
    limit = 5.0
    makes = []
    if command == "run":
        more, limit = tools.limited("run", 0.3)
        argv += more + ["--for", "20ms"] + who
    elif command == "verify":
        argv += who + random.choice([[], ["--explain"], ["--json"], ["--ta-heap", "1000000"]])
    elif command == "inspect":
        argv += (who if who[0] == "--key" else []) + random.choice([[], ["--json"]])
    else:
        argv += ["-o", "out"]
        makes = ["out"]
    return Case(argv, files, limit, makes=makes)
