#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Compares Sources/CThumb with GNU objdump: every 16-bit encoding, and 32-bit ones that cover each bit of the first halfword with many second ones.

    judge.py DECODER [SECONDS]     DECODER is decode.c, compiled; SECONDS second halfwords for each first one, 96 unless told

Compared: size, kind, registers read and written, flags, what is accessed and how, targets of branches, constants. What objdump calls
unpredictable is not compared. `scripts/thumb-check` compiles the decoder and calls this.
"""
import random, re, struct, subprocess, sys, tempfile, os
from collections import Counter

REGISTERS = {f"r{n}": n for n in range(16)} | {"sl": 10, "fp": 11, "ip": 12, "sp": 13, "lr": 14, "pc": 15}
CONDITIONS = "eq ne cs cc mi pl vs vc hi ls ge lt gt le".split()
SHIFTS = {"lsl": 0, "lsr": 1, "asr": 2, "ror": 3, "rrx": 4}
FLOWS = "next branch call indirect-call jump computed loaded-jump loaded-return table nowhere".split()
# What objdump has by these names is of later cores: hints and barriers are executed as NOP and DSB, the rest is unpredictable.
LATER = {"sevl": "NOP", "pacbti": "NOP", "bti": "NOP", "esb": "NOP", "csdb": "NOP", "pac": "NOP", "aut": "NOP", "dbg": "NOP", "ssbb": "DSB", "pssbb": "DSB", "dfb": "DSB"}
UNPREDICTABLE = {"pacg", "autg", "bxaut", "tt", "ttt", "tta", "ttat", "clrm", "vscclrm"}


def encodings(seconds):
    yield from ((first, 0xBF00) for first in range(0xE800))
    chance = random.Random(1)
    for first in range(0xE800, 0x10000):
        fixed = [0x0000, 0xF000, 0x8000, 0xF0F0, 0x0F00, 0x0A00, 0x0B00, 0x0A10, 0x0B10]
        for n in range(seconds):
            yield first, fixed[n] if n < len(fixed) and first % 16 in (0, 13, 15) else chance.getrandbits(16)
    # Those of which few second halfwords are any: register forms, long multiplications, exclusive accesses, hints and barriers.
    for first in range(0xE800, 0x10000):
        group, low, high = first >> 8, chance.getrandbits(4), chance.getrandbits(4)
        if group in (0xFA, 0xFB):
            for n in range(16):
                yield first, 0xF000 | high << 8 | n << 4 | low
                yield first, chance.getrandbits(4) << 12 | high << 8 | n << 4 | low
        elif group in (0xF8, 0xF9):
            for n in range(16):
                yield first, chance.getrandbits(4) << 12 | n << 8 | chance.getrandbits(8)
                yield first, chance.getrandbits(4) << 12 | chance.getrandbits(2) << 4 | low
                yield first, 0xF000 | n << 8 | chance.getrandbits(8)
        elif group == 0xE8:
            for second in (0x0F4F, 0x0F5F, 0x0F7F, 0x0F40, 0x0F50, 0x0F70, 0xF000, 0xF010):
                yield first, second | high << 12
                yield first, second | low
            yield first, high << 12 | 0x0F00 | chance.getrandbits(8)
        elif group in (0xEC, 0xED, 0xEE, 0xEF, 0xFC, 0xFD, 0xFE):
            for n in range(16):
                yield first, high << 12 | 0x0A00 | n << 4 | low
                yield first, high << 12 | 0x0A10 | n << 8 & 0x100
                yield first, high << 12 | 0x0B00 | n << 4 | low
    for second in range(0x8000, 0x9000):
        yield 0xF3AF, second
        yield 0xF3BF, second
        yield 0xF3EF, second
        yield 0xF385, second


def disassemble(pairs):
    """What objdump prints for each, at its address: an ELF file says that it is a Cortex-M4's. Behind an IT go NOPs, which end its block."""
    with tempfile.TemporaryDirectory() as folder:
        source, binary = os.path.join(folder, "all.s"), os.path.join(folder, "all.o")
        addresses, at = [], 0
        with open(source, "w") as out:
            out.write(".cpu cortex-m4\n.fpu fpv4-sp-d16\n.syntax unified\n.thumb\n.text\n")
            for first, second in pairs:
                addresses.append(at)
                wide = first >= 0xE800
                out.write(f".inst.w 0x{first:04x}{second:04x}\n" if wide else f".inst.n 0x{first:04x}\n")
                at += 4 if wide else 2
                if first & 0xFF00 == 0xBF00 and not wide:
                    out.write("nop\n" * 5)
                    at += 10
        subprocess.run(["arm-none-eabi-as", "-o", binary, source], check=True)
        listing = subprocess.run(["arm-none-eabi-objdump", "-d", "-z", binary], check=True, capture_output=True, text=True).stdout
    lines = {}
    for line in listing.splitlines():
        match = re.match(r"\s*([0-9a-f]+):\t((?:[0-9a-f]{4} ?)+)\s*\t(.*)", line)
        if match:
            lines[int(match[1], 16)] = (len(match[2].split()) * 2, match[3])
    return [(at, *lines.get(at, (0, "nothing"))) for at in addresses]


