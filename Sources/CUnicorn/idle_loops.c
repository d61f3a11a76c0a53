// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Idle loops, which only wait: a flag polled in memory until an interrupt handler or the other side sets it, a delay by the tick's counter,
// a branch to itself. One that comes back to its head with every register as before, that has stored nothing but what was there and
// has touched nothing but memory, will do the same again until something outside of it happens; and nothing can before the run's
// deadline. So its rounds up to there are counted instead of executed. All that firmware, trace or host can see is as if they had
// been: cycles, the newest blocks, the block at which the deadline ends the run.
//
// The block hook looks now and then (m4_look_for_idle_loop), through the limit that it compares anyway. It takes a round of which the
// registers are compared, then one of which the stores are: before each block its code is read for where it stores.
#include "hooks.h"
#include <string.h>

enum phase { LOOKING = 0, COMPARING_REGISTERS, COMPARING_STORES };
// Cycles between two looks: after a loop that waited, and after many that did not.
enum { NEAREST_LOOK = 64, FARTHEST_LOOK = 16384 };
// Beyond this a deadline is none: the cycle count must stay far from its end.
static const uint64_t farthest_deadline = (uint64_t)1 << 48;
enum { PC = 15 };
// xPSR's bits of an IT block, at whose start a block of the engine's is not. Source: ARMv7-M ARM, B1.4.2.
enum { IT_STATE = 0x0600FC00 };

// The block that ran `back` blocks ago; 1 for the newest.
static uint64_t block_before(const m4_engine *e, uint32_t back) { return e->history[(e->history_count - back) % M4_RING]; }

static void look_again(m4_engine *e, uint64_t distance) {
    struct m4_idle_loop *loop = &e->idle_loop;
    loop->phase = LOOKING;
    loop->distance = distance < FARTHEST_LOOK ? distance : FARTHEST_LOOK;
    loop->look_at = loop->off ? UINT64_MAX : e->cycles + loop->distance;
}

void m4_restart_idle_loop(m4_engine *e) {
    struct m4_idle_loop *loop = &e->idle_loop;
    if (loop->off || loop->phase != LOOKING || loop->distance == 0) look_again(e, NEAREST_LOOK);
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
    for (int n = 0; n < 16; n++) e->idle_loop.registers[n] = state(e, n);
}

