// Loops that wait: a flag polled in memory until an interrupt handler or the other side sets it, a delay by the tick's counter, a
// branch to itself. One that comes back to its head with every register as before, that has stored nothing but what was there and
// has touched nothing but memory, will do the same again until something outside of it happens; and nothing can before the run's
// deadline. So its rounds up to there are counted instead of executed. All that firmware, trace or host can see is as if they had
// been: cycles, the newest blocks, the block at which the deadline ends the run.
//
// The block hook looks now and then (m4_look_for_waiting), through the limit that it compares anyway. It takes a round of which the
// registers are compared, then one of which the stores are: before each block its code is read for where it stores.
#include "hooks.h"
#include "origins.h"
#include <string.h>

enum phase { LOOKING = 0, COMPARING_REGISTERS, COMPARING_STORES };
// Cycles between two looks: after a loop that waited, and after many that did not.
enum { NEAREST_LOOK = 64, FARTHEST_LOOK = 16384 };
// Beyond this a deadline is none: the cycle count must stay far from its end.
static const uint64_t farthest_deadline = (uint64_t)1 << 48;
enum { SP = 13, PC = 15 };
// xPSR's bits of an IT block, at whose start a block of the engine's is not. Source: ARMv7-M ARM, B1.4.2.
enum { IT_STATE = 0x0600FC00 };

// The block that ran `back` blocks ago; 1 for the newest.
static uint64_t block_before(const m4_engine *e, uint32_t back) { return e->history[(e->history_count - back) % M4_RING]; }

static void look_again(m4_engine *e, uint64_t distance) {
    struct m4_waiting *w = &e->waiting;
    w->phase = LOOKING;
    w->distance = distance < FARTHEST_LOOK ? distance : FARTHEST_LOOK;
    w->look_at = w->off ? UINT64_MAX : e->cycles + w->distance;
}

void m4_restart_waiting(m4_engine *e) {
    struct m4_waiting *w = &e->waiting;
    if (w->off || w->phase != LOOKING || w->distance == 0) look_again(e, NEAREST_LOOK);
}

// How many blocks ago the core was where it is now, the blocks since being those before; 0 when it was not.
static uint32_t period(const m4_engine *e, uint32_t address) {
    uint32_t ran = e->history_count - e->first_block;
    if (ran > M4_HISTORY) ran = M4_HISTORY;
    for (uint32_t p = 1; p <= ran / 2; p++) {
        if ((uint32_t)(block_before(e, p) >> 32) != address) continue;
        bool repeats = true;
        for (uint32_t i = 1; i <= p && repeats; i++) repeats = block_before(e, i) == block_before(e, i + p);
        if (repeats) return p;
    }
    return 0;
}

static uint32_t state(const m4_engine *e, int n) { return n < PC ? m4_core_register(e, n) : m4_reg_read(e, UC_ARM_REG_XPSR); }

static void keep_registers(m4_engine *e) {
    for (int n = 0; n < 16; n++) e->waiting.registers[n] = state(e, n);
}

static bool has_same_registers(const m4_engine *e) {
    for (int n = 0; n < 16; n++)
        if (e->waiting.registers[n] != state(e, n)) return false;
    return true;
}

// Registers inside of a block, as far as they are known before it runs.
typedef struct values {
    uint32_t known;  // a bit a register
    uint32_t r[16];
} values;

static bool knows(const values *v, int n) { return v->known >> n & 1; }
static void set(values *v, int n, uint32_t value) {
    v->known |= 1u << n;
    v->r[n] = value;
}
static void set_sum(values *v, int to, int from, uint32_t offset) {
    if (knows(v, from)) set(v, to, v->r[from] + offset);
    else v->known &= ~(1u << to);
}

static bool is_kept(const struct m4_waiting *w, const uint8_t *word) {
    for (uint32_t k = 0; k < w->word_count; k++)
        if (w->words[k] == word) return true;
    return false;
}

