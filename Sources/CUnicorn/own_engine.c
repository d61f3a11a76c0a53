// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// The engine of scripts/build-engine: accounting in translated code, traps in the translator, one page of the TLB filled at a time, and
// its state at hand.
#include "adapter.h"

#if M4_OWN_ENGINE

// SYSm. Source: ARMv7-M ARM, B5.1.1.
enum { MSP = 8, PSP = 9, PRIMASK = 16, BASEPRI = 17, FAULTMASK = 19, CONTROL = 20 };
// xPSR's state of execution: T and IT.
enum { THUMB = 1 << 24, EXECUTION_STATE = 0x0700FC00 };
enum { CODE_BYTES = 32 << 20 };

uc_err m4_adapter_configure(m4_engine *e) {
    // All of the M4's memory, translated, takes a fraction of this; the default is 1 GiB of address space an engine.
    uc_err error = uc_ctl_set_tcg_buffer_size(e->uc, CODE_BYTES);
    return error == UC_ERR_OK ? uc_ctl_tlb_mode(e->uc, UC_TLB_VIRTUAL) : error;
}

uc_err m4_adapter_map(m4_engine *e, const m4_region *r) {
    // Aliases are translated to it.
    return r->start == r->physical ? uc_mem_map_ptr(e->uc, r->physical, r->size, UC_PROT_ALL, r->host) : UC_ERR_OK;
}

// With the coarse cycle model each block has to be looked at: what it costs depends on the one before.
static uint64_t describe(void *board, uint32_t address, uint32_t size) {
    m4_engine *e = board;
    uint64_t entry = m4_describe_block(e, address, size);
    return e->coarse || m4_is_special_block(entry) ? 0 : entry;
}

static bool ends(void *board, uint32_t address) { return m4_ends_block(board, address); }

static bool look(void *board, uint32_t address, uint32_t size) {
    m4_engine *e = board;
    e->cycles -= e->history[--e->history_count % M4_RING] & 0xFFFF;
    return e->coarse ? m4_begin_block_coarse(e, address, size) : m4_begin_block(e, address, size);
}

uc_err m4_adapter_arm(m4_engine *e) {
    m4run_accounting accounting = {
        .board = e, .cycles = offsetof(m4_engine, cycles), .limit = offsetof(m4_engine, limit), .nothing = offsetof(m4_engine, nothing),
        .count = offsetof(m4_engine, history_count), .ring = offsetof(m4_engine, history), .ring_size = M4_RING,
        .describe = describe, .look = look, .ends = ends,
    };
    m4run_set_accounting(e->uc, &accounting);
    e->core_registers = m4run_registers(e->uc);
    return m4_install_fill(e);
}

void m4_adapter_begin_step(m4_engine *e) { m4run_step(e->uc); }

void m4_adapter_run_ended(m4_engine *e, uc_err error) {
    if (e->abandoned) uc_context_restore(e->uc, e->abandoned_at);
    if (e->is_step && !e->stopped && error == UC_ERR_OK && !m4run_is_asleep(e->uc)) {
        e->stop = M4_STOP_STEPPED;
        // The next block is another run's, which does not see where it was branched to from.
        if (e->coarse && e->core_registers[15] != e->next_block) m4_engine_spend(e, M4_REFILL);
    }
    if (!e->stopped && error != UC_ERR_OK) e->stop = M4_STOP_ENGINE;
}

// Reported as the engine reports its own exceptions, which gives the block up: on_exception asks whether the run may go on.
void m4_adapter_report_boundary(m4_engine *e, uint32_t address) {
    if (!e->carry_on || e->stop_requested || m4_engine_is_interrupted(e)) return;
    e->at_boundary = true;
    e->core_registers[15] = address;
    m4run_leave(e->uc, M4_EXCEPTION_EXIT);
}

uint32_t m4_adapter_read_special(const m4_engine *e, int reg) {
    switch (reg) {
    case UC_ARM_REG_CONTROL: return m4run_read_special(e->uc, CONTROL);
    case UC_ARM_REG_PRIMASK: return m4run_read_special(e->uc, PRIMASK);
    case UC_ARM_REG_BASEPRI: return m4run_read_special(e->uc, BASEPRI);
    case UC_ARM_REG_FAULTMASK: return m4run_read_special(e->uc, FAULTMASK);
    default: return m4_reg_read(e, reg);
    }
}

void m4_adapter_forget_all(m4_engine *e) {
    uc_ctl_flush_tlb(e->uc);
    uc_ctl_flush_tb(e->uc);
}

void m4_adapter_core_restored(m4_engine *e) { m4run_state_changed(e->uc); }

