#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The m4run authors
# SPDX-License-Identifier: MIT

"""Writes Sources/CSTM32MP157/registers.c from ST's register description.

    scripts/generate-registers.py STM32MP157x.svd > Sources/CSTM32MP157/registers.c
    scripts/generate-registers.py STM32MP157x.svd SPI > Sources/MP1Peripherals/Registers/SPIRegisters.swift
    scripts/generate-registers.py GPIO-STM32MPU_gpio_v1_0_Modes.xml > Sources/CSTM32MP157/pins.c

With the name of a model (MODELS below) it writes that model's registers and fields as constants in Swift. With ST's pin data
(STM32_open_pin_data, mcu/IP; BSD-3-Clause) it writes which signal each alternate function of each pin is.

The description is ST's STM32MP157x.svd (Apache-2.0, part of STM32CubeIDE and of ST's CMSIS device packs). It is not part
of this repository; what comes out is a table of facts: names, addresses, access, reset values and interrupt numbers of
everything the Cortex-M4 reaches at 0x40000000-0x5FFFFFFF. Where the description is wrong, incomplete or names a block
otherwise than the reference manual RM0436 does, the tables below correct it, each with its reason.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree

# REUSE-IgnoreStart
HEADER = "// SPDX-FileCopyrightText: 2026 The m4run authors\n// SPDX-License-Identifier: MIT\n"
# REUSE-IgnoreEnd

FIRST, LAST = 0x4000_0000, 0x5FFF_FFFF
READ_WRITE, READ_ONLY, WRITE_ONLY = 0, 1, 2
ACCESS = {"read-write": READ_WRITE, "read-only": READ_ONLY, "write-only": WRITE_ONLY, None: READ_WRITE}

# RM0436 and ST's headers call these blocks otherwise than the description does.
PERIPHERAL_NAMES = {
    "ADC": "ADC1", "ADC_common": "ADC12_COMMON", "USART4": "UART4", "USART5": "UART5", "USART7": "UART7",
    "USART8": "UART8", "AXIMC_Mx": "AXIMC", "CCU": "FDCAN_CCU", "HDMI_CEC": "CEC", "DLYBQS": "DLYB_QUADSPI",
    "DLYBSD1": "DLYB_SDMMC1", "DLYBSD2": "DLYB_SDMMC2", "DLYBSD3": "DLYB_SDMMC3", "DSIHOST1": "DSI",
    "OTG": "USB_OTG", "ETH_MAC_MMC": "ETH_MAC",
}

# Blocks of the M4's memory map that the description leaves out: (name, base, size, group, registers).
# SRAMCAN is the FDCANs' 10 KiB message memory, BKPSRAM the 4 KiB backup memory (RM0436, memory map).
MISSING_PERIPHERALS = [
    ("PMB", 0x50029000, 0x400, "PMB", []),
    ("DBGMCU", 0x50081000, 0x1000, "DBGMCU", [
        (0x00, "IDCODE", READ_ONLY, 0x20016500), (0x04, "CR", READ_WRITE, 0), (0x2C, "APB4FZ1", READ_WRITE, 0),
        (0x30, "APB4FZ2", READ_WRITE, 0), (0x34, "APB1FZ1", READ_WRITE, 0), (0x38, "APB1FZ2", READ_WRITE, 0),
        (0x3C, "APB2FZ1", READ_WRITE, 0), (0x40, "APB2FZ2", READ_WRITE, 0), (0x44, "APB3FZ1", READ_WRITE, 0),
        (0x48, "APB3FZ2", READ_WRITE, 0), (0x4C, "APB5FZ1", READ_WRITE, 0), (0x50, "APB5FZ2", READ_WRITE, 0)]),
    ("SRAMCAN", 0x44011000, 0x2800, "SRAM", []),
    ("BKPSRAM", 0x54000000, 0x1000, "SRAM", []),
    ("USBH_OHCI", 0x5800C000, 0x1000, "USBH", []),
    ("USBH_EHCI", 0x5800D000, 0x1000, "USBH", []),
    ("GPU", 0x59000000, 0x40000, "GPU", []),
]

# Interrupts of ST's vector table for the M4 that no peripheral of the description owns.
MISSING_INTERRUPTS = {63: "FDCAN_CAL", 74: "USBH_OHCI", 75: "USBH_EHCI", 81: "FPU", 109: "GPU", 128: "CTI1",
                      129: "CTI2", 144: "MPU_SEV", 149: "WAKEUP_PIN"}
# The M4 has 150 lines; the description also gives numbers of A7 lines. 4 (TZC) is reserved on the M4.
INTERRUPTS, A7_ONLY = 150, {4}
INTERRUPT_NAMES = {"WWDG1_IT": "WWDG1"}

# Bytes a block decodes, where the description stops short: the OTG's FIFOs.
SIZES = {"USB_OTG": 0x40000}

# (peripheral, register) -> reset value, where the description's is not the chip's.
RESET_VALUES = {
    ("IPCC", "HWCFGR"): 6,            # channels per direction; Linux prints and uses it
    ("IPCC", "C1MR"): 0x003F003F,     # six channels, the other bits are reserved
    ("IPCC", "C2MR"): 0x003F003F,
    ("TIM2", "ARR"): 0xFFFFFFFF,      # TIM2 and TIM5 are 32 bits wide
    ("TIM5", "ARR"): 0xFFFFFFFF,
}
# Registers that are 32 bits wide where the description says 16.
WIDE = {(tim, reg) for tim in ("TIM2", "TIM5") for reg in ("ARR", "CCR1", "CCR2", "CCR3", "CCR4")}

# Registers that the description gives to timers without them (RM0436: TIM2 to TIM5 have no outputs that a break stops and no channels 5 and
# 6, TIM6 and TIM7 no channels at all).
WITHOUT_REGISTERS = {
    **{f"TIM{n}": {"RCR", "BDTR", "CCMR3", "CCR5", "CCR6"} for n in (2, 3, 4, 5)},
    **{f"TIM{n}": {"SMCR", "CCMR1", "CCMR2", "RCR", "CCR1", "CCR2", "CCR3", "CCR4", "BDTR", "DCR", "DMAR", "CCMR3", "CCR5", "CCR6"} for n in (6, 7)},
}
# Registers that it leaves out: (offset, name, fields as (name, bit, width)).
CAPTURE = ("CCMR1", 0x18, [("CC1S", 0, 2), ("IC1PSC", 2, 2), ("IC1F", 4, 4)])
INPUTS = [("AF1", 0x60, [("ETRSEL", 14, 4)]), ("TISEL", 0x68, [(f"TI{n}SEL", 8 * (n - 1), 4) for n in (1, 2, 3, 4)])]
MISSING_REGISTERS = {"TIM16": [CAPTURE], "TIM17": [CAPTURE], **{f"TIM{n}": INPUTS for n in (2, 3, 4, 5)}}
# Reserved words that read 0 and that ST's drivers read: __HAL_TIM_DISABLE looks for channels.
READ_AS_ZERO = {("TIM6", "CCER"), ("TIM7", "CCER")}

# Register name prefixes that stand for the block; the rest follows from the block's own name.
PREFIXES = {"SPI2S": "SPI", "TIMx": "TIM", "FCCAN_CCU": "FDCAN_CCU", "FDCAN_CCU": "FDCAN_CCU", "DSIHOST": "DSI", "OTG": "USB_OTG",
            "DLYB": "DLYB", "LTDC": "LTDC", "CAN": "FDCAN", "DAC": "DAC", "ADC": "ADC", "AXIMC": "AXIMC", "ETH": "ETH",
            "RTC": "RTC", "TAMP": "TAMP", "LPTIM1": "LPTIM"}


def number(text):
    return int(text, 0)


def stem(name):
    """A block's name without its instance: GPIOA -> GPIO, DMA1 -> DMA."""
    return re.sub(r"(?<=GPIO)[A-Z]$|\d+$", "", name)


