// Registers by the batch, as exception entry and return move them: a call into the engine for each costs more than the rest of an
// exception. The order of writes matters: the engine banks the stack pointer by CONTROL and IPSR, and takes writes to CONTROL.SPSEL in
// thread mode only, and from privileged code only.
#include "hooks.h"
#include <string.h>

#if __has_include(<unicorn/m4run_bundle.h>)
#include <unicorn/m4run_bundle.h>
#endif
#ifdef M4RUN_BUNDLED_UNICORN_2_1_4
// The engine's own functions behind its interface, for the bundled library alone: an exception by way of these takes half the time.
// The tests of exceptions hold for both ways: the system's library has the other.
uint32_t helper_v7m_mrs_arm(void *state, uint32_t number);
void helper_v7m_msr_arm(void *state, uint32_t number, uint32_t value);
void write_v7m_exception_arm(void *state, uint32_t number);
void arm_rebuild_hflags_arm(void *state);
#define STATE(e) ((e)->core_registers)
#else
#define STATE(e) NULL
static uint32_t helper_v7m_mrs_arm(void *state, uint32_t number) { return (void)state, (void)number, 0; }
static void helper_v7m_msr_arm(void *state, uint32_t number, uint32_t value) { (void)state, (void)number, (void)value; }
static void write_v7m_exception_arm(void *state, uint32_t number) { (void)state, (void)number; }
static void arm_rebuild_hflags_arm(void *state) { (void)state; }
#endif
// SYSm. Source: ARMv7-M ARM, B5.1.1.
enum { MSP = 8, PSP = 9, PRIMASK = 16, BASEPRI = 17, FAULTMASK = 19, CONTROL = 20 };
// xPSR's state of execution: T and IT.
enum { THUMB = 1 << 24, EXECUTION_STATE = 0x0700FC00 };

uint32_t m4_special_read(const m4_engine *e, int reg) {
    if (STATE(e)) switch (reg) {
    case UC_ARM_REG_CONTROL: return helper_v7m_mrs_arm(STATE(e), CONTROL);
    case UC_ARM_REG_PRIMASK: return helper_v7m_mrs_arm(STATE(e), PRIMASK);
    case UC_ARM_REG_BASEPRI: return helper_v7m_mrs_arm(STATE(e), BASEPRI);
    case UC_ARM_REG_FAULTMASK: return helper_v7m_mrs_arm(STATE(e), FAULTMASK);
    default: break;
    }
    return m4_reg_read(e, reg);
}

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
    if (STATE(e)) {
        s->xpsr = m4_reg_read(e, UC_ARM_REG_XPSR);
        s->control = helper_v7m_mrs_arm(STATE(e), CONTROL);
        return;
    }
    add(&b, UC_ARM_REG_XPSR, &s->xpsr);
    add(&b, UC_ARM_REG_CONTROL, &s->control);
    uc_reg_read_batch(e->uc, b.registers, b.values, b.count);
}

void m4_engine_read_s(m4_engine *e, uint32_t s[32]) {
    batch b = {.count = 0};
    uint64_t d[16] = {0};
    for (int i = 0; i < 16; i++) add(&b, UC_ARM_REG_D0 + i, &d[i]);
    uc_reg_read_batch(e->uc, b.registers, b.values, b.count);
    memcpy(s, d, sizeof d);
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
    if (STATE(e)) {
        m4_set_core_register(e, 13, sp);
        if (!from_thread || control == 0) return;
        if (control & 1) {
            write_v7m_exception_arm(STATE(e), number);
            helper_v7m_msr_arm(STATE(e), CONTROL, 0);
            write_v7m_exception_arm(STATE(e), 0);
        }
        helper_v7m_msr_arm(STATE(e), CONTROL, 0);
        return;
    }
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
    uint32_t thumb = THUMB;
    if (STATE(e)) {
        write_v7m_exception_arm(STATE(e), number);
        helper_v7m_msr_arm(STATE(e), CONTROL, control);
        if ((flags & EXECUTION_STATE) != THUMB) m4_reg_write(e, UC_ARM_REG_EPSR, thumb);
        arm_rebuild_hflags_arm(STATE(e));
        m4_set_core_register(e, 14, lr);
        return;
    }
    batch b = {.count = 0};
    add(&b, UC_ARM_REG_IPSR, &number);
    add(&b, UC_ARM_REG_CONTROL, &control);
    add(&b, UC_ARM_REG_EPSR, &thumb);
    // Lets the engine rebuild what it derived from the mode. Nothing else does on these versions.
    add(&b, UC_ARM_REG_APSR_NZCV, &flags);
    uc_reg_write_batch(e->uc, b.registers, b.values, b.count);
    m4_set_core_register(e, 14, lr);
}

void m4_engine_read_return(m4_engine *e, m4_return_state *s) {
    if (STATE(e)) {
        s->xpsr = m4_reg_read(e, UC_ARM_REG_XPSR);
        s->control = helper_v7m_mrs_arm(STATE(e), CONTROL);
        s->faultmask = helper_v7m_mrs_arm(STATE(e), FAULTMASK);
        s->msp = helper_v7m_mrs_arm(STATE(e), MSP);
        s->psp = helper_v7m_mrs_arm(STATE(e), PSP);
        return;
    }
    batch b = {.count = 0};
    add(&b, UC_ARM_REG_XPSR, &s->xpsr);
    add(&b, UC_ARM_REG_CONTROL, &s->control);
    add(&b, UC_ARM_REG_FAULTMASK, &s->faultmask);
    add(&b, UC_ARM_REG_MSP, &s->msp);
    add(&b, UC_ARM_REG_PSP, &s->psp);
    uc_reg_read_batch(e->uc, b.registers, b.values, b.count);
}

void m4_engine_resume(m4_engine *e, const uint32_t frame[8], uint32_t sp, uint32_t control, bool unprivileged, bool to_thread) {
    uint32_t number = to_thread ? 0 : frame[7] & 0x1FF, whole = control | 1, xpsr = frame[7] & ~(1u << 9);
    for (int i = 0; i < 4; i++) m4_set_core_register(e, i, frame[i]);
    m4_set_core_register(e, 12, frame[4]);
    m4_set_core_register(e, 14, frame[5]);
    if (STATE(e)) {
        if (unprivileged) helper_v7m_msr_arm(STATE(e), CONTROL, 0);
        write_v7m_exception_arm(STATE(e), 0);
        helper_v7m_msr_arm(STATE(e), CONTROL, control);
        m4_set_core_register(e, 13, sp);
        if (!to_thread) write_v7m_exception_arm(STATE(e), number);
        if (unprivileged) helper_v7m_msr_arm(STATE(e), CONTROL, whole);
        m4_reg_write(e, UC_ARM_REG_XPSR_NZCVQG, xpsr);
        arm_rebuild_hflags_arm(STATE(e));
        return;
    }
    batch b = {.count = 0};
    if (unprivileged) add(&b, UC_ARM_REG_CONTROL, &zero);
    add(&b, UC_ARM_REG_IPSR, &zero);
    add(&b, UC_ARM_REG_CONTROL, &control);
    add(&b, UC_ARM_REG_SP, &sp);
    if (!to_thread) add(&b, UC_ARM_REG_IPSR, &number);
    if (unprivileged) add(&b, UC_ARM_REG_CONTROL, &whole);
    add(&b, UC_ARM_REG_XPSR_NZCVQG, &xpsr);
    add(&b, UC_ARM_REG_APSR_NZCV, &xpsr);
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