// Keeps what memory has where a block is about to store. False when that is not memory, or code, or too much.
static bool keep_words(m4_engine *e, uint32_t address, uint32_t size) {
    struct m4_waiting *w = &e->waiting;
    uint32_t first = address & ~3u, count = ((address & 3) + size + 3) / 4;
    for (uint32_t i = 0; i < count; i++) {
        const m4_region *region = m4_engine_region(e, first + 4 * i);
        if (!region || !region->host) return false;
        uint32_t at = first + 4 * i - region->start;
        if (region->fetched && region->fetched[at >> M4_PAGE_SHIFT]) return false;
        const uint8_t *word = region->host + at;
        if (is_kept(w, word)) continue;
        if (w->word_count == M4_WAITING_WORDS) return false;
        w->words[w->word_count] = word;
        memcpy(&w->values[w->word_count++], word, 4);
    }
    return true;
}

static bool keep_stored(m4_engine *e, const values *v, int base, uint32_t offset, uint32_t size) {
    return knows(v, base) && keep_words(e, v->r[base] + offset, size);
}

static uint32_t bits(uint32_t mask) { return (uint32_t)__builtin_popcount(mask); }

// A constant of the code's, unless the loop stores there.
static void set_literal(const m4_engine *e, values *v, int to, uint32_t address) {
    const m4_region *region = m4_engine_region(e, address);
    v->known &= ~(1u << to);
    if (!region || !region->host || address & 3 || is_kept(&e->waiting, region->host + (address - region->start))) return;
    uint32_t constant;
    memcpy(&constant, region->host + (address - region->start), 4);
    set(v, to, constant);
}

// One 16-bit instruction. False when nothing can be told of what it does. Source: ARMv7-M ARM, A5.2.
static bool narrow(m4_engine *e, values *v, uint32_t pc, uint16_t i) {
    int low = i & 7, middle = i >> 3 & 7, high = i >> 8 & 7;
    uint32_t five = i >> 6 & 31, eight = i & 0xFF;
    switch (i >> 11) {
    case 0x03:  // ADD, SUB of three
        if (!(i & 0x0400)) break;
        set_sum(v, low, middle, i & 0x0200 ? 0u - (i >> 6 & 7) : i >> 6 & 7);
        return true;
    case 0x04: set(v, high, eight); return true;
    case 0x06: set_sum(v, high, high, eight); return true;
    case 0x07: set_sum(v, high, high, 0u - eight); return true;
    case 0x08:
        if ((i & 0xFF00) != 0x4600) break;
        set_sum(v, (i & 7) | (i >> 4 & 8), i >> 3 & 15, 0);
        return true;
    case 0x09: set_literal(e, v, high, ((pc + 4) & ~3u) + 4 * eight); return true;
    case 0x0A: case 0x0B: {
        uint32_t operation = i >> 9 & 7, size = operation == 0 ? 4 : operation == 1 ? 2 : 1;
        if (operation >= 3) break;
        int index = i >> 6 & 7;
        return knows(v, index) && keep_stored(e, v, middle, v->r[index], size);
    }
    case 0x0C: return keep_stored(e, v, middle, 4 * five, 4);
    case 0x0E: return keep_stored(e, v, middle, five, 1);
    case 0x10: return keep_stored(e, v, middle, 2 * five, 2);
    case 0x12: return keep_stored(e, v, SP, 4 * eight, 4);
    case 0x14: set(v, high, ((pc + 4) & ~3u) + 4 * eight); return true;
    case 0x15: set_sum(v, high, SP, 4 * eight); return true;
    case 0x16: case 0x17:
        if ((i & 0xFFE8) == 0xB660) return false;  // CPS
        if ((i & 0xFF00) == 0xB000) {
            set_sum(v, SP, SP, i & 0x80 ? 0u - 4 * (i & 0x7F) : 4u * (i & 0x7F));
            return true;
        }
        if ((i & 0xFE00) == 0xB400) {
            uint32_t size = 4 * bits(i & 0x1FF);
            set_sum(v, SP, SP, 0u - size);
            return keep_stored(e, v, SP, 0, size);
        }
        if ((i & 0xFE00) == 0xBC00) {
            v->known &= ~eight;
            set_sum(v, SP, SP, 4 * bits(i & 0x1FF));
            return true;
        }
        break;
    case 0x18:
        if (!keep_stored(e, v, high, 0, 4 * bits(eight))) return false;
        set_sum(v, high, high, 4 * bits(eight));
        return true;
    case 0x19:
        if (!(eight >> high & 1)) set_sum(v, high, high, 4 * bits(eight));
        break;
    default: break;
    }
    v->known &= ~m4_written_registers(i, 0);
    return true;
}