static bool has_same_registers(const m4_engine *e) {
    for (int n = 0; n < 16; n++)
        if (e->idle_loop.registers[n] != state(e, n)) return false;
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

static bool is_kept(const struct m4_idle_loop *loop, const uint8_t *word) {
    for (uint32_t k = 0; k < loop->word_count; k++)
        if (loop->words[k] == word) return true;
    return false;
}

// Keeps what memory has where a block is about to store. False when that is not memory, or code, or too much.
static bool keep_words(m4_engine *e, uint32_t address, uint32_t size) {
    struct m4_idle_loop *loop = &e->idle_loop;
    uint32_t first = address & ~3u, count = ((address & 3) + size + 3) / 4;
    for (uint32_t i = 0; i < count; i++) {
        const m4_region *region = m4_engine_region(e, first + 4 * i);
        if (!region || !region->host) return false;
        uint32_t at = first + 4 * i - region->start;
        if (region->fetched && region->fetched[at >> M4_PAGE_SHIFT]) return false;
        const uint8_t *word = region->host + at;
        if (is_kept(loop, word)) continue;
        if (loop->word_count == M4_IDLE_LOOP_WORDS) return false;
        loop->words[loop->word_count] = word;
        memcpy(&loop->values[loop->word_count++], word, 4);
    }
    return true;
}

// A constant of the code's, unless the loop stores there.
static void set_literal(const m4_engine *e, values *v, int to, uint32_t address) {
    const m4_region *region = m4_engine_region(e, address);
    if (!region || !region->host || address & 3 || is_kept(&e->idle_loop, region->host + (address - region->start))) return;
    uint32_t constant;
    memcpy(&constant, region->host + (address - region->start), 4);
    set(v, to, constant);
}

static uint32_t literal_base(uint32_t pc) { return (pc + 4) & ~3u; }

// Register `n` as an address begins with it. False when it is not known.
static bool base_of(const values *v, uint32_t pc, int n, uint32_t *base) {
    *base = n == PC ? literal_base(pc) : v->r[n];
    return n == PC || knows(v, n);
}

// What data processing gives, where it is worked out: sums, copies and constants, which addresses are made of.
static bool result_of(const values *v, const thumb_instruction *i, uint32_t pc, uint32_t *result) {
    if (i->m >= 0 && (!knows(v, i->m) || i->shift)) return false;
    uint32_t first = 0, second = i->m >= 0 ? v->r[i->m] : i->immediate;
    switch (i->operation) {
    case THUMB_MOV: *result = second; return true;
    case THUMB_MOVT: *result = (v->r[i->d] & 0xFFFF) | second << 16; return knows(v, i->d);
    case THUMB_ADR: *result = literal_base(pc) + second; return true;
    case THUMB_ADD: case THUMB_SUB:
        if (i->n == PC || !base_of(v, pc, i->n, &first)) return false;
        *result = i->operation == THUMB_ADD ? first + second : first - second;
        return true;
    default: return false;
    }
}

// A load or store. False when it cannot be told where it stores, or when it is exclusive.
static bool access_memory(m4_engine *e, values *v, const thumb_instruction *i, uint32_t pc) {
    if (i->exclusive) return false;
    uint32_t base = 0, index = 0;
    bool is_known = base_of(v, pc, i->n, &base);
    if (i->m >= 0) {
        is_known = is_known && knows(v, i->m);
        index = v->r[i->m] << i->shift;
    }
    uint32_t address = base + i->offset + index;
    if (i->stores && !(is_known && keep_words(e, address, i->count))) return false;
    v->known &= ~(uint32_t)i->writes;
    if (i->operation == THUMB_LDR && i->n == PC && i->width == 4 && i->d != PC) set_literal(e, v, i->d, address);
    if (i->writes_back && is_known) set(v, i->n, base + i->step);
    return true;
}

// One instruction. False when nothing can be told of what it does.
static bool follow(m4_engine *e, values *v, const thumb_instruction *i, uint32_t pc) {
    if (i->coprocessor >= 0) return false;  // the FPU's registers are not compared
    switch (i->operation) {
    // They change what is not compared.
    case THUMB_CPS: case THUMB_MSR: case THUMB_UNDEFINED: return false;
    default: break;
    }
    if (i->loads || i->stores) return access_memory(e, v, i, pc);
    uint32_t result;
    bool is_known = result_of(v, i, pc, &result);
    v->known &= ~(uint32_t)i->writes;
    if (is_known && i->d != PC) set(v, i->d, result);
    return true;
}

// Reads a block that is about to run for where it stores, and keeps what is there. False when that cannot be told.
static bool keep_stores(m4_engine *e, uint32_t address, uint32_t size) {
    if (m4_reg_read(e, UC_ARM_REG_XPSR) & IT_STATE) return false;
    values v = {.known = 0x7FFF};
    for (int n = 0; n < PC; n++) v.r[n] = m4_core_register(e, n);
    int conditional = 0;
    thumb_instruction i;
    for (uint32_t offset = 0; offset < size; offset += i.size) {
        uint32_t pc = address + offset;
        if (!m4_read_instruction(e, pc, &i)) return false;
        if (i.operation == THUMB_IT) {
            conditional = thumb_it_count(&i);
            continue;
        }
        values before = v;
        if (!follow(e, &v, &i, pc)) return false;
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
    const struct m4_idle_loop *loop = &e->idle_loop;
    for (uint32_t k = 0; k < loop->word_count; k++)
        if (memcmp(loop->words[k], &loop->values[k], 4) != 0) return false;
    return true;
}

bool m4_engine_skip_rounds(m4_engine *e, uint64_t cycles, uint64_t extra, uint32_t period) {
    struct m4_idle_loop *loop = &e->idle_loop;
    if (period == 0 || period > M4_RING) return false;
    if (cycles == 0 || e->deadline <= e->cycles || e->deadline - e->cycles > farthest_deadline) return false;
    uint64_t rounds = (e->deadline - 1 - e->cycles) / cycles;
    e->cycles += rounds * cycles;
    e->extra += rounds * extra;
    loop->skipped += rounds * (cycles - extra);
    // The newest blocks as they would be. More than the ring holds of them need not be written.
    uint64_t blocks = rounds * period, most = M4_RING / period * period + period;
    for (uint64_t n = blocks < most ? blocks : most; n > 0; n--) {
        uint64_t block = block_before(e, period);
        e->history[e->history_count++ % M4_RING] = block;
    }
    return rounds > 0;
}

static bool skip(m4_engine *e) {
    return m4_engine_skip_rounds(e, e->cycles - e->idle_loop.begin, e->extra - e->idle_loop.begin_extra, e->idle_loop.period);
}

void m4_look_for_idle_loop(m4_engine *e, uint32_t address) {
    struct m4_idle_loop *loop = &e->idle_loop;
    if (loop->phase == LOOKING) {
        if (e->cycles < loop->look_at) return;
        loop->period = loop->off ? 0 : period(e, address);
        if (loop->period == 0) {
            look_again(e, 2 * loop->distance);
            return;
        }
        loop->phase = COMPARING_REGISTERS;
        loop->step = 0;
        loop->touched = false;
        keep_registers(e);
        return;
    }
    uint64_t block = block_before(e, loop->period);
    bool follows = !loop->touched && (uint32_t)(block >> 32) == address && block_before(e, 1) == block_before(e, 1 + loop->period);
    if (follows && ++loop->step == loop->period) {
        loop->step = 0;
        follows = has_same_registers(e);
        if (follows && loop->phase == COMPARING_STORES && has_same_words(e)) {
            look_again(e, skip(e) ? NEAREST_LOOK : 2 * loop->distance);
            return;
        }
        follows = follows && loop->phase == COMPARING_REGISTERS;
        loop->phase = COMPARING_STORES;
        loop->word_count = 0;
        loop->begin = e->cycles;
        loop->begin_extra = e->extra;
    }
    if (follows && loop->phase == COMPARING_STORES) follows = keep_stores(e, address, (uint32_t)(block >> 16) & 0xFFFF);
    if (!follows) look_again(e, 2 * loop->distance);
}

void m4_engine_execute_idle_loops(m4_engine *e, bool executes) {
    e->idle_loop.off = executes;
    look_again(e, NEAREST_LOOK);
}