def split(operands):
    parts, depth, part = [], 0, ""
    for c in operands:
        depth += (c in "[{") - (c in "]}")
        if c == "," and depth == 0:
            parts.append(part.strip())
            part = ""
        else:
            part += c
    return parts + [part.strip()] if part.strip() else parts


def mask(*registers):
    return sum({1 << r for r in registers if r is not None and r >= 0})


def number(text):
    return int(text.lstrip("#"), 0) & 0xFFFFFFFF


def register_list(text):
    result = 0
    for part in text.strip("{}").split(","):
        first, _, last = part.strip().partition("-")
        if first not in REGISTERS:
            return None
        for r in range(REGISTERS[first], REGISTERS[last or first] + 1):
            result |= 1 << r
    return result


def memory(parts):
    """Of `[n, ...]` and what follows it: base, index, shift, offset, step or None."""
    inside = split(parts[0].rstrip("!")[1:-1])
    base, index, shift, offset, step = REGISTERS[inside[0]], -1, 0, 0, None
    for part in inside[1:]:
        if part.startswith("#"):
            offset = number(part)
        elif part in REGISTERS:
            index = REGISTERS[part]
        elif part.startswith("lsl #"):
            shift = int(part[5:])
        else:
            raise ValueError(part)
    if parts[0].endswith("!"):
        step = offset
    elif len(parts) > 1:
        step = number(parts[1])
    return base, index, shift, offset, step


SAME = "and bic orr orn eor mvn add adc sub sbc rsb tst teq cmp cmn".split()
PARALLEL = re.compile(r"(s|q|sh|u|uq|uh)(add16|asx|sax|sub16|add8|sub8)$|q(d?)(add|sub)$")
KINDS = [
    (PARALLEL, "PARALLEL"), (re.compile(r"(s|u)xta?(b|h|b16)$"), "EXTEND"), (re.compile(r"rev|rev16|revsh|rbit"), "REVERSE"), (re.compile("clz$"), "CLZ"),
    (re.compile("sel$"), "SELECT"), (re.compile("[us]sat(16)?$"), "SATURATE"), (re.compile("[us]bfx$"), "BIT_FIELD"), (re.compile("bf[ic]$"), "INSERT_FIELD"),
    (re.compile("pkh(bt|tb)$"), "PACK"), (re.compile("[us]div$"), "DIVIDE"), (re.compile("mul$"), "MUL"),
    (re.compile(r"(smull|umull|smlal|umlal|umaal|smlal[bt][bt]|smlaldx?|smlsldx?)$"), "LONG_MULTIPLY"),
    (re.compile(r"(mla|mls|smla[bt][bt]|smul[bt][bt]|smladx?|smuadx?|smlaw[bt]|smulw[bt]|smlsdx?|smusdx?|smmlar?|smmulr?|smmlsr?|usada?8)$"), "MULTIPLY"),
]
WIDTHS = {"": 4, "b": 1, "h": 2, "sb": 1, "sh": 2}
SYSTEM = {"APSR": 0, "CPSR_f": 0, "IAPSR": 1, "EAPSR": 2, "PSR": 3, "IPSR": 5, "EPSR": 6, "IEPSR": 7, "MSP": 8, "PSP": 9, "PRIMASK": 16, "BASEPRI": 17, "BASEPRI_MAX": 18,
    "FAULTMASK": 19, "CONTROL": 20}