def register_name(peripheral, name):
    """The register's name within its block: RCC_MP_GCR -> MP_GCR, TIMx_CR1 -> CR1."""
    candidates = [peripheral, stem(peripheral)] + [p for p, of in PREFIXES.items() if peripheral.startswith(of)]
    for prefix in sorted(candidates, key=len, reverse=True):
        if name.startswith(prefix + "_") and len(name) > len(prefix) + 1:
            name = name[len(prefix) + 1:]
            break
    # A register with two layouts is one register (TIMx_CCMR1 as input and as output).
    name = re.sub(r"(ALTERNATE\d*|_[Ii]nput|_[Oo]utput)$", "", name)
    if peripheral == "EXTI":
        name = re.sub(r"^([IE]MR\d)$", r"C1\1", name)   # RM0436 names the A7s' masks C1IMR, C1EMR
    return name


def corrected(name, register, fields):
    """The (name, bit, width, read-only) of the fields of a register of the block `name`, with those that the description lacks."""
    fields = list(fields)
    present = {field[0] for field in fields}
    for field, bit, width in MISSING_FIELDS.get((stem(name), register), []):
        # A timer has an output's fields for each channel that it has, and what models take as one field may be several.
        channel = re.match(r"OC(\d)", field)
        parts = [other for other in fields if bit <= other[1] < bit + width and other[2] < width]
        if f"CC{channel.group(1)}S" in present if channel else not parts:
            fields.append((field, bit, width, False))
    return fields


