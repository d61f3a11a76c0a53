// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* Jumps by the table of m4run-jump.h. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "tcg/tcg-op.h"
#include "uc_priv.h"
#include "exec/m4run-jump.h"

static m4run_jump *jumps(CPUState *cpu) { return cpu_neg(cpu)->m4run_jumps; }

static uint64_t key_of(uint32_t address, uint32_t flags) { return (uint64_t)flags << 32 | address | 1; }

void m4run_forget_jumps(CPUState *cpu);
void m4run_forget_jumps(CPUState *cpu)
{
    struct m4run_state *m = &cpu->uc->m4run;
    if (m->has_jumps) {
        m->has_jumps = false;
        memset(jumps(cpu), 0, sizeof(m4run_jump) * M4RUN_JUMPS);
    }
}

void m4run_forget_jumps_of_page(CPUState *cpu, uint32_t address);
void m4run_forget_jumps_of_page(CPUState *cpu, uint32_t address)
{
    if (cpu->uc->m4run.has_jumps) {
        uint32_t first = M4RUN_JUMP_INDEX(address) & ~(M4RUN_JUMPS_PER_PAGE - 1);
        memset(jumps(cpu) + first, 0, sizeof(m4run_jump) * M4RUN_JUMPS_PER_PAGE);
    }
}

void m4run_forget_jump(CPUState *cpu, const TranslationBlock *tb);
void m4run_forget_jump(CPUState *cpu, const TranslationBlock *tb)
{
    m4run_jump *jump = jumps(cpu) + M4RUN_JUMP_INDEX(tb->pc);
    if (jump->code == tb->tc.ptr) {
        jump->key = 0;
    }
}

void m4run_remember_jump(CPUState *cpu, const TranslationBlock *tb);
void m4run_remember_jump(CPUState *cpu, const TranslationBlock *tb)
{
    struct m4run_state *m = &cpu->uc->m4run;
    if (FIELD_EX32(tb->flags, TBFLAG_AM32, THUMB)) {
        m->has_jumps = true;
        jumps(cpu)[M4RUN_JUMP_INDEX(tb->pc)] = (m4run_jump){key_of(tb->pc, tb->flags), tb->tc.ptr};
    }
}

/*
 * The flags that the next block has, as far as translation knows: those of this one, but for the IT state that it leaves, and for the context
 * of the FPU, which its first instruction of the FPU begins. False when that depends on a condition.
 */
static bool next_flags(const struct m4run_state *m, uint32_t *flags)
{
    *flags = m->flags;
    FIELD_DP32(*flags, TBFLAG_AM32, CONDEXEC, m->it_state, *flags);
    if (FIELD_EX32(*flags, TBFLAG_M32, NEW_FP_CTXT_NEEDED) && m->fpu_use != 0) {
        FIELD_DP32(*flags, TBFLAG_M32, NEW_FP_CTXT_NEEDED, 0, *flags);
        return m->fpu_use & M4RUN_FPU_ALWAYS;
    }
    return true;
}

void m4run_gen_jump(TCGContext *s);
void m4run_gen_jump(TCGContext *s)
{
    const struct m4run_state *m = &s->uc->m4run;
    uint32_t flags;
    if (m->is_step) {
        tcg_gen_exit_tb(s, NULL, 0);
        return;
    }
    if (m->accounting.board == NULL || !next_flags(m, &flags)) {
        tcg_gen_lookup_and_goto_ptr(s);
        return;
    }
    const intptr_t table = (intptr_t)offsetof(ArchCPU, neg.m4run_jumps) - (intptr_t)offsetof(ArchCPU, env);
    TCGLabel *miss = gen_new_label(s);
    TCGv_i32 thumb = tcg_temp_new_i32(s), index = tcg_temp_new_i32(s);
    TCGv_i64 key = tcg_temp_new_i64(s), seen = tcg_temp_new_i64(s);
    TCGv_ptr place = tcg_temp_new_ptr(s);
    /* It is needed behind a branch. */
    TCGv_ptr code = tcg_temp_local_new_ptr(s);

    tcg_gen_shli_i32(s, index, s->cpu_R[15], 3);
    tcg_gen_andi_i32(s, index, index, (M4RUN_JUMPS - 1) * sizeof(m4run_jump));
    tcg_gen_ext_i32_ptr(s, place, index);
    tcg_gen_add_ptr(s, place, place, s->cpu_env);
    tcg_gen_ld_i64(s, seen, place, table + offsetof(m4run_jump, key));
    tcg_gen_ld_ptr(s, code, place, table + offsetof(m4run_jump, code));
    tcg_gen_ld_i32(s, thumb, s->cpu_env, offsetof(CPUARMState, thumb));
    tcg_gen_or_i32(s, thumb, thumb, s->cpu_R[15]);
    tcg_gen_extu_i32_i64(s, key, thumb);
    tcg_gen_ori_i64(s, key, key, (int64_t)((uint64_t)flags << 32));
    tcg_gen_brcond_i64(s, TCG_COND_NE, key, seen, miss);
    tcg_gen_op1i(s, INDEX_op_goto_ptr, tcgv_ptr_arg(s, code));
    gen_set_label(s, miss);
    tcg_gen_lookup_and_goto_ptr(s);

    tcg_temp_free_ptr(s, code);
    tcg_temp_free_ptr(s, place);
    tcg_temp_free_i64(s, seen);
    tcg_temp_free_i64(s, key);
    tcg_temp_free_i32(s, index);
    tcg_temp_free_i32(s, thumb);
}