// Single stores with a 32-bit encoding. Source: ARMv7-M ARM, A5.3.10.
static bool wide_store(m4_engine *e, values *v, uint16_t a, uint16_t b) {
    int base = a & 15;
    uint32_t size = 1u << (a >> 5 & 3), offset = b & 0xFF;
    if (a & 0x80) return keep_stored(e, v, base, b & 0xFFF, size);
    if (b & 0x0800) {
        bool indexed = b & 0x0400, added = b & 0x0200, written_back = b & 0x0100;
        if (!added) offset = 0u - offset;
        if (!keep_stored(e, v, base, indexed ? offset : 0, size)) return false;
        if (written_back) set_sum(v, base, base, offset);
        return true;
    }
    int index = b & 15;
    return knows(v, index) && keep_stored(e, v, base, v->r[index] << (b >> 4 & 3), size);
}

// Several registers, or two. Source: ARMv7-M ARM, A5.3.5 and A5.3.6.
static bool wide_multiple(m4_engine *e, values *v, uint16_t a, uint16_t b) {
    int base = a & 15;
    bool loads = a & 0x10, written_back = a & 0x20;
    if (!(a & 0x40)) {
        uint32_t size = 4 * bits(b);
        bool down = a & 0x100;
        if (!loads && !keep_stored(e, v, base, down ? 0u - size : 0, size)) return false;
        if (loads) v->known &= ~((uint32_t)b & ~(written_back ? 1u << base : 0));
        if (written_back) set_sum(v, base, base, down ? 0u - size : size);
        return true;
    }
    if (!(a & 0x0120)) {
        // TBB and TBH branch; the rest is exclusive.
        return (a & 0xFFF0) == 0xE8D0 && (b & 0xFFE0) == 0xF000;
    }
    uint32_t offset = 4u * (b & 0xFF);
    bool indexed = a & 0x0100;
    if (!(a & 0x80)) offset = 0u - offset;
    if (!loads && !keep_stored(e, v, base, indexed ? offset : 0, 8)) return false;
    if (loads) v->known &= ~(1u << (b >> 12) | 1u << (b >> 8 & 15));
    if (written_back) set_sum(v, base, base, offset);
    return true;
}

static bool wide(m4_engine *e, values *v, uint32_t pc, uint16_t a, uint16_t b) {
    if ((a & 0xEC00) == 0xEC00) return false;                                // coprocessors, and the FPU with them
    if ((a & 0xFE00) == 0xE800) return wide_multiple(e, v, a, b);
    if ((a & 0xFE00) == 0xF800 && !(a & 0x10)) return (a & 0x60) != 0x60 && wide_store(e, v, a, b);
    if ((a & 0xF800) == 0xF000 && b & 0x8000) {
        // Branches and barriers; MRS. MSR would change what is not compared.
        if ((a & 0xFFE0) == 0xF380 && (b & 0xD000) == 0x8000) return false;
        if ((a & 0xFFE0) == 0xF3E0) v->known &= ~(1u << (b >> 8 & 15));
        return true;
    }
    int to = b >> 8 & 15, from = a & 15;
    uint32_t twelve = (uint32_t)(a >> 10 & 1) << 11 | (uint32_t)(b >> 12 & 7) << 8 | (b & 0xFF);
    uint32_t sixteen = (uint32_t)(a & 15) << 12 | twelve;
    if ((a & 0xFBF0) == 0xF240) { set(v, to, sixteen); return true; }          // MOVW
    if ((a & 0xFBF0) == 0xF2C0) {                                              // MOVT
        if (knows(v, to)) v->r[to] = (v->r[to] & 0xFFFF) | sixteen << 16;
        return true;
    }
    // ADD and SUB with a plain constant. Others of the modified ones are not worked out.
    bool is_small = twelve < 0x100;
    bool adds = (a & 0xFBF0) == 0xF200 || ((a & 0xFBE0) == 0xF100 && is_small);
    bool subtracts = (a & 0xFBF0) == 0xF2A0 || ((a & 0xFBE0) == 0xF1A0 && is_small);
    if ((adds || subtracts) && from != PC && to != PC) {
        set_sum(v, to, from, subtracts ? 0u - twelve : twelve);
        return true;
    }
    if ((a & 0xFF7F) == 0xF85F) {                                              // LDR of a constant
        set_literal(e, v, b >> 12, ((pc + 4) & ~3u) + (a & 0x80 ? b & 0xFFFu : 0u - (b & 0xFFFu)));
        return true;
    }
    v->known &= ~m4_written_registers(a, b);
    return true;
}