def read_fields(item):
    return [(field.findtext("name").strip(), number(field.findtext("bitOffset")), number(field.findtext("bitWidth")),
             field.findtext("access") == "read-only") for field in item.iter("field")]


def read_registers(name, element):
    registers = {}
    for item in element.find("registers"):
        offset = number(item.findtext("addressOffset"))
        short = register_name(name, item.findtext("name"))
        if short in WITHOUT_REGISTERS.get(name, set()):
            continue
        width = number(item.findtext("size"))
        if (name, short) in WIDE:
            width = 32
        reset = RESET_VALUES.get((name, short), number(item.findtext("resetValue"))) & ((1 << width) - 1)
        if offset not in registers:
            access = READ_ONLY if (name, short) in READ_AS_ZERO else ACCESS[item.findtext("access")]
            registers[offset] = (offset, short, access, reset, width, {})
        # A register with two layouts has the fields of both; of several at one place the first is named.
        for field, bit, bits, is_read_only in corrected(name, short, read_fields(item)):
            registers[offset][5].setdefault((bit, bits), (field, bit, bits, is_read_only))
    for short, offset, fields in MISSING_REGISTERS.get(name, []):
        fields = corrected(name, short, [field + (False,) for field in fields])
        registers[offset] = (offset, short, READ_WRITE, 0, 32, {field[1:3]: field for field in fields})
    return tuple(registers[offset][:5] + (tuple(sorted(registers[offset][5].values(), key=lambda f: f[1:])),) for offset in sorted(registers))


def read(path):
    device = ElementTree.parse(path).getroot()
    elements = {p.findtext("name"): p for p in device.find("peripherals")}
    peripherals, interrupts = [], dict(MISSING_INTERRUPTS)
    for svd_name, element in elements.items():
        base = number(element.findtext("baseAddress"))
        if not FIRST <= base <= LAST:
            continue
        source = elements[element.get("derivedFrom")] if element.get("derivedFrom") else element
        name = PERIPHERAL_NAMES.get(svd_name, svd_name)
        block = source.find("addressBlock")
        size = number(block.findtext("size"))
        group = stem(name)
        registers = read_registers(name, source)
        size = max(size, SIZES.get(name, 0), max((r[0] for r in registers), default=0) + 4)
        peripherals.append([name, base, size, group, registers])
        for item in element.findall("interrupt"):
            line = number(item.findtext("value"))
            if line < INTERRUPTS and line not in A7_ONLY:
                text = re.sub(r"^USART([4578])$", r"UART\1", item.findtext("name"))
                interrupts[line] = INTERRUPT_NAMES.get(text, text)
    for name, base, size, group, registers in MISSING_PERIPHERALS:
        peripherals.append([name, base, size, group, tuple(r + (32, ()) for r in registers)])
    peripherals.sort(key=lambda p: p[1])
    # The AXI interconnect's base in the description is its first register; blocks never overlap.
    for here, after in zip(peripherals, peripherals[1:]):
        here[2] = min(here[2], after[1] - here[1])
    # A block decodes the whole page it lies in, unless another shares the page.
    for here, after in zip(peripherals, peripherals[1:] + [[None, LAST + 1]]):
        page_end = (here[1] & ~0xFFF) + 0x1000
        if here[1] + here[2] < page_end:
            here[2] = min(page_end, after[1]) - here[1]
    return peripherals, interrupts