def expected(at, name, operands):
    """What the decoder has to say of `name operands`, as a dictionary of the fields that are told by it; None for what a Cortex-M4 does not have."""
    base, _, suffix = name.partition(".")
    ops = split(operands)
    regs = [REGISTERS.get(o) for o in ops]
    e = {"flags": 0, "reads": 0, "writes": 0, "loads": 0, "stores": 0, "flow": "next"}

    def shifted(parts):
        """Sets a shift from the last operand, and answers with the others."""
        if parts and (m := re.match(r"(lsl|lsr|asr|ror) #(\d+)$|rrx$", parts[-1])):
            e["shift_kind"], e["shift"] = (SHIFTS[m[1]], int(m[2])) if m[1] else (4, 1)
            return parts[:-1]
        return parts

    if base.startswith("v") or re.match("f(ld|st)m", base):
        return floating(e, base, suffix, name, ops)
    if base == "nop":
        return e | {"kind": "NOP"}
    if base in ("yield", "wfe", "wfi", "sev", "isb", "clrex", "dsb", "dmb"):
        return e | {"kind": base.upper()}
    if base in LATER:
        return e | {"kind": LATER[base]}
    if re.match(r"it[te]{0,3}$", base):
        return e | {"kind": "IT"}
    if base in ("udf", "svc", "bkpt"):
        e |= {"kind": base.upper(), "flow": "nowhere" if base == "udf" else "next"}
        return e if suffix == "w" else e | {"immediate": number(ops[0])}
    if base in ("cpsie", "cpsid"):
        return e | {"kind": "CPS"}
    if base in ("mrs", "msr"):
        special = ops[1 if base == "mrs" else 0]
        core = regs[0 if base == "mrs" else 1]
        e |= {"kind": base.upper(), "writes" if base == "mrs" else "reads": mask(core)}
        special = re.sub(r"_(nzcvq|g|nzcvqg|s|f|fs)$", "", special)
        return e | {"immediate": SYSTEM[special]} if special in SYSTEM else e
    if base in ("cbz", "cbnz"):
        return e | {"kind": "CBZ", "reads": mask(regs[0]), "writes": 1 << 15, "flow": "branch", "conditional": 1, "target": int(ops[1].split()[0], 16)}
    if base in ("bx", "blx") and regs[0] is not None:
        e |= {"kind": base.upper(), "reads": mask(regs[0]), "writes": 1 << 15}
        return e | ({"flow": "jump"} if base == "bx" else {"flow": "indirect-call", "writes": 3 << 14})
    if base == "bl":
        return e | {"kind": "BL", "writes": 3 << 14, "flow": "call", "target": int(ops[0].split()[0], 16)}
    if base == "b" or (base[0] == "b" and base[1:] in CONDITIONS):
        conditional = int(base != "b")
        return e | {"kind": "B", "writes": 1 << 15, "flow": "branch", "conditional": conditional, "target": int(ops[0].split()[0], 16)}
    if base in ("tbb", "tbh"):
        n, m, shift, _, _ = memory(ops)
        width = 1 if base == "tbb" else 2
        return e | {"kind": "TB", "loads": 1, "width": width, "count": width, "n": n, "m": m, "shift": shift, "reads": mask(n, m), "writes": 1 << 15, "flow": "table"}
    if base in ("pld", "pldw", "pli"):
        n, m, _, _, _ = memory(ops)
        return e | {"kind": "PRELOAD", "reads": mask(n, m)}
    if m := re.match(r"(ldr|str)(b|h|sb|sh|)(t?)$", base):
        load, width = m[1] == "ldr", WIDTHS[m[2]]
        n, index, shift, offset, step = memory(ops[1:])
        e |= {"kind": m[1].upper(), "width": width, "count": width, "n": n, "m": index, "shift": shift, "offset": 0 if len(ops) > 2 else offset,
              "loads": int(load), "stores": int(not load), "writes_back": int(step is not None), "reads": mask(n, index), "writes": 0, "d": regs[0]}
        if step is not None:
            e |= {"step": step, "writes": mask(n)}
        e["writes" if load else "reads"] |= mask(regs[0])
        if load and regs[0] == 15:
            e["flow"] = "loaded-jump"
        return e
    if m := re.match(r"(ldrd|strd)$", base):
        load = m[1] == "ldrd"
        n, index, shift, offset, step = memory(ops[2:])
        e |= {"kind": base.upper(), "width": 4, "count": 8, "n": n, "offset": 0 if len(ops) > 3 else offset, "loads": int(load), "stores": int(not load),
              "writes_back": int(step is not None), "reads": mask(n), "writes": 0, "d": regs[0], "a": regs[1]}
        if step is not None:
            e |= {"step": step, "writes": mask(n)}
        e["writes" if load else "reads"] |= mask(regs[0], regs[1])
        # By 0, it shows no `!`.
        hidden = () if offset or step is not None else ("writes_back", "writes", "flow")
        return {f: v for f, v in e.items() if f not in hidden}
    if m := re.match(r"(ldrex|strex)(b|h|)$", base):
        load, width = m[1] == "ldrex", WIDTHS[m[2]]
        n, _, _, offset, _ = memory(ops[1 if load else 2:])
        e |= {"kind": m[1].upper(), "width": width, "count": width, "n": n, "offset": offset, "loads": int(load), "stores": int(not load)}
        return e | ({"reads": mask(n), "writes": mask(regs[0])} if load else {"reads": mask(n, regs[1]), "writes": mask(regs[0])})
    if m := re.match(r"(ldm|stm)(ia|db|)$|(push|pop)$", base):
        n = 13 if m[3] else REGISTERS[ops[0].rstrip("!")]
        load = m[3] == "pop" or m[1] == "ldm"
        down = m[3] == "push" or m[2] == "db"
        back = bool(m[3]) or ops[0].endswith("!")
        registers = register_list(ops[-1])
        count = 4 * bin(registers).count("1")
        e |= {"kind": "LDM" if load else "STM", "width": 4, "count": count, "n": n, "list": registers, "loads": int(load), "stores": int(not load), "writes_back": int(back),
              "offset": -count & 0xFFFFFFFF if down else 0, "reads": mask(n) | (0 if load else registers), "writes": (mask(n) if back else 0) | (registers if load else 0)}
        if back:
            e["step"] = -count & 0xFFFFFFFF if down else count
        if load and registers >> 15:
            e["flow"] = "loaded-return"
        return e
    if base in ("movw", "movt"):
        return e | {"kind": "MOV" if base == "movw" else "MOVT", "writes": mask(regs[0]), "reads": mask(regs[0]) if base == "movt" else 0, "immediate": number(ops[1])}
    if base in ("addw", "subw") or base == "adr":
        if regs[1] == 15 or base == "adr":
            return e | {"kind": "ADR", "reads": 1 << 15, "writes": mask(regs[0]),
                        "immediate": (number(ops[-1]) if base != "subw" else -number(ops[-1]) & 0xFFFFFFFF) if base != "adr" else None}
        return e | {"kind": base[:3].upper(), "reads": mask(regs[1]), "writes": mask(regs[0]), "immediate": number(ops[2])}
    plain = base
    if base not in SAME and base.endswith("s") and base[:-1] in SAME + ["mov", "lsl", "lsr", "asr", "ror", "rrx", "mul", "neg"]:
        plain, e["flags"] = base[:-1], 1
    if plain == "neg":
        return e | {"kind": "RSB", "reads": mask(regs[1]), "writes": mask(regs[0]), "immediate": 0}
    if plain in ("lsl", "lsr", "asr", "ror", "rrx"):
        if plain == "rrx":
            return e | {"kind": "MOV", "shift_kind": 4, "reads": mask(regs[1]), "writes": mask(regs[0])}
        if ops[-1].startswith("#"):
            return e | {"kind": "MOV", "shift_kind": SHIFTS[plain], "shift": number(ops[-1]), "reads": mask(regs[-2]), "writes": mask(regs[0])}
        return e | {"kind": plain.upper(), "reads": mask(regs[-1], regs[-2]), "writes": mask(regs[0])}
    if plain == "mov":
        if ops[1].startswith("#"):
            return e | {"kind": "MOV", "writes": mask(regs[0]), "immediate": number(ops[1])}
        e["shift"] = 0
        shifted(ops)
        return e | {"kind": "MOV", "reads": mask(regs[1]), "writes": mask(regs[0]), "flow": "jump" if regs[0] == 15 and not suffix else "next"}
    if plain in ("tst", "teq", "cmp", "cmn"):
        ops = shifted(ops)
        e |= {"kind": plain.upper(), "flags": 1, "reads": mask(*(REGISTERS.get(o) for o in ops))}
        return e | {"immediate": number(ops[1])} if ops[1].startswith("#") else e
    if plain in SAME:
        ops = shifted(ops)
        names = [REGISTERS.get(o) for o in ops]
        operands_read = names[1:] if len(ops) > 2 or plain == "mvn" else names
        if plain == "add" and names[1] == 15 and ops[-1].startswith("#"):
            return e | {"kind": "ADR", "reads": 1 << 15, "writes": mask(names[0]), "immediate": number(ops[-1])}
        e |= {"kind": plain.upper(), "reads": mask(*operands_read), "writes": mask(names[0])}
        if names[0] == 15:
            e["flow"] = "computed"
        return e | {"immediate": number(ops[-1])} if ops[-1].startswith("#") else e
    for pattern, kind in KINDS:
        if not pattern.match(plain):
            continue
        ops = [o for o in shifted(ops) if o in REGISTERS]
        names = [REGISTERS[o] for o in ops]
        e["kind"] = kind
        if kind == "LONG_MULTIPLY":
            accumulates = not plain.endswith("mull")
            return e | {"writes": mask(*names[:2]), "reads": mask(*(names if accumulates else names[2:]))}
        if kind == "INSERT_FIELD":
            return e | {"writes": mask(names[0]), "reads": mask(*names)}
        if len(names) == 2 and kind == "MUL":
            return e | {"writes": mask(names[0]), "reads": mask(*names)}
        e.pop("shift", None), e.pop("shift_kind", None)
        return e | {"writes": mask(names[0]), "reads": mask(*(names[1:] if len(names) > 1 else names))}
    return None


