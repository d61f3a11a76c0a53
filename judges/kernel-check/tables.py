#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Writes firmware with resource tables and ELF headers of every kind. It does nothing but answer the mailboxes.

    tables.py FOLDER        makes FOLDER/NAME.elf, and FOLDER/names with a name a line; some are for other scripts, and have none there
"""
import random
import struct
import sys

ANY = 0xFFFFFFFF


def name(text):
    return text.encode().ljust(32, b"\0")[:32]


def carveout(da, pa, length, flags=0, reserved=0, called="carveout", kind=0):
    return struct.pack("<IIIIII", kind, da, pa, length, flags, reserved) + name(called)


def trace(da, length, reserved=0, called="log"):
    return struct.pack("<IIII", 2, da, length, reserved) + name(called)


def vring(num=16, align=16, da=ANY, notify=0, pa=0):
    return struct.pack("<IIIII", da, align, num, notify, pa)


def vdev(*rings, kind=7, notify=0, features=1, guest=0, config=0, status=0, count=None, reserved=0, tail=b""):
    rings = rings or (vring(), vring())
    count = len(rings) if count is None else count
    return struct.pack("<IIIIIIBBH", 3, kind, notify, features, guest, config, status, count, reserved) + b"".join(rings) + tail


def table(*entries, ver=1, reserved=(0, 0), num=None, offsets=None):
    num = len(entries) if num is None else num
    at, places = 16 + 4 * len(entries), []
    for entry in entries:
        places.append(at)
        at += len(entry)
    places = offsets or places
    return struct.pack("<IIII", ver, num, *reserved) + struct.pack(f"<{len(places)}I", *places) + b"".join(entries)


LOG = trace(0x10020400, 0x800)
TABLES = {
    "plain": table(vdev(), LOG),
    "version-0": table(vdev(), ver=0),
    "version-2": table(vdev(), ver=2),
    "reserved-0": table(vdev(), reserved=(1, 0)),
    "reserved-1": table(vdev(), reserved=(0, 0x80000000)),
    "no-entries": table(),
    "entries-past-end": table(vdev(), num=0x200),
    "entries-overflow": table(vdev(), num=0x40000001),
    "offset-past-end": table(vdev(), LOG, offsets=[24, 0x3FE]),
    "offset-at-end": table(LOG, offsets=[0x3FC]),
    "offset-negative": table(vdev(), offsets=[0x80000000]),
    "offsets-alike": table(LOG, LOG, offsets=[24, 24]),
    "offset-odd": table(LOG, offsets=[21]),
    # In the header: newer kernels look for it.
    **{f"offset-{n}": table(LOG, offsets=[n]) for n in (0, 7, 12, 15, 16)},
    **{f"type-{n}": table(struct.pack("<I", n) + bytes(40), LOG) for n in (4, 5, 127, 128, 200, 512, 513, 0x7FFFFFFF, ANY)},
    # The kernel's loop ends with what means "ignored" in its hand.
    "type-200-last": table(LOG, struct.pack("<I", 200) + bytes(40)),
    "type-200-before-5": table(LOG, struct.pack("<I", 200) + bytes(40), struct.pack("<I", 5) + bytes(40)),
    "vdev-reserved": table(vdev(reserved=0x100)),
    "vdev-cut-short": table(vdev(), offsets=[0x400 - 60]),
    "vdev-config-past-end": table(vdev(config=0x1000)),
    "vdev-config-huge": table(vdev(config=ANY - 8)),
    "vdev-config": table(vdev(config=16, tail=bytes(range(16)))),
    "vdev-three-rings": table(vdev(vring(), vring(), vring())),
    "vdev-255-rings": table(vdev(count=255)),
    "vdev-id-0": table(vdev(kind=0), LOG),
    "vdev-id-9": table(vdev(kind=99), LOG),
    "vdev-features-0": table(vdev(features=0), LOG),
    "vdev-features-all": table(vdev(features=ANY), LOG),
    "vdev-status": table(vdev(status=7, guest=5, notify=9), LOG),
    "ring-0-buffers": table(vdev(vring(num=0), vring())),
    "ring-align-0": table(vdev(vring(), vring(align=0))),
    "ring-align-3": table(vdev(vring(align=3), vring(align=3)), LOG),
    "ring-align-4096": table(vdev(vring(align=4096), vring(align=4096)), LOG),
    "ring-align-2048": table(vdev(vring(align=2048), vring(align=2048)), LOG),
    "ring-of-1": table(vdev(vring(num=1), vring(num=1)), LOG),
    "ring-of-2": table(vdev(vring(num=2), vring(num=2)), LOG),
    "ring-of-4": table(vdev(vring(num=4), vring(num=4)), LOG),
    "ring-of-8": table(vdev(vring(num=8), vring(num=8)), LOG),
    "ring-of-32": table(vdev(vring(num=32), vring(num=32)), LOG),
    "ring-of-64": table(vdev(vring(num=64), vring(num=64)), LOG),
    "ring-of-128": table(vdev(vring(num=128), vring(num=128)), LOG),
    "ring-of-256": table(vdev(vring(num=256), vring(num=256)), LOG),
    "ring-of-4096": table(vdev(vring(num=4096), vring(num=16)), LOG),
    "ring-of-65536": table(vdev(vring(num=65536), vring(num=16)), LOG),
    "ring-da-right": table(vdev(vring(da=0x10040000), vring(da=0x10041000)), LOG),
    "ring-da-inside": table(vdev(vring(da=0x10040100), vring(da=0x10041100)), LOG),
    "ring-da-elsewhere": table(vdev(vring(da=0x10048000), vring(da=0x10049000)), LOG),
    "ring-da-0": table(vdev(vring(da=0), vring(da=0)), LOG),
    "ring-da-swapped": table(vdev(vring(da=0x10041000), vring(da=0x10040000)), LOG),
    "ring-notify": table(vdev(vring(notify=5), vring(notify=5)), LOG),
    "devmem": table(carveout(0x40000000, 0x40000000, 0x1000, kind=1), vdev()),
    "devmem-behind": table(vdev(), carveout(0x40000000, 0x40000000, 0x1000, kind=1)),
    "devmem-reserved": table(carveout(0x40000000, 0x40000000, 0x1000, reserved=1, kind=1), vdev()),
    "carveout-retram": table(carveout(0, 0, 0x1000, called="retram"), vdev(), LOG),
    "carveout-any": table(carveout(ANY, ANY, 0x1000, called="retram"), vdev(), LOG),
    "carveout-too-long": table(carveout(0, 0, 0x20000, called="retram"), vdev(), LOG),
    "carveout-elsewhere": table(carveout(0x10000000, 0, 0x1000, called="retram"), vdev(), LOG),
    "carveout-over-the-end": table(carveout(0xF800, 0, 0x1000, called="retram"), vdev(), LOG),
    "carveout-twice": table(carveout(0, 0, 0x1000, called="retram"), carveout(0, 0, 0x1000, called="retram"), vdev()),
    "carveout-reserved": table(carveout(0, 0, 0x1000, reserved=1, called="retram"), vdev()),
    "carveout-of-a-ring": table(carveout(0x10040000, 0, 0x1000, called="vdev0vring0"), vdev(), LOG),
    "all-kinds": table(carveout(0, 0, 0x1000, called="retram"), LOG, struct.pack("<I", 130) + bytes(8), vdev(config=8, tail=bytes(8))),
    "carveout-length-0": table(carveout(0, 0, 0, called="retram"), vdev(), LOG),
    "carveout-cut-short": table(carveout(0, 0, 0, called="retram"), offsets=[0x400 - 20]),
    "trace-reserved": table(vdev(), trace(0x10020400, 0x800, reserved=1)),
    "trace-nowhere": table(vdev(), trace(0x40000000, 0x800)),
    "trace-any": table(vdev(), trace(ANY, 0x800)),
    "trace-length-0": table(vdev(), trace(0x10020400, 0)),
    "trace-over-the-end": table(vdev(), trace(0x1003FC00, 0x800)),
    "trace-cut-short": table(vdev(), LOG, offsets=[24, 0x400 - 30]),
    "traces": table(vdev(), LOG, trace(0x10020400, 0x10, called="x" * 32), trace(0x10020410, 4)),
    "trace-in-the-buffers": table(vdev(), trace(0x10042000, 0x100)),
}


def patched(image, at, data):
    return image[:at] + data + image[at + len(data):]


# At 0 of the M4: stack and reset vectors, then a loop that reads what Linux has rung, writes it to what clears it, and sleeps until Linux rings.
CODE = struct.pack(
    "<II16H3I", 0x10040000, 9,
    # cpsid i; r0, r2 and r4 are IPCC, NVIC_ISER0 and NVIC_ICPR0.
    0xB672, 0x4807, 0x4A07, 0x4C08,
    # IPCC_C2CR is 1, IPCC_C2MR 0, NVIC_ISER3 has interrupt 103: with PRIMASK set it only wakes.
    0x2301, 0x6103, 0x2100, 0x6141, 0x2380, 0x60D3,
    # Read IPCC_C1TOC2SR, write IPCC_C2SCR, and no interrupt is pending; wfi, and again.
    0x68C1, 0x6181, 0x60E3, 0xBF30, 0xE7FA, 0xBF00,
    0x4C001000, 0xE000E100, 0xE000E280)
# It does not even that.
MUTE = CODE[:8] + struct.pack("<H", 0xE7FE)
TABLE, TRACE, ROOM = 0x10020000, b"first line\nsecond line\n", 0x400
RANDOM_TABLES = 150
NAMES = b"\0.resource_table\0.shstrtab\0"


def firmware(content, code=CODE, more=()):
    """An ELF file with segments for code, table and trace, and sections for the table. `more` are segments, address and bytes, that come behind."""
    pieces = [(0, code), (TABLE, content.ljust(ROOM, b"\0")), (TABLE + ROOM, TRACE.ljust(0x800, b"\0")), *more]
    at, headers, data = 52 + 32 * len(pieces), b"", b""
    for address, piece in pieces:
        headers += struct.pack("<8I", 1, at + len(data), address, address, len(piece), len(piece), 7, 4)
        data += piece
    place = at + len(code)
    sections = bytes(40) + struct.pack("<10I", 1, 1, 2, TABLE, place, ROOM, 0, 0, 4, 0)
    sections += struct.pack("<10I", 17, 3, 0, 0, at + len(data), len(NAMES), 0, 0, 1, 0)
    shoff = at + len(data) + len(NAMES)
    head = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 9, 52, shoff, 0x5000400, 52, 32, len(pieces), 40, 3, 2)
    return head + headers + data + NAMES + sections, shoff + 40


def images():
    for called, content in TABLES.items():
        yield called, firmware(content)[0]
    plain, header = firmware(TABLES["plain"])
    phoff, = struct.unpack_from("<I", plain, 28)
    for length in (0, 1, 15, 16, 19, 20, 24, 60, 92, 0x100):
        yield f"table-of-{length}", patched(plain, header + 20, struct.pack("<I", length))
    yield "table-past-the-file", patched(plain, header + 20, struct.pack("<I", 0x100000))
    yield "table-size-huge", patched(plain, header + 20, struct.pack("<I", ANY))
    yield "table-offset-huge", patched(plain, header + 16, struct.pack("<I", ANY))
    yield "table-address-nowhere", patched(plain, header + 12, struct.pack("<I", 0x50000000))
    yield "table-address-of-retram", patched(plain, header + 12, struct.pack("<I", 0x8000))
    yield "no-section-headers", patched(plain, 32, struct.pack("<I", 0) + plain[36:48] + struct.pack("<HH", 0, 0))
    # The file's header.
    yield "elf-empty", b"\0"
    yield "elf-of-51", plain[:51]
    yield "elf-of-52", plain[:52]
    yield "elf-magic", patched(plain, 0, b"\x7fELE")
    yield "elf-class-0", patched(plain, 4, b"\0")
    yield "elf-class-3", patched(plain, 4, b"\3")
    yield "elf-big-endian", patched(plain, 5, b"\2")
    yield "elf-version", patched(plain, 6, b"\0")
    yield "elf-machine", patched(plain, 18, struct.pack("<H", 3))
    yield "elf-type", patched(plain, 16, struct.pack("<H", 1))
    yield "elf-no-segments", patched(plain, 44, struct.pack("<H", 0))
    yield "elf-phoff-past-end", patched(plain, 28, struct.pack("<I", len(plain) + 1))
    yield "elf-shoff-past-end", patched(plain, 32, struct.pack("<I", len(plain)))
    yield "elf-cut-in-sections", plain[:struct.unpack_from("<I", plain, 32)[0] + 20]
    # Its first segment.
    yield "segment-filesz-above-memsz", patched(plain, phoff + 20, struct.pack("<I", 1))
    yield "segment-past-the-file", patched(plain, phoff + 4, struct.pack("<I", len(plain) - 4))
    yield "segment-offset-huge", patched(plain, phoff + 4, struct.pack("<I", ANY))
    yield "segment-nowhere", patched(plain, phoff + 12, struct.pack("<I", 0x60000000))
    yield "segment-over-the-end", patched(plain, phoff + 12, struct.pack("<I", 0xFFF0))
    yield "segment-in-the-buffers", patched(plain, phoff + 12, struct.pack("<I", 0x10042000))
    yield "segment-huge", patched(plain, phoff + 20, struct.pack("<I", ANY))
    yield "segment-of-nothing", patched(plain, phoff + 12, struct.pack("<III", 0x60000000, 0, 0))
    yield "segment-not-loaded", patched(plain, phoff, struct.pack("<I", 4))
    for seed in range(RANDOM_TABLES):
        yield f"random-{seed}", random_table(seed)


def random_table(seed):
    """A table in which some words or bytes are others, small numbers more often than large ones."""
    numbers = random.Random(seed)
    while True:
        content = bytearray(table(vdev(), LOG))
        for _ in range(numbers.randint(1, 3)):
            at = numbers.randrange(len(content) - 3)
            value = numbers.choice([numbers.randrange(40), numbers.randrange(40), numbers.getrandbits(32)])
            width = numbers.choice((1, 4, 4))
            content[at:at + width] = value.to_bytes(4, "little")[:width]
        if not is_fatal(content):
            return firmware(bytes(content))[0]


def is_fatal(content):
    """Whether the kernel may oops: at a vdev of fewer than two rings, or at an offset that is negative to it (98-fatal has both)."""
    num, = struct.unpack_from("<I", content, 4)
    for index in range(min(num, (ROOM - 20) // 4)):
        offset, = struct.unpack_from("<I", content.ljust(ROOM, b"\0"), 16 + 4 * index)
        if offset >= 0x80000000:
            return True
        kind = content.ljust(ROOM, b"\0")[offset:offset + 28]
        if kind[:4] == b"\3\0\0\0" and (len(kind) < 28 or kind[25] < 2):
            return True
    return False


def others():
    """Firmware that scripts of their own have."""
    yield "mute", firmware(table(vdev(), LOG), MUTE)[0]
    yield "one-ring", firmware(table(vdev(vring())))[0]
    # Memory without a region of the name is to come from the kernel's own, which the M4 does not reach.
    yield "no-region", firmware(table(carveout(ANY, 0, 0x1000, called="nobody's"), vdev(), LOG))[0]
    yield "negative-offset", firmware(table(vdev(), LOG, offsets=[24, 0xF0000000]))[0]
    # All memory that is dumped, but for what the other segments fill; message buffers are not.
    noise = random.Random(1)
    code = CODE + noise.randbytes(0x10000 - len(CODE))
    banks = [(0x10000000, 0x20000), (TABLE + ROOM + 0x800, 0x20000 - ROOM - 0x800), (0x10040000, 0x1000), (0x10041000, 0x1000)]
    yield "whole", firmware(table(vdev(), LOG), code, [(start, noise.randbytes(size)) for start, size in banks])[0]


def main():
    folder, = sys.argv[1:]
    names = [called for called, _ in images()]
    for called, image in [*images(), *others()]:
        with open(f"{folder}/{called}.elf", "wb") as file:
            file.write(image)
    with open(f"{folder}/names", "w") as file:
        file.write("\n".join(names) + "\n")


main()