def rcc_lines(path, peripherals):
    """(RCC offset, bit, peripheral index) of every reset line and of every clock gate of the M4."""
    index = {p[0]: i for i, p in enumerate(peripherals)}
    aliases = {"ADC12": "ADC1", "FDCAN": "FDCAN1", "DAC12": "DAC1", "VREF": "VREFBUF", "TMPSENS": "DTS",
               "QSPI": "QUADSPI", "ETHMAC": "ETH_MAC", "USBO": "USB_OTG", "DFSDM": "DFSDM1", "SPDIF": "SPDIFRX", "WWDG": "WWDG1"}
    resets, gates = [], []
    rcc = next(p for p in ElementTree.parse(path).getroot().find("peripherals") if p.findtext("name") == "RCC")
    for register in rcc.find("registers"):
        name, offset = register.findtext("name"), number(register.findtext("addressOffset"))
        if re.match(r"RCC_(TZ)?A[HP]B\dRSTSETR$", name):
            suffix, out = "RST", resets
        elif re.match(r"RCC_MC_A[HP]B\dENSETR$", name):
            suffix, out = "EN", gates
        else:
            continue
        for field in register.iter("field"):
            text = field.findtext("name")
            if not text.endswith(suffix):
                continue
            target = text[:-len(suffix)]
            target = aliases.get(target, target)
            if target in index:
                out.append((offset, number(field.findtext("bitOffset")), index[target]))
    return sorted(resets), sorted(gates)


class Names:
    """All names in one string, each once."""
    def __init__(self):
        self.text, self.offsets = [], {}
        self.length = 0

    def __call__(self, name):
        if name not in self.offsets:
            self.offsets[name] = self.length
            self.text.append(name)
            self.length += len(name) + 1
        return self.offsets[name]


def rows(items, per_line):
    for start in range(0, len(items), per_line):
        yield "    " + " ".join(items[start:start + per_line])


