// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* The engine's side of unicorn/m4run.h. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "exec/helper-proto.h"
#include "internals.h"
#include "uc_priv.h"
#include "unicorn/m4run.h"

static CPUARMState *state(uc_engine *uc) { return uc->cpu->env_ptr; }

uint32_t *m4run_registers(uc_engine *uc) { return state(uc)->regs; }

uint64_t *m4run_exclusive_address(uc_engine *uc) { return &state(uc)->exclusive_addr; }

uint64_t *m4run_exclusive_value(uc_engine *uc) { return &state(uc)->exclusive_val; }

uint32_t m4run_read_special(uc_engine *uc, uint32_t number) { return helper_v7m_mrs(state(uc), number); }

void m4run_write_special(uc_engine *uc, uint32_t number, uint32_t value) { helper_v7m_msr(state(uc), number, value); }

void m4run_set_exception(uc_engine *uc, uint32_t number) { write_v7m_exception(state(uc), number); }

void m4run_state_changed(uc_engine *uc) { arm_rebuild_hflags(state(uc)); }

void m4run_set_fp_context(uc_engine *uc, bool automatic, uint32_t default_status) {
    CPUARMState *env = state(uc);
    uint32_t fpccr = env->v7m.fpccr[M_REG_NS] & ~R_V7M_FPCCR_ASPEN_MASK;
    env->v7m.fpccr[M_REG_NS] = automatic ? fpccr | R_V7M_FPCCR_ASPEN_MASK : fpccr;
    env->v7m.fpdscr[M_REG_NS] = default_status;
}

void m4run_flush_page(uc_engine *uc, uint32_t address) { tlb_flush_page(uc->cpu, address); }

static _Thread_local struct {
    void (*leave)(void *context);
    void *context;
} no_memory;

void m4run_set_no_memory(void (*leave)(void *context), void *context) {
    no_memory.leave = leave;
    no_memory.context = context;
}

void m4run_out_of_memory(void) {
    if (no_memory.leave != NULL) no_memory.leave(no_memory.context);
    static const char message[] = "the engine has no memory\n";
    ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
    (void)written;
    abort();
}

void m4run_leave(uc_engine *uc, uint32_t exception) {
    helper_exception_internal(state(uc), exception);
    __builtin_unreachable();
}

void m4run_set_traps(uc_engine *uc, uint32_t traps) { uc->m4run.traps = traps; }

void m4run_set_fpu_access(uc_engine *uc, bool unprivileged, bool privileged) {
    uc->m4run.fpu_denied_to[0] = !unprivileged;
    uc->m4run.fpu_denied_to[1] = !privileged;
    arm_rebuild_hflags(state(uc));
}

int m4run_denies_fpu(CPUARMState *env, int cur_el);
int m4run_denies_fpu(CPUARMState *env, int cur_el) { return env->uc->m4run.fpu_denied_to[cur_el != 0]; }

void HELPER(m4run_divisor)(CPUARMState *env, uint32_t divisor) {
    if (divisor == 0) raise_exception_ra(env, M4RUN_EXCEPTION_DIVIDE, syn_uncategorized(), exception_target_el(env), GETPC());
}

void HELPER(m4run_aligned)(CPUARMState *env, uint32_t low) {
    if (low != 0) raise_exception_ra(env, EXCP_DATA_ABORT, syn_uncategorized(), exception_target_el(env), GETPC());
}

void HELPER(m4run_no_coprocessor)(CPUARMState *env) {
    raise_exception_ra(env, EXCP_NOCP, syn_uncategorized(), exception_target_el(env), GETPC());
}

void m4run_fill_ends(CPUState *cs);
void m4run_fill_ends(CPUState *cs) { ((CPUARMState *)cs->env_ptr)->condexec_bits = 0; }
