// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* The accounting of unicorn/m4run.h in translated code. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/exec-all.h"
#include "tcg/tcg-op.h"
#include "uc_priv.h"
#include "accel/tcg/m4run-block.h"

/* Stands for a constant that is put in place at the block's end; the optimizer, which runs later, must not take it for 0. */
enum { TO_BE_PATCHED = 0x5EED };

/* Blocks of so many instructions, which translation counts in a block's flags, are steps. */
enum { STEP = 1 };

static bool m4run_is_step(const TranslationBlock *tb) { return (tb_cflags(tb) & CF_COUNT_MASK) == STEP; }

void m4run_set_accounting(uc_engine *uc, const m4run_accounting *accounting)
{
    uc->m4run.accounting = *accounting;
}

/*
 * All is written before the comparison, for temporaries do not live beyond a branch. The board takes back what it does not want; the entry
 * that the new one has overwritten is the ring's oldest.
 */
bool m4run_gen_block_start(TCGContext *s, TranslationBlock *tb)
{
    struct m4run_state *m = &s->uc->m4run;
    const m4run_accounting *a = &m->accounting;
    if (a->board == NULL) {
        return false;
    }
    TCGv_ptr board = tcg_const_ptr(s, a->board), place = tcg_temp_new_ptr(s);
    TCGv_i64 cycles = tcg_temp_new_i64(s), limit = tcg_temp_new_i64(s), sum = tcg_temp_new_i64(s), value = tcg_temp_new_i64(s);
    TCGv_i32 count = tcg_temp_new_i32(s), index = tcg_temp_new_i32(s);
    m->flags = tb->flags;
    m->it_state = m->fpu_use = 0;
    m->is_step = m4run_is_step(tb);
    m->look = gen_new_label(s);
    m->body = gen_new_label(s);

    tcg_gen_ld_i64(s, cycles, board, a->cycles);
    tcg_gen_ld_i64(s, limit, board, a->limit);
    m->limit_op = tcg_last_op(s);
    tcg_gen_movi_i64(s, value, TO_BE_PATCHED);
    m->cycles_op = tcg_last_op(s);
    tcg_gen_add_i64(s, sum, cycles, value);
    tcg_gen_st_i64(s, sum, board, a->cycles);

    tcg_gen_ld_i32(s, count, board, a->count);
    tcg_gen_andi_i32(s, index, count, a->ring_size - 1);
    tcg_gen_shli_i32(s, index, index, 3);
    tcg_gen_ext_i32_ptr(s, place, index);
    tcg_gen_add_ptr(s, place, place, board);
    tcg_gen_movi_i64(s, value, TO_BE_PATCHED);
    m->entry_op = tcg_last_op(s);
    tcg_gen_st_i64(s, value, place, a->ring);
    tcg_gen_addi_i32(s, count, count, 1);
    tcg_gen_st_i32(s, count, board, a->count);

    tcg_gen_brcond_i64(s, TCG_COND_GEU, cycles, limit, m->look);
    gen_set_label(s, m->body);

    tcg_temp_free_i32(s, index);
    tcg_temp_free_i32(s, count);
    tcg_temp_free_i64(s, value);
    tcg_temp_free_i64(s, sum);
    tcg_temp_free_i64(s, limit);
    tcg_temp_free_i64(s, cycles);
    tcg_temp_free_ptr(s, place);
    tcg_temp_free_ptr(s, board);
    return true;
}

bool m4run_block_ends(struct uc_struct *uc, uint32_t address)
{
    const m4run_accounting *a = &uc->m4run.accounting;
    return a->board != NULL && a->ends != NULL && a->ends(a->board, address);
}

void m4run_gen_block_end(TCGContext *s, TranslationBlock *tb)
{
    struct m4run_state *m = &s->uc->m4run;
    const m4run_accounting *a = &m->accounting;
    if (a->board == NULL) {
        return;
    }
    uint64_t entry = a->describe(a->board, tb->pc, tb->size);
    if (entry == 0) {
        tcg_set_insn_param(m->limit_op, 2, a->nothing);
    }
    tcg_set_insn_param(m->cycles_op, 1, entry & 0xFFFF);
    tcg_set_insn_param(m->entry_op, 1, entry);

    gen_set_label(s, m->look);
    TCGv_ptr block = tcg_const_ptr(s, tb);
    gen_helper_m4run_look(s, s->cpu_env, block);
    tcg_temp_free_ptr(s, block);
    tcg_gen_br(s, m->body);
}

void HELPER(m4run_look)(CPUARMState *env, void *block)
{
    const TranslationBlock *tb = block;
    const m4run_accounting *a = &env->uc->m4run.accounting;
    env->regs[15] = tb->pc;
    if (!a->look(a->board, tb->pc, tb->size)) {
        uc_emu_stop(env->uc);
        cpu_loop_exit(env_cpu(env));
    }
    if (m4run_is_step(tb)) {
        /* Seen when the block is done, which jumps to no other. */
        env->uc->stop_request = true;
        env_cpu(env)->exit_request = 1;
    }
}

void m4run_step(uc_engine *uc) { uc->cpu->cflags_next_tb = STEP | curr_cflags(); }

bool m4run_is_asleep(uc_engine *uc) { return uc->cpu->halted != 0; }