def main(path):
    peripherals, interrupts = read(path)
    resets, gates = rcc_lines(path, peripherals)
    names, out, lists, register_count = Names(), [], {}, 0
    names("")
    register_lines, peripheral_lines = [], []
    # Lists of fields, each once: (text of the list, where it begins).
    field_names, field_lists, field_lines, field_count = Names(), {(): 0}, [], 0
    for name, base, size, group, registers in peripherals:
        if registers not in lists:
            lists[registers] = register_count
            register_count += len(registers)
            if registers:
                register_lines.append(f"    /* {name} */")
            for fields in (register[5] for register in registers):
                if fields not in field_lists:
                    field_lists[fields] = field_count
                    field_count += len(fields)
                    field_lines.append("    " + " ".join(f"{'O' if o else 'F'}({field_names(n)},{b},{w})," for n, b, w, o in fields))
            items = [f"R({o:#x},{names(n)},{a},{w // 8},{v:#x},{field_lists[f]},{len(f)})," for o, n, a, v, w, f in registers]
            register_lines += rows(items, 5)
        peripheral_lines.append(f"    {{{base:#010x}, {size:#x}, {names(name)}, {names(group)}, "
                                f"{lists[registers]}, {len(registers)}}}, /* {name} */")
    assert len(peripherals) < 255 and names.length < 0x10000 and register_count < 0x10000 and field_count < 0x10000
    assert field_names.length < 1 << 21 and all(len(fields) < 128 for fields in field_lists)

    # Two levels of pages: 64 KiB regions, then the 4 KiB pages of a region that has any block.
    pages = {}
    for index, (_, base, size, _, _) in enumerate(peripherals):
        for page in range((base - FIRST) >> 12, ((base + size - 1 - FIRST) >> 12) + 1):
            pages.setdefault(page, index + 1)
    leaves, regions = [[0] * 16], []
    for region in range((LAST + 1 - FIRST) >> 16):
        leaf = [pages.get(region * 16 + i, 0) for i in range(16)]
        if leaf not in leaves:
            leaves.append(leaf)
        regions.append(leaves.index(leaf))
    interrupt_names = [names(interrupts.get(line, "")) for line in range(INTERRUPTS)]
    assert names.length < 0x10000 and len(leaves) < 256

    emit = out.append
    emit(HEADER)
    emit("// Generated by scripts/generate-registers.py from ST's STM32MP157x register description. Do not edit.")
    emit('#include "CSTM32MP157.h"\n')
    for symbol, table in [("names", names), ("field_names", field_names)]:
        emit(f"static const char {symbol}[] =")
        line = "   "
        for text in table.text:
            piece = f' "{text}\\0"'
            if len(line) + len(piece) > 118:
                emit(line)
                line = "   "
            line += piece
        emit(line + ";\n")
    emit("#define F(name, bit, width) {(name) | (bit) << 21 | ((width) - 1) << 26}")
    emit("#define O(name, bit, width) {(name) | (bit) << 21 | ((width) - 1) << 26 | 1u << 31}")
    emit("static const register_map_field fields[] = {")
    out.extend(field_lines)
    emit("};\n")
    emit("#define R(offset, name, access, bytes, reset, field, fields) {reset, (offset) | (access) << 20 | (bytes) << 22 | (uint32_t)(fields) << 25, name, field}")
    emit("static const register_map_register registers[] = {")
    out.extend(register_lines)
    emit("};\n")
    emit("static const register_map_peripheral peripherals[] = {")
    out.extend(peripheral_lines)
    emit("};\n")
    for symbol, kind, values in [("interrupt_names", "uint16_t", interrupt_names), ("regions", "uint8_t", regions)]:
        emit(f"static const {kind} {symbol}[{len(values)}] = {{")
        # Runs of one value as GNU ranges keep the mostly empty region table short.
        items, start = [], 0
        for i in range(1, len(values) + 1):
            if i == len(values) or values[i] != values[start]:
                if values[start] or symbol == "interrupt_names":
                    items.append(f"[{start}] = {values[start]}," if i == start + 1 else f"[{start} ... {i - 1}] = {values[start]},")
                start = i
        out.extend(rows(items, 8))
        emit("};\n")
    emit(f"static const register_map_pages pages[{len(leaves)}] = {{")
    out.extend("    {{" + ", ".join(map(str, leaf)) + "}}," for leaf in leaves)
    emit("};\n")
    for symbol, lines in [("reset_lines", resets), ("clock_gates", gates)]:
        emit(f"static const register_map_line {symbol}[] = {{")
        out.extend(rows([f"{{{o:#x}, {b}, {p}}}," for o, b, p in lines], 8))
        emit("};\n")
    emit("const register_map stm32mp157_register_map = {")
    emit(f"    .first = {FIRST:#010x}, .last = {LAST:#010x},")
    emit("    .regions = regions, .pages = pages, .peripherals = peripherals, .registers = registers, .names = names,")
    emit("    .fields = fields, .field_names = field_names,")
    emit("    .interrupt_names = interrupt_names, .reset_lines = reset_lines, .clock_gates = clock_gates,")
    emit(f"    .peripheral_count = {len(peripherals)}, .interrupt_count = {INTERRUPTS},")
    emit(f"    .reset_line_count = {len(resets)}, .clock_gate_count = {len(gates)},")
    emit("    .pins = &stm32mp157_pins,")
    emit("};")
    print("\n".join(out).rstrip())


