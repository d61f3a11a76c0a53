// The coarse cycle model: what an instruction takes beyond its first cycle, from its encoding alone.
//
// Source: Cortex-M4 TRM r0p1, tables 3-1 and 7-1, and 3.3.2 for neighbouring loads and stores. Memory has no wait states. Where
// the table gives a range this takes one number: a division 7 of 2 to 12, a pipeline refill 2 of 1 to 3. Refills after taken
// branches are not here: the block hook sees where the next block starts. FIDELITY.md has the table.
#include "hooks.h"

enum { NONE = -1 };

// The single load or store before, whose data phase the next one's address phase overlaps.
struct pipeline {
    bool single;
    int loaded;  // the register it loads; NONE for a store
};

static uint32_t single_access(struct pipeline *p, bool load, bool indexed, int base, int index, int target) {
    bool follows = p->single && p->loaded != base && (index == NONE || p->loaded != index);
    p->single = true;
    p->loaded = load ? target : NONE;
    // A store with an immediate offset goes to the write buffer.
    if (!load && !indexed) return 0;
    return follows ? 0 : 1;
}

static uint32_t bits(uint32_t mask) { return (uint32_t)__builtin_popcount(mask); }

static uint32_t narrow(uint16_t h, struct pipeline *p, struct pipeline before) {
    int low = h & 7, middle = h >> 3 & 7, high = h >> 6 & 7;
    switch (h >> 12) {
    case 0x4:
        if (h >> 11 == 9) { *p = before; return single_access(p, true, false, 15, NONE, h >> 8 & 7); }
        return 0;
    case 0x5: *p = before; return single_access(p, (h >> 9 & 7) >= 3, true, middle, high, low);
    case 0x6: case 0x7: case 0x8: *p = before; return single_access(p, h & 0x800, false, middle, NONE, low);
    case 0x9: *p = before; return single_access(p, h & 0x800, false, 13, NONE, h >> 8 & 7);
    case 0xB: return (h & 0xF600) == 0xB400 ? bits(h & 0x1FF) : 0;  // PUSH, POP
    case 0xC: return bits(h & 0xFF);                                // LDM, STM
    default: return 0;
    }
}

static uint32_t floating_point(uint16_t a, uint16_t b) {
    if ((a & 0xFF00) == 0xEE00) {
        if (b & 0x10) return 0;  // VMOV, VMRS, VMSR
        switch (a >> 4 & 0xB) {
        case 0x0: case 0x1: case 0x9: case 0xA: return 2;           // VMLA, VNMLA, VFNMA, VFMA and their subtractions: 3
        case 0x8: return 13;                                        // VDIV: 14
        case 0xB: return (a & 15) == 1 && (b >> 6 & 3) == 3 ? 13 : 0;  // VSQRT: 14
        default: return 0;
        }
    }
    if ((a & 0xFFE0) == 0xEC40) return 1;                                 // VMOV of two registers: 2
    if ((a & 0xFF20) == 0xED00) return b & 0x100 ? 2 : 1;                 // VLDR, VSTR: 2, of a double 3
    return b & 0xFF;                                                      // VLDM, VSTM, VPUSH, VPOP: 1 + N
}

static uint32_t wide(uint16_t a, uint16_t b, struct pipeline *p, struct pipeline before) {
    bool load = a & 0x10;
    if ((a & 0xFE40) == 0xE800) return bits(b);  // LDM, STM
    if ((a & 0xFE40) == 0xE840) return a & 0x0120 ? 2 : 1;  // LDRD, STRD: 1 + N; LDREX, STREX, TBB, TBH: 2
    if ((a & 0xEC00) == 0xEC00 && (b & 0x0E00) == 0x0A00 && (a & 0x0300) != 0x0300) return floating_point(a, b);
    if ((a & 0xFE00) == 0xF800 && (a & 0x60) != 0x60) {
        bool hint = load && b >> 12 == 15 && (a & 0x60) != 0x40;  // PLD, PLI
        if (hint) return 0;
        int base = a & 15;
        bool indexed = base != 15 && !(a & 0x80) && !(b & 0x800);
        *p = before;
        return single_access(p, load, indexed, base, indexed ? b & 15 : NONE, b >> 12);
    }
    if ((a & 0xFFD0) == 0xFB90 && (b & 0xF0) == 0xF0) return 6;  // SDIV, UDIV
    if ((a & 0xFFE0) == 0xF380 && (b & 0xD000) == 0x8000) return 1;  // MSR
    if (a == 0xF3EF && (b & 0xD000) == 0x8000) return 1;             // MRS
    if (a == 0xF3BF && (b & 0xFFF0) == 0x8F60) return M4_REFILL;     // ISB
    return 0;
}

uint32_t m4_extra_cycles(const m4_engine *e, uint32_t address, uint32_t size) {
    uint32_t extra = 0;
    struct pipeline pipeline = {false, NONE};
    for (uint32_t offset = 0; offset < size;) {
        uint16_t first = 0, second = 0;
        if (!m4_engine_code(e, address + offset, &first)) break;
        bool is_wide = first >= 0xE800;
        if (is_wide && !m4_engine_code(e, address + offset + 2, &second)) break;
        struct pipeline before = pipeline;
        pipeline = (struct pipeline){false, NONE};
        extra += is_wide ? wide(first, second, &pipeline, before) : narrow(first, &pipeline, before);
        offset += is_wide ? 4 : 2;
    }
    return extra;
}