static bool is_it(uint16_t i) { return (i & 0xFF00) == 0xBF00 && i & 15; }

// Reads a block that is about to run for where it stores, and keeps what is there. False when that cannot be told.
static bool keep_stores(m4_engine *e, uint32_t address, uint32_t size) {
    if (m4_reg_read(e, UC_ARM_REG_XPSR) & IT_STATE) return false;
    values v = {.known = 0x7FFF};
    for (int n = 0; n < PC; n++) v.r[n] = m4_core_register(e, n);
    int conditional = 0;
    for (uint32_t offset = 0; offset < size;) {
        uint32_t pc = address + offset;
        uint16_t first = 0, second = 0;
        if (!m4_engine_code(e, pc, &first)) return false;
        bool is_wide = first >= 0xE800;
        if (is_wide && !m4_engine_code(e, pc + 2, &second)) return false;
        offset += is_wide ? 4 : 2;
        if (is_it(first)) {
            conditional = 4 - __builtin_ctz(first & 15);
            continue;
        }
        values before = v;
        if (!(is_wide ? wide(e, &v, pc, first, second) : narrow(e, &v, pc, first))) return false;
        if (conditional == 0) continue;
        conditional--;
        // It may not be executed.
        for (int n = 0; n < PC; n++)
            if (v.r[n] != before.r[n]) v.known &= ~(1u << n);
        v.known &= before.known;
    }
    return true;
}

static bool has_same_words(const m4_engine *e) {
    const struct m4_waiting *w = &e->waiting;
    for (uint32_t k = 0; k < w->word_count; k++)
        if (memcmp(w->words[k], &w->values[k], 4) != 0) return false;
    return true;
}

// Counts the rounds that begin before the deadline, but for the one that is about to. False when there are none.
static bool skip(m4_engine *e) {
    struct m4_waiting *w = &e->waiting;
    uint64_t cycles = e->cycles - w->begin, extra = e->extra - w->begin_extra;
    if (cycles == 0 || e->deadline <= e->cycles || e->deadline - e->cycles > farthest_deadline) return false;
    uint64_t rounds = (e->deadline - 1 - e->cycles) / cycles;
    e->cycles += rounds * cycles;
    e->extra += rounds * extra;
    w->skipped += rounds * (cycles - extra);
    // The newest blocks as they would be. More than the ring holds of them need not be written.
    uint64_t blocks = rounds * w->period, most = M4_RING / w->period * w->period + w->period;
    for (uint64_t n = blocks < most ? blocks : most; n > 0; n--) {
        uint64_t block = block_before(e, w->period);
        e->history[e->history_count++ % M4_RING] = block;
    }
    return rounds > 0;
}

void m4_look_for_waiting(m4_engine *e, uint32_t address) {
    struct m4_waiting *w = &e->waiting;
    if (w->phase == LOOKING) {
        if (e->cycles < w->look_at) return;
        w->period = w->off ? 0 : period(e, address);
        if (w->period == 0) {
            look_again(e, 2 * w->distance);
            return;
        }
        w->phase = COMPARING_REGISTERS;
        w->step = 0;
        w->touched = false;
        keep_registers(e);
        return;
    }
    uint64_t block = block_before(e, w->period);
    bool follows = !w->touched && (uint32_t)(block >> 32) == address && block_before(e, 1) == block_before(e, 1 + w->period);
    if (follows && ++w->step == w->period) {
        w->step = 0;
        follows = has_same_registers(e);
        if (follows && w->phase == COMPARING_STORES && has_same_words(e)) {
            look_again(e, skip(e) ? NEAREST_LOOK : 2 * w->distance);
            return;
        }
        follows = follows && w->phase == COMPARING_REGISTERS;
        w->phase = COMPARING_STORES;
        w->word_count = 0;
        w->begin = e->cycles;
        w->begin_extra = e->extra;
    }
    if (follows && w->phase == COMPARING_STORES) follows = keep_stores(e, address, (uint32_t)(block >> 16) & 0xFFFF);
    if (!follows) look_again(e, 2 * w->distance);
}

void m4_engine_execute_waiting(m4_engine *e, bool executes) {
    e->waiting.off = executes;
    look_again(e, NEAREST_LOOK);
}