def pins(path):
    """Which signal each alternate function of each pin is."""
    root = ElementTree.parse(path).getroot()
    space = root.tag.rpartition("}")[0] + "}"
    names, found = Names(), set()
    names("")
    for pin in root.iter(space + "GPIO_Pin"):
        place = re.match(r"P([A-KZ])(\d+)", pin.get("Name"))
        if not place:
            continue
        number = "ABCDEFGHIJKZ".index(place.group(1)) << 4 | int(place.group(2))
        for signal in pin.iter(space + "PinSignal"):
            for value in signal.iter(space + "PossibleValue"):
                function = re.match(r"GPIO_AF(\d+)_", value.text or "")
                if function:
                    found.add((number, int(function.group(1)), signal.get("Name")))
    items = [f"{{{names(name)}, {pin:#04x}, {function}}}," for pin, function, name in sorted(found)]
    assert items and names.length < 0x10000
    print(HEADER)
    print("// Generated by scripts/generate-registers.py from ST's pin data of the STM32MP15. Do not edit.")
    print('#include "CSTM32MP157.h"\n\nstatic const char names[] =')
    print("\n".join(rows([f'"{text}\\0"' for text in names.text], 8)) + ";\n")
    print("static const register_map_alternate alternates[] = {")
    print("\n".join(rows(items, 8)))
    print("};\n\nconst register_map_pins stm32mp157_pins = {.names = names, .alternates = alternates, .alternate_count = " + str(len(items)) + "};")


# The models of the M4's blocks, by their class, and the blocks of the description that have all of their registers between them.
MODELS = {
    "ADC": ["ADC", "ADC2"], "CRC": ["CRC1"], "DMA": ["DMA1"], "DMAMUX": ["DMAMUX1"], "ETZPC": ["ETZPC"], "EXTI": ["EXTI"],
    "GPIO": ["GPIOA", "GPIOZ"],
    "HSEM": ["HSEM"], "IPCC": ["IPCC"], "LPTIM": ["LPTIM1"], "PWR": ["PWR"], "RCC": ["RCC"], "RNG": ["RNG1"], "SPI": ["SPI1"],
    "SYSCFG": ["SYSCFG"], "TAMP": ["TAMP"], "TIM": ["TIM1", "TIM2", "TIM15"], "UART": ["USART1"], "WWDG": ["WWDG1"],
}
# RCC's clock gates and reset lines, which have tables of their own.
WITHOUT_FIELDS = re.compile(r"(?<!OC)(RST|EN)(SET|CLR)R$")
# (model, register) -> fields as (name, bit, width), where the description lacks them, or has them as arrays of other names.
MISSING_FIELDS = {
    **{("TIM", f"CCMR{number}"): [(f"OC{channel}{field}", bit + (8 if channel % 2 == 0 else 0), width)
                                  for channel in (2 * number - 1, 2 * number)
                                  for field, bit, width in (("FE", 2, 1), ("PE", 3, 1), ("M", 4, 3), ("CE", 7, 1), ("M3", 16, 1))] for number in (1, 2)},
    # What ST's headers have besides.
    **{("DMA", f"S{stream}CR"): [("TRBUFF", 20, 1)] for stream in range(8)}, ("ADC", "ISR"): [("LDORDY", 12, 1)],
    ("PWR", "WKUPCR"): [("WKUPC", 0, 6)], ("PWR", "WKUPFR"): [("WKUPF", 0, 6)], ("PWR", "MCUWKUPENR"): [("WKUPEN", 0, 6)],
}


def numbered(names):
    """{pattern with x for the number: [(number, name)]} of names with one number; `C2IMR1` is C2IMRx, the last number counts."""
    families = {}
    for name in names:
        for match in list(re.finditer(r"\d+", name)):
            families.setdefault(name[:match.start()] + "x" + name[match.end():], []).append((int(match.group()), name))
    return families


def runs(places, least, key):
    """Families of at least `least` names, numbered without a gap and with one step between their places: [(pattern, first, step, names)]."""
    found, used = [], set()
    for pattern, members in sorted(numbered(places).items(), key=lambda item: -len(item[1])):
        members = sorted(m for m in members if m[1] not in used)
        if len(members) < least:
            continue
        numbers, starts = [m[0] for m in members], [key(places[m[1]])[0] for m in members]
        step = starts[1] - starts[0]
        if numbers != list(range(numbers[0], numbers[0] + len(members))) or len({key(places[m[1]])[1] for m in members}) > 1:
            continue
        if step <= 0 or any(b - a != step for a, b in zip(starts, starts[1:])):
            continue
        used.update(m[1] for m in members)
        found.append((pattern, numbers[0], step, [m[1] for m in members]))
    return found