def floating(e, base, suffix, name, ops):
    regs = [REGISTERS.get(o) for o in ops]
    if "f64" in suffix or "f16" in suffix and base not in ("vcvtb", "vcvtt"):
        return None
    if base in ("vldr", "vstr"):
        n, _, _, offset, _ = memory(ops[1:])
        width = 8 if ops[0][0] == "d" else 4
        return e | {"kind": base.upper(), "width": width, "count": width, "n": n, "offset": offset, "reads": mask(n), "loads": int(base == "vldr"), "stores": int(base == "vstr")}
    if m := re.match(r"(v|f)(ldm|stm)(ia|db)x?$|v(push|pop)$", base):
        n = 13 if m[4] else REGISTERS[ops[0].rstrip("!")]
        back = bool(m[4]) or ops[0].endswith("!")
        load = m[4] == "pop" or m[2] == "ldm"
        return e | {"kind": "VLDM" if load else "VSTM", "n": n, "reads": mask(n), "writes": mask(n) if back else 0, "loads": int(load), "stores": int(not load), "writes_back": int(back)}
    if base == "vmrs":
        core = regs[0]
        return e | {"kind": "VMRS", "writes": mask(core), "flags": int(core is None)}
    if base == "vmsr":
        return e | {"kind": "VMSR", "reads": mask(regs[1])}
    if base == "vmov":
        core = [r for r in regs if r is not None]
        if len(core) == 2:
            return e | {"kind": "VMOV_PAIR", "writes" if regs[0] is not None else "reads": mask(*core)}
        if len(core) == 1:
            return e | {"kind": "VMOV_CORE", "writes" if regs[0] is not None else "reads": mask(*core)}
        return e | {"kind": "VMOV"}
    kinds = {"vmla": "VMLA", "vmls": "VMLA", "vnmla": "VMLA", "vnmls": "VMLA", "vfma": "VFMA", "vfms": "VFMA", "vfnma": "VFMA", "vfnms": "VFMA", "vmul": "VMUL", "vnmul": "VMUL",
             "vadd": "VADD", "vsub": "VADD", "vdiv": "VDIV", "vsqrt": "VSQRT", "vabs": "VMOV", "vneg": "VMOV", "vcmp": "VCMP", "vcmpe": "VCMP", "vcvt": "VCVT", "vcvtr": "VCVT",
             "vcvtb": "VCVT", "vcvtt": "VCVT"}
    return e | {"kind": kinds[base]} if base in kinds else None


