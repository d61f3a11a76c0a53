# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Device trees: blobs with damaged bytes, trees whose properties lie, and trees that are deep, wide or round."""

import struct

from . import images, keys
from .case import STEERING, Case, scatter, word

BEGIN, END, PROPERTY, FINISH = 1, 2, 3, 9
REGIONS = [
    ("retram", 0x38000000, 0x10000), ("mcuram", 0x30000000, 0x40000), ("mcuram2", 0x10000000, 0x40000), ("vdev0vring0", 0x10040000, 0x1000),
    ("vdev0vring1", 0x10041000, 0x1000), ("vdev0buffer", 0x10042000, 0x4000),
]


def cells(*numbers):
    return b"".join(struct.pack(">I", number & 0xFFFFFFFF) for number in numbers)


def strings(*words):
    return b"".join(text.encode() + b"\0" for text in words)


def up4(data):
    return data + bytes(-len(data) % 4)


def node(name, properties=(), children=()):
    """Name as bytes, properties as lists of name and value, so that they can be changed in place."""
    return [name.encode(), [[key.encode(), value] for key, value in properties], list(children)]


def board(tee=False):
    """What device-tree/stm32mp157c-dk2-m4.dts has, with phandles: rcc 1, pwr 2, tamp 3, ipcc 4, exti 5, regions from 16 on.

    With `tee`, the coprocessor's node is as OP-TEE's driver takes it.
    """
    wide = [("#address-cells", cells(1)), ("#size-cells", cells(1)), ("ranges", b"")]

    def block(name, address, handle, compatible, *more):
        return node("%s@%x" % (name, address), [("compatible", compatible), ("reg", cells(address, 0x400)), ("phandle", cells(handle)), *more])

    regions = [
        node("%s@%x" % (name, start), [("compatible", strings("shared-dma-pool")), ("reg", cells(start, size)), ("no-map", b""), ("phandle", cells(16 + index))])
        for index, (name, start, size) in enumerate(REGIONS)]
    blocks = [
        block("rcc", 0x50000000, 1, strings("st,stm32mp1-rcc", "syscon"), ("#reset-cells", cells(1))),
        block("pwr-mcu", 0x50001014, 2, strings("st,stm32mp151-pwr-mcu", "syscon")), block("tamp", 0x5C00A000, 3, strings("st,stm32-tamp", "syscon")),
        block("mailbox", 0x4C001000, 4, strings("st,stm32mp1-ipcc"), ("#mbox-cells", cells(1))),
        block("interrupt-controller", 0x5000D000, 5, strings("st,stm32mp1-exti"), ("#interrupt-cells", cells(2)))]
    m4 = node("m4@10000000", [
        ("compatible", strings("st,stm32mp1-m4" + ("-tee" if tee else ""))), ("reg", cells(0x10000000, 0x40000, 0x30000000, 0x40000, 0x38000000, 0x10000)),
        ("resets", cells(1, 0x2021, 1, 0x2022)), ("reset-names", strings("mcu_rst", "hold_boot")), ("st,syscfg-holdboot", cells(1, 0x10C, 1)), ("st,syscfg-pdds", cells(2, 0, 1)),
        ("st,syscfg-rsc-tbl", cells(3, 0x144, -1)), ("st,syscfg-m4-state", cells(3, 0x148, -1)), ("memory-region", cells(16, 17, 18, 19, 20, 21)),
        ("mboxes", cells(4, 0, 4, 1, 4, 2, 4, 3)), ("mbox-names", strings("vq0", "vq1", "shutdown", "detach")), ("interrupts-extended", cells(5, 68, 1))])
    ranges = cells(0, 0x38000000, 0x10000, 0x10000000, 0x10000000, 0x60000, 0x30000000, 0x30000000, 0x60000)
    return node("", [("model", strings("a board")), *wide[:2]], [
        node("reserved-memory", wide, regions), node("soc", [("compatible", strings("simple-bus")), *wide], blocks),
        node("ahb", [("compatible", strings("st,mlahb", "simple-bus")), *wide, ("dma-ranges", ranges)], [m4])])


def blob(tree, reserved=b""):
    """The tree as a file of format version 17. Without recursion: some are deeper than Python's stack."""
    structure, names, places = bytearray(), bytearray(), {}
    rest = [(BEGIN, tree)]
    while rest:
        kind, here = rest.pop()
        structure += cells(kind)
        if kind == END:
            continue
        structure += up4(here[0] + b"\0")
        for key, value in here[1]:
            if key not in places:
                places[key] = len(names)
                names += key + b"\0"
            structure += cells(PROPERTY, len(value), places[key]) + up4(value)
        rest.append((END, None))
        rest += [(BEGIN, child) for child in reversed(here[2])]
    structure += cells(FINISH)
    head = 40 + len(reserved) + 16
    total = head + len(structure) + len(names)
    return cells(0xD00DFEED, total, head, head + len(structure), 40, 17, 16, 0, len(names), len(structure)) + reserved + bytes(16) + bytes(structure) + bytes(names)


def nodes(tree):
    found, rest = [], [tree]
    while rest:
        found.append(rest.pop())
        rest += found[-1][2]
    return found


