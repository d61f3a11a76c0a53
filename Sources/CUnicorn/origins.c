// Where the registers of a block of instructions come from, as far as word alignment goes: enough to tell at the block's start, from
// the registers there, whether an access further down will be aligned. In doubt the answer is that nothing is known.
// Source: ARMv7-M ARM, A3.2.1 for what must be aligned, A5.2 and A5.3 for the encodings.
#include "origins.h"

enum { UNKNOWN = M4_ORIGIN_UNKNOWN, ALIGNED = 0 };

static bool is_multiple_or_dual(uint16_t first) {
    bool multiple = (first & 0x0040) == 0, dual = (first & 0x0120) != 0, exclusive = (first & 0x0080) == 0;
    return (first & 0xFE00) == 0xE800 && (multiple || dual || exclusive);
}

static bool is_fp_access(uint16_t first, uint16_t second) {
    return (first & 0xFE00) == 0xEC00 && (first & 0xFFE0) != 0xEC40 && (second & 0x0E00) == 0x0A00;
}

int m4_aligned_base(uint16_t first, uint16_t second) {
    if ((first & 0xF000) == 0xC000) return first >> 8 & 7;
    int base = first & 15;
    // Through SP and PC accesses are aligned whatever happens; offsets are multiples of four.
    return base != 13 && base != 15 && (is_multiple_or_dual(first) || is_fp_access(first, second)) ? base : -1;
}

// The base of an access that must be aligned changes by multiples of four, and so keeps what is known of it.
static uint32_t written_by_narrow(uint16_t i) {
    uint32_t low = 1u << (i & 7), high = 1u << (i >> 8 & 7);
    switch (i >> 11) {
    case 0x05: return 0;                                                             // CMP
    case 0x04: case 0x06: case 0x07: case 0x09: case 0x13: case 0x14: case 0x15: return high;
    case 0x08:
        if (i < 0x4400) return (i >> 6 & 15) == 8 || (i >> 6 & 14) == 10 ? 0 : low;  // not TST, CMP, CMN
        if ((i & 0xFF00) == 0x4500 || i >= 0x4700) return 0;                         // CMP, BX, BLX
        return 1u << ((i & 7) | (i >> 4 & 8));
    case 0x0A: return (i & 0x0600) == 0x0600 ? low : 0;                              // STR, STRH, STRB; LDRSB
    case 0x0C: case 0x0E: case 0x10: case 0x12: return 0;                            // stores
    case 0x16: case 0x17: return (i & 0xFE00) == 0xBC00 ? i & 0xFF : low;            // POP; others at most their lowest field
    case 0x18: return 0;                                                             // STM
    case 0x19: return i & 0xFF;                                                      // LDM
    case 0x1A: case 0x1B: case 0x1C: return 0;                                       // branches, SVC
    default: return low;
    }
}

uint32_t m4_written_registers(uint16_t first, uint16_t second) {
    if (first < 0xE800) return written_by_narrow(first);
    uint32_t n = 1u << (first & 15), t = 1u << (second >> 12), d = 1u << (second >> 8 & 15);
    if ((first & 0xEC00) == 0xEC00) return is_fp_access(first, second) ? 0 : t | n;
    if (first >= 0xF800) {
        if (first & 0x0200) return t | d;
        bool loads = (first & 0x0010) != 0, writes_base = (first & 0x0080) == 0 && (second & 0x0900) == 0x0900;
        return (loads ? t : 0) | (writes_base ? n : 0);
    }
    if (first >= 0xF000) return d;
    if (first & 0x0200) return d;                                                    // shifted register
    if ((first & 0x0040) == 0) return (first & 0x0010) ? second : 0;                 // LDM, STM
    return t | d | 1u << (second & 15);
}

static uint16_t of_constant(uint32_t value) { return value & 3 ? UNKNOWN : ALIGNED; }

// A literal pool is taken to be constant.
static uint16_t of_literal(const m4_engine *e, uint32_t address) {
    uint16_t low = 1;
    return m4_engine_code(e, address, &low) ? of_constant(low) : UNKNOWN;
}

static uint16_t either(uint16_t a, uint16_t b) { return (a | b) & UNKNOWN ? UNKNOWN : a | b; }
static uint16_t of_shifted(uint16_t from, uint32_t left) { return left >= 2 ? ALIGNED : left == 0 ? from : UNKNOWN; }