void m4_adapter_traps_changed(m4_engine *e) {
    bool unprivileged = !(e->traps & M4_TRAP_FPU);
    m4run_set_fpu_access(e->uc, unprivileged, unprivileged || e->fpu_for_privileged);
    uint32_t built_in = e->traps & (M4_TRAP_DIVIDE | M4_TRAP_UNALIGNED_SINGLE);
    if (built_in == e->traps_built_in) return;
    e->traps_built_in = built_in;
    m4run_set_traps(e->uc, (built_in & M4_TRAP_DIVIDE ? M4RUN_TRAP_DIVIDE : 0) | (built_in & M4_TRAP_UNALIGNED_SINGLE ? M4RUN_TRAP_UNALIGNED : 0));
    m4_engine_flush(e);
}

// Exceptions. The order of writes matters: the engine banks the stack pointer by CONTROL and IPSR, and takes writes to
// CONTROL.SPSEL in thread mode only, and from privileged code only.

void m4_engine_read_stacked(m4_engine *e, m4_stacked *s) {
    const uint32_t *r = e->core_registers;
    for (int i = 0; i < 4; i++) s->r[i] = r[i];
    s->r12 = r[12];
    s->sp = r[13];
    s->lr = r[14];
    s->xpsr = m4_reg_read(e, UC_ARM_REG_XPSR);
    s->control = m4run_read_special(e->uc, CONTROL);
}

void m4_engine_leave_mode(m4_engine *e, uint32_t sp, uint32_t control, bool from_thread, uint32_t number) {
    e->core_registers[13] = sp;
    if (!from_thread || control == 0) return;
    if (control & 1) {
        m4run_set_exception(e->uc, number);
        m4run_write_special(e->uc, CONTROL, 0);
        m4run_set_exception(e->uc, 0);
    }
    m4run_write_special(e->uc, CONTROL, 0);
}

void m4_engine_start_handler(m4_engine *e, uint32_t number, uint32_t lr, uint32_t control, uint32_t flags) {
    m4run_set_exception(e->uc, number);
    m4run_write_special(e->uc, CONTROL, control);
    if ((flags & EXECUTION_STATE) != THUMB) m4_reg_write(e, UC_ARM_REG_EPSR, THUMB);
    m4run_state_changed(e->uc);
    e->core_registers[14] = lr;
}

void m4_engine_read_return(m4_engine *e, m4_return_state *s) {
    s->xpsr = m4_reg_read(e, UC_ARM_REG_XPSR);
    s->control = m4run_read_special(e->uc, CONTROL);
    s->faultmask = m4run_read_special(e->uc, FAULTMASK);
    s->msp = m4run_read_special(e->uc, MSP);
    s->psp = m4run_read_special(e->uc, PSP);
}

void m4_engine_resume(m4_engine *e, const uint32_t frame[8], uint32_t sp, uint32_t control, bool unprivileged, bool to_thread) {
    for (int i = 0; i < 4; i++) e->core_registers[i] = frame[i];
    e->core_registers[12] = frame[4];
    e->core_registers[14] = frame[5];
    if (unprivileged) m4run_write_special(e->uc, CONTROL, 0);
    m4run_set_exception(e->uc, 0);
    m4run_write_special(e->uc, CONTROL, control);
    e->core_registers[13] = sp;
    if (!to_thread) m4run_set_exception(e->uc, frame[7] & 0x1FF);
    if (unprivileged) m4run_write_special(e->uc, CONTROL, control | 1);
    m4_reg_write(e, UC_ARM_REG_XPSR_NZCVQG, frame[7] & ~(1u << 9));
    m4run_state_changed(e->uc);
}

void m4_engine_clear_exclusive(m4_engine *e) { *m4run_exclusive_address(e->uc) = UINT64_MAX; }

void m4_adapter_read_exclusive(m4_engine *e, uint64_t *address, uint64_t *value) {
    *address = *m4run_exclusive_address(e->uc);
    *value = *m4run_exclusive_value(e->uc);
}

void m4_adapter_write_exclusive(m4_engine *e, uint64_t address, uint64_t value) {
    *m4run_exclusive_address(e->uc) = address;
    *m4run_exclusive_value(e->uc) = value;
}

void m4_engine_set_fp_context(m4_engine *e, bool automatic, uint32_t status) {
    if (automatic == !e->fp_manual && status == e->fp_default_status) return;
    m4run_set_fp_context(e->uc, automatic, status);
    e->fp_manual = !automatic;
    e->fp_default_status = status;
}

// The engine is built with the header.
size_t m4_engine_locate_exclusive(m4_engine *e, uint32_t address) { return (void)e, (void)address, 0; }
size_t m4_engine_locate_fp_context(const m4_engine *e) { return (void)e, 0; }

#endif
