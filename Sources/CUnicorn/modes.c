// Registers by the batch, as exception entry and return move them: a call into the engine for each costs more than the rest of an
// exception. The order of writes matters: the engine banks the stack pointer by CONTROL and IPSR, and takes writes to CONTROL.SPSEL in
// thread mode only, and from privileged code only.
#include "hooks.h"
#include <string.h>

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

void m4_engine_read_stacked(m4_engine *e, m4_stacked *s) {
    batch b = {.count = 0};
    for (int i = 0; i < 4; i++) s->r[i] = m4_core_register(e, i);
    s->r12 = m4_core_register(e, 12);
    s->sp = m4_core_register(e, 13);
    s->lr = m4_core_register(e, 14);
    add(&b, UC_ARM_REG_XPSR, &s->xpsr);
    add(&b, UC_ARM_REG_CONTROL, &s->control);
    uc_reg_read_batch(e->uc, b.registers, b.values, b.count);
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

static const uint32_t zero;

void m4_engine_leave_mode(m4_engine *e, uint32_t sp, uint32_t control, bool from_thread, uint32_t number) {
    batch b = {.count = 0};
    uint32_t handler = number;
    add(&b, UC_ARM_REG_SP, &sp);
    if (from_thread && control != 0) {
        if (control & 1) {
            add(&b, UC_ARM_REG_IPSR, &handler);
            add(&b, UC_ARM_REG_CONTROL, &zero);
            add(&b, UC_ARM_REG_IPSR, &zero);
        }
        add(&b, UC_ARM_REG_CONTROL, &zero);
    }
    uc_reg_write_batch(e->uc, b.registers, b.values, b.count);
}

void m4_engine_start_handler(m4_engine *e, uint32_t number, uint32_t lr, uint32_t control, uint32_t flags) {
    batch b = {.count = 0};
    uint32_t thumb = 0x01000000;
    add(&b, UC_ARM_REG_IPSR, &number);
    add(&b, UC_ARM_REG_CONTROL, &control);
    add(&b, UC_ARM_REG_EPSR, &thumb);
    // Lets the engine rebuild what it derived from the mode. Nothing else does on these versions.
    add(&b, UC_ARM_REG_APSR_NZCV, &flags);
    uc_reg_write_batch(e->uc, b.registers, b.values, b.count);
    m4_set_core_register(e, 14, lr);
}

void m4_engine_read_return(m4_engine *e, m4_return_state *s) {
    batch b = {.count = 0};
    add(&b, UC_ARM_REG_XPSR, &s->xpsr);
    add(&b, UC_ARM_REG_CONTROL, &s->control);
    add(&b, UC_ARM_REG_FAULTMASK, &s->faultmask);
    add(&b, UC_ARM_REG_MSP, &s->msp);
    add(&b, UC_ARM_REG_PSP, &s->psp);
    uc_reg_read_batch(e->uc, b.registers, b.values, b.count);
}

void m4_engine_resume(m4_engine *e, const uint32_t frame[8], uint32_t sp, uint32_t control, bool unprivileged, bool to_thread) {
    batch b = {.count = 0};
    uint32_t number = to_thread ? 0 : frame[7] & 0x1FF, whole = control | 1, xpsr = frame[7] & ~(1u << 9);
    if (unprivileged) add(&b, UC_ARM_REG_CONTROL, &zero);
    add(&b, UC_ARM_REG_IPSR, &zero);
    add(&b, UC_ARM_REG_CONTROL, &control);
    add(&b, UC_ARM_REG_SP, &sp);
    if (!to_thread) add(&b, UC_ARM_REG_IPSR, &number);
    if (unprivileged) add(&b, UC_ARM_REG_CONTROL, &whole);
    add(&b, UC_ARM_REG_XPSR_NZCVQG, &xpsr);
    add(&b, UC_ARM_REG_APSR_NZCV, &xpsr);
    uc_reg_write_batch(e->uc, b.registers, b.values, b.count);
    for (int i = 0; i < 4; i++) m4_set_core_register(e, i, frame[i]);
    m4_set_core_register(e, 12, frame[4]);
    m4_set_core_register(e, 14, frame[5]);
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