def model_registers(path, model):
    """{register: (offset, {field: (bit, width)})} of a model, in the order of their offsets."""
    elements = {p.findtext("name"): p for p in ElementTree.parse(path).getroot().find("peripherals")}
    places = {}
    for block in MODELS[model]:
        for item in elements[block].find("registers"):
            name, offset = register_name(block, item.findtext("name")), number(item.findtext("addressOffset"))
            if offset & 0x3FF >= 0x3C0:  # identification, which no model names
                continue
            # A word has one name: that of the first block which has it.
            name = next((known for known, place in places.items() if place[0] == offset), name)
            fields = places.setdefault(name, (offset, {}))[1]
            if WITHOUT_FIELDS.search(name):
                continue
            for field in item.iter("field"):
                bit, width = number(field.findtext("bitOffset")), number(field.findtext("bitWidth"))
                fields.setdefault(field.findtext("name").strip(), (bit, width))
    for (of, name), extra in MISSING_FIELDS.items():
        if of == model:
            places[name][1].update({field: (bit, width) for field, bit, width in extra})
    return dict(sorted(places.items(), key=lambda item: item[1][0]))


def declarations(items):
    """`static let` with several names a line."""
    line = ""
    for item in items:
        if line and len(line) + len(item) > 135:
            yield line
            line = ""
        line += (", " if line else "        static let ") + item
    if line:
        yield line


def fields_of(offset, fields):
    if fields:
        arrays, out = runs(fields, 4, lambda place: place), []
        inside = {name for array in arrays for name in array[3]}
        for pattern, first, step, names in arrays:
            bit, width = fields[names[0]]
            before, after = pattern.split("x", 1) if pattern.count("x") == 1 else pattern.rsplit("x", 1)
            out.append((bit, f'{swift(pattern)} = FieldArray("{before}", "{after}", {offset:#x}, {bit}, {width}, by: {step}, from: {first}, {len(names)})'))
        out += [(bit, f'{swift(name)} = Field("{name}", {offset:#x}, {bit}, {width})') for name, (bit, width) in fields.items() if name not in inside]
        yield from declarations(text for _, text in sorted(out))


def swift(name):
    return re.sub(r"\W", "_", name)


def model(path, name):
    """A model's registers and fields in Swift: `CR1.UE`."""
    places = model_registers(path, name)
    arrays = runs(places, 4, lambda place: (place[0], tuple(sorted(place[1].values()))))
    first = {array[3][0]: array for array in arrays}
    inside = {member for array in arrays for member in array[3]}
    print(HEADER)
    print(f"// Generated by scripts/generate-registers.py STM32MP157x.svd {name}. Do not edit.")
    print(f"\n/// Registers and fields by RM0436's names. An `x` stands for the number in names of registers and fields that are alike.\nextension {name} {{")
    for register, (offset, fields) in places.items():
        if register in first:
            pattern, start, step, members = first[register]
            # OFR1.OFFSET1, OFR2.OFFSET2: the register's number is not part of the field's name.
            plain = [[re.sub(rf"(?<!\\d){start + i}(?!\\d)", "", f) for f in places[m][1]] for i, m in enumerate(members)]
            same = all(other == plain[0] for other in plain)
            fields = dict(zip(plain[0], fields.values()))
            print(f"    enum {swift(pattern)}: RegisterArray {{\n        static let offset: UInt32 = {offset:#x}, stride: UInt32 = {step:#x}, count: UInt32 = {len(members)}, first: UInt32 = {start}")
            for line in fields_of(offset, fields) if same else []:
                print(line)
            print("    }")
        elif register not in inside:
            lines = list(fields_of(offset, fields))
            head = f"    enum {swift(register)}: Register {{"
            if not lines:
                print(f"{head} static let offset: UInt32 = {offset:#x} }}")
            else:
                print(f"{head}\n        static let offset: UInt32 = {offset:#x}")
                print("\n".join(lines) + "\n    }")
    print("}")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if len(sys.argv) > 2:
        model(sys.argv[1], sys.argv[2])
    elif sys.argv[1].endswith(".xml"):
        pins(sys.argv[1])
    else:
        main(sys.argv[1])
