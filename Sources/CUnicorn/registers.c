// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Registers of the FPU and words of memory by the batch, as exception entry and return move them.
#include "hooks.h"
#include <string.h>

const int m4_register_ids[16] = {
    UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_R3, UC_ARM_REG_R4, UC_ARM_REG_R5, UC_ARM_REG_R6, UC_ARM_REG_R7,
    UC_ARM_REG_R8, UC_ARM_REG_R9, UC_ARM_REG_R10, UC_ARM_REG_R11, UC_ARM_REG_R12, UC_ARM_REG_SP, UC_ARM_REG_LR, UC_ARM_REG_PC};

enum { MOST = 24 };
typedef struct batch {
    int registers[MOST];
    void *values[MOST];
    int count;
} batch;

static inline void add(batch *b, int reg, const void *value) {
    if (b->count == MOST) return;
    b->registers[b->count] = reg;
    b->values[b->count++] = (void *)value;
}

void m4_engine_read_s(m4_engine *e, uint32_t s[32]) {
    batch b = {.count = 0};
    uint64_t d[16] = {0};
    for (int i = 0; i < 16; i++) add(&b, UC_ARM_REG_D0 + i, &d[i]);
    uc_reg_read_batch(e->uc, b.registers, b.values, b.count);
    memcpy(s, d, sizeof d);
}

void m4_engine_write_s(m4_engine *e, const uint32_t s[32], uint32_t fpscr) {
    batch b = {.count = 0};
    uint64_t d[16];
    memcpy(d, s, sizeof d);
    for (int i = 0; i < 16; i++) add(&b, UC_ARM_REG_D0 + i, &d[i]);
    add(&b, UC_ARM_REG_FPSCR, &fpscr);
    uc_reg_write_batch(e->uc, b.registers, b.values, b.count);
}

void m4_engine_read_fp(m4_engine *e, uint32_t s[16], uint32_t *fpscr) {
    batch b = {.count = 0};
    uint64_t d[8];
    for (int i = 0; i < 8; i++) add(&b, UC_ARM_REG_D0 + i, &d[i]);
    add(&b, UC_ARM_REG_FPSCR, fpscr);
    uc_reg_read_batch(e->uc, b.registers, b.values, b.count);
    memcpy(s, d, sizeof d);
}

void m4_engine_write_fp(m4_engine *e, const uint32_t s[16], uint32_t fpscr) {
    batch b = {.count = 0};
    uint64_t d[8];
    memcpy(d, s, sizeof d);
    for (int i = 0; i < 8; i++) add(&b, UC_ARM_REG_D0 + i, &d[i]);
    add(&b, UC_ARM_REG_FPSCR, &fpscr);
    uc_reg_write_batch(e->uc, b.registers, b.values, b.count);
}

bool m4_engine_store_words(m4_engine *e, uint32_t address, const uint32_t *words, uint32_t count) {
    const m4_region *r = m4_engine_region(e, address);
    if (!r || !r->host || count * 4 > r->size || address - r->start > r->size - count * 4) return false;
    memcpy(r->host + (address - r->start), words, (size_t)count * 4);
    m4_engine_memory_written(e, address, count * 4);
    return true;
}

bool m4_engine_load_words(const m4_engine *e, uint32_t address, uint32_t *words, uint32_t count) {
    const m4_region *r = m4_engine_region(e, address);
    if (!r || !r->host || count * 4 > r->size || address - r->start > r->size - count * 4) return false;
    memcpy(words, r->host + (address - r->start), (size_t)count * 4);
    return true;
}