def lie(random, tree):
    """Changes one thing in a tree that stays well-formed."""
    # The nodes that matter are few: any of them is met soon.
    here = random.choice(nodes(tree))
    kind = random.random()
    entry = random.choice(here[1]) if here[1] else [b"reg", cells(0, 0)]
    if kind < 0.4:
        value = bytearray(up4(entry[1]) or bytes(4))
        place = 4 * random.randrange(len(value) // 4)
        value[place:place + 4] = cells(word(random, int.from_bytes(value[place:place + 4], "big")))
        entry[1] = bytes(value)
    elif kind < 0.55:
        entry[1] = random.choice([b"", entry[1][:-1], entry[1][:-4], entry[1] * 2, entry[1] * 1000, b"\xff" * 4, random.randbytes(7), cells(0) * 64])
    elif kind < 0.65 and entry in here[1]:
        here[1].remove(entry)
    elif kind < 0.75:
        # Text where a name belongs: of a node, of a property, of a mailbox, of a driver.
        text = random.choice(STEERING).replace(b"\0", b"") or b"x"
        choice = random.randrange(3)
        if choice == 0:
            here[0] += text
        elif choice == 1:
            here[1].append([text, text])
        else:
            entry[1] = text + b"\0" + entry[1]
    elif kind < 0.85:
        here[2].append(random.choice(nodes(board())))
    elif kind < 0.92:
        # References in a circle, or to oneself.
        here[1] += [[b"phandle", cells(random.choice([0, 1, 16, 0xFFFFFFFF]))], [b"memory-region", cells(*range(16, 22)) * random.choice([1, 50, 5000])]]
    else:
        here[1] += [[b"#address-cells", cells(word(random))], [b"#size-cells", cells(word(random))]]


def vast(random, tee):
    """Little text that makes a large tree."""
    tree, kind = board(tee), random.randrange(5)
    ahb = tree[2][2]
    if kind == 0:
        here = random.choice(nodes(tree))
        for _ in range(random.choice([60, 64, 65, 1000, 100_000])):
            here[2].append(node("n"))
            here = here[2][-1]
        # Another of them: it may be its own descendant here.
        here[2] += board(tee)[2][2:]
    elif kind == 1:
        tree[2] += [node("n%d" % number, [("compatible", strings("st,stm32mp1-m4")), ("phandle", cells(4))]) for number in range(random.choice([1000, 40_000]))]
    elif kind == 2:
        random.choice(nodes(tree))[1] += [[b"p%d" % (number % 50), bytes(4)] for number in range(random.choice([1000, 100_000]))]
    elif kind == 3:
        many = random.choice([100, 5000, 50_000])
        tree[2][0][2] += [node("r@%x" % number, [("reg", cells(0x10000000 + number, 1)), ("phandle", cells(1000 + number))]) for number in range(many)]
        next(entry for entry in ahb[2][0][1] if entry[0] == b"memory-region")[1] = cells(*range(1000, 1000 + many))
    else:
        ahb[1] += [[b"dma-ranges", cells(0, 0x10000000, 1) * random.choice([1000, 300_000])], [b"ranges", cells(0, 0, 0xFFFFFFFF) * 1000]]
    return blob(tree)


def damaged(random, data):
    data = bytearray(data)
    for _ in range(random.choice([1, 1, 2])):
        kind = random.random()
        if kind < 0.5:
            # A field of the header.
            place = 4 * random.randrange(10)
            data[place:place + 4] = cells(word(random, int.from_bytes(data[place:place + 4], "big")))
        elif kind < 0.9:
            # A token, a length or an offset of the structure block.
            place = 56 + 4 * random.randrange((len(data) - 56) // 4)
            data[place:place + 4] = cells(random.choice([0, BEGIN, END, PROPERTY, 4, FINISH, word(random)]))
        else:
            del data[max(57, random.randrange(len(data))):]
            data += bytes(-len(data) % 4)
    return bytes(data)


def hostile(random, tee):
    kind = random.random()
    if kind < 0.05:
        return random.choice([b"", bytes(39), random.randbytes(4096), cells(0xD00DFEED) + random.randbytes(2000), bytes(1 << 22), blob(board(), random.randbytes(1 << 16))])
    if kind < 0.15:
        return vast(random, tee)
    tree = board(tee)
    if kind < 0.7:
        for _ in range(random.choice([1, 1, 2, 4, 16])):
            lie(random, tree)
        return blob(tree)
    return damaged(random, blob(tree)) if kind < 0.9 else scatter(random, blob(tree), random.choice([1, 4, 30]))


def make(random, tools):
    _, sample = random.choice(tools.samples)
    tee = random.random() < 0.4
    files = {"hostile.dtb": hostile(random, tee), "firmware.elf": sample}
    command = random.choice(["dt", "dt", "run", "run", "doctor"])
    if command == "dt":
        return Case(["dt", "hostile.dtb"] + random.choice([[], ["--json"]]), files, limit=2.0)
    more, limit = tools.limited(command, 0.4)
    if tee:
        files["firmware.elf"] = images.sign(keys.trusted(random), [sample])
        how = ["--unverified"] + random.choice([["--dtb"], ["--optee-dtb"], ["--optee-dtb"], ["--dtb", "hostile.dtb", "--optee-dtb"]])
    else:
        how = ["--boot", "elf"] + random.choice([[], [], [], ["--attach"]]) + ["--dtb"]
    return Case([command, "firmware.elf", "--for", "20ms"] + more + how + ["hostile.dtb"] + random.choice([[], [], ["--json"]]), files, limit)