def is_unpredictable(first, second, name, operands):
    """What objdump does not say of itself. Source: ARMv7-M ARM, A7.7."""
    if name in UNPREDICTABLE or "{}" in operands:
        return True
    wide = first >= 0xE800
    base, ops = name.partition(".")[0], split(operands)
    # Hints that write their base, or are unprivileged; loads of a signed halfword to PC are hints of no use.
    if base in ("pld", "pldw", "pli") and first & 15 != 15 and not first & 0x80 and second & 0x800 and second >> 8 & 15 != 0xC:
        return True
    if first & 0xFF70 == 0xF930 and second >> 12 == 15 or base == "mls" and ops[3] == "pc" or wide and base in ("add", "adds") and ops[1:2] == ["pc"]:
        return True
    # Two fields that have to be the same register.
    if re.match(r"(rev|rev16|revsh|rbit|clz)(\.w)?$", name) and first >= 0xE800:
        return first & 15 != second & 15
    # Unprivileged, from the literal pool.
    return bool(re.match("(ldr|str)(b|h|sb|sh|)t$", name)) and "[pc" in operands


FIELDS = ("kind size flow flags reads writes loads stores width count n m shift_kind shift writes_back conditional list immediate d a offset step").split()


def main():
    decoder, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 96
    pairs = list(dict.fromkeys(encodings(seconds)))
    seen = disassemble(pairs)
    output = subprocess.run([decoder], input=b"".join(struct.pack("<HH", *p) for p in pairs), capture_output=True, check=True).stdout.decode().splitlines()
    counts, differences, foreign = Counter(), [], Counter()
    for (first, second), (at, size, text), line in zip(pairs, seen, output):
        values = line.split()
        ours = {f: v if f == "kind" else int(v) for f, v in zip(FIELDS, values)}
        ours["flow"] = FLOWS[ours["flow"]]
        wide = first >= 0xE800
        if "target" not in ours and ours["flow"] in ("branch", "call"):
            ours["target"] = (at + 4 + ours["immediate"]) & 0xFFFFFFFF
        undefined = ours["kind"] in ("UNDEFINED", "COPROCESSOR")
        body, _, remark = text.partition("@")
        words = body.split(None, 1)
        name, operands = (words[0], words[1].strip() if len(words) > 1 else "") if words else ("", "")
        if "(mov r8, r8)" in remark:
            name, operands = "mov", "r8, r8"
        if ours["size"] != size:
            differences.append((first, second, text, f"size {ours['size']}"))
        elif "UNPREDICTABLE" in remark or "??" in name or is_unpredictable(first, second, name, operands):
            counts["unpredictable"] += 1
        elif "UNDEFINED" in remark or not name or name.startswith("."):
            counts["undefined" if undefined else "differ"] += 1
            if not undefined:
                differences.append((first, second, text, line))
        else:
            try:
                wanted = expected(at, name, operands)
            except (KeyError, ValueError, IndexError, AttributeError, TypeError):
                wanted = None
            if wanted is not None and wanted.get("writes", 0) >> 15 and wanted["flow"] == "next":
                wanted["flow"] = "computed"
            if wanted is None or undefined:
                if undefined:
                    foreign[name] += 1
                    counts["foreign"] += 1
                else:
                    differences.append((first, second, text, line))
                continue
            wrong = {f: (ours.get(f), v) for f, v in wanted.items() if v is not None and ours.get(f) != v}
            if wrong:
                differences.append((first, second, text, wrong))
            else:
                counts["narrow" if not wide else "wide"] += 1
                counts["kind " + ours["kind"]] += 1
    by = Counter()
    for first, second, text, what in differences:
        name = text.split()[0] if text.split() else ""
        by[name] += 1
        if by[name] <= int(os.environ.get("SHOW", "3")):
            print(f"{first:04x} {second:04x}  {text!r}: {what}")
    if os.environ.get("VERBOSE"):
        print("not a Cortex-M4's:", dict(foreign))
        print(dict(counts))
    print(f"thumb-check: {len(pairs)} encodings, {len(differences)} differ")
    return 1 if differences else 0


sys.exit(main())