static uint16_t after_narrow(const m4_origins *o, const m4_engine *e, uint32_t at, uint16_t i, int *d) {
    int low = i & 7, middle = i >> 3 & 7;
    uint32_t immediate = i & 0xFF;
    *d = low;
    switch (i >> 11) {
    case 0x00: return of_shifted(o->of[middle], i >> 6 & 31);
    case 0x03: {
        uint16_t other = i & 0x0400 ? of_constant(i >> 6 & 7) : o->of[i >> 6 & 7];
        return either(o->of[middle], other);
    }
    case 0x04: *d = i >> 8 & 7; return of_constant(immediate);
    case 0x06: case 0x07: *d = i >> 8 & 7; return either(o->of[*d], of_constant(immediate));
    case 0x08:
        *d = low | (i >> 4 & 8);
        if ((i & 0xFF00) == 0x4600) return o->of[i >> 3 & 15];
        if ((i & 0xFF00) == 0x4400) return either(o->of[*d], o->of[i >> 3 & 15]);
        break;
    case 0x09: *d = i >> 8 & 7; return of_literal(e, ((at + 4) & ~3u) + immediate * 4);
    case 0x14: case 0x15: *d = i >> 8 & 7; return ALIGNED;
    default: break;
    }
    *d = -1;
    return UNKNOWN;
}

// Source: ARMv7-M ARM, A5.3.2.
static uint32_t expand(uint32_t immediate) {
    uint32_t byte = immediate & 0xFF, turn = immediate >> 7 & 31;
    if (turn >= 8) return (byte | 0x80) >> turn | (byte | 0x80) << (32 - turn);
    switch (turn >> 1) {
    case 0: return byte;
    case 1: return byte | byte << 16;
    case 2: return byte << 8 | byte << 24;
    default: return byte * 0x01010101u;
    }
}

static uint16_t after_wide(const m4_origins *o, const m4_engine *e, uint32_t at, uint16_t first, uint16_t second, int *d) {
    uint32_t plain = (uint32_t)(first & 0x0400) << 1 | (second >> 4 & 0x0700) | (second & 0xFF), operation = first >> 4 & 0x3F;
    int n = first & 15;
    *d = second >> 8 & 15;
    if ((first & 0xFF7F) == 0xF85F) {                                                // LDR from the literal pool
        *d = second >> 12;
        uint32_t pc = (at + 4) & ~3u, offset = second & 0x0FFF;
        return of_literal(e, first & 0x0080 ? pc + offset : pc - offset);
    }
    if ((first & 0xF800) == 0xF000 && !(second & 0x8000)) {
        switch (operation & 0x3E) {
        case 0x00: if ((expand(plain) & 3) == 0) return ALIGNED; break;              // AND
        case 0x02: if ((expand(plain) & 3) == 3) return ALIGNED; break;              // BIC
        case 0x04: if (n == 15) return of_constant(expand(plain)); break;            // MOV
        case 0x10: case 0x1A: return either(o->of[n], of_constant(expand(plain)));   // ADD, SUB
        case 0x20: case 0x2A: return either(o->of[n], of_constant(plain));           // ADDW, SUBW
        case 0x24: return of_constant(plain);                                        // MOVW
        case 0x2C: return o->of[*d];                                                 // MOVT
        default: break;
        }
    }
    if ((first & 0xFE00) == 0xEA00) {
        uint32_t left = (second >> 10 & 0x1C) | (second >> 6 & 3);
        bool shifts_left = (second & 0x0030) == 0;
        uint16_t operand = shifts_left ? of_shifted(o->of[second & 15], left) : UNKNOWN;
        switch (operation & 0x1E) {
        case 0x04: if (n == 15) return operand; break;                               // MOV, LSL
        case 0x10: case 0x1A: return either(o->of[n], operand);                      // ADD, SUB
        default: break;
        }
    }
    *d = -1;
    return UNKNOWN;
}

void m4_origins_begin(m4_origins *o) {
    for (int r = 0; r < 16; r++) o->of[r] = r == 13 || r == 15 ? ALIGNED : (uint16_t)(1u << r);
    o->written = 0;
}

void m4_origins_step(m4_origins *o, const m4_engine *e, uint32_t at, uint16_t first, uint16_t second, bool conditional) {
    int d = -1;
    uint16_t origin = first < 0xE800 ? after_narrow(o, e, at, first, &d) : after_wide(o, e, at, first, second, &d);
    uint32_t written = m4_written_registers(first, second);
    for (int r = 0; r < 15; r++) {
        if (r == 13 || !(written >> r & 1)) continue;
        uint16_t now = r == d ? origin : UNKNOWN;
        o->of[r] = conditional ? either(o->of[r], now) : now;
    }
    o->written |= written;
}
