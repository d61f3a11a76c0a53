// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* What traps though other cores would execute it. For the translator. */
#ifndef M4RUN_TRAPS_H
#define M4RUN_TRAPS_H

/* A word of an access to several, which must be aligned whatever CCR says. Source: ARMv7-M ARM, A3.2.1. */
static inline MemOp m4run_word(DisasContext *s)
{
    return MO_UL | s->be_data | (arm_dc_feature(s, ARM_FEATURE_M) ? MO_ALIGN : 0);
}

/* The same for two words in one. */
static inline MemOp m4run_double_word(DisasContext *s)
{
    return MO_Q | s->be_data | (arm_dc_feature(s, ARM_FEATURE_M) ? MO_ALIGN_4 : 0);
}

/* Any other access. */
static inline MemOp m4run_single(DisasContext *s)
{
    return s->uc->m4run.traps & M4RUN_TRAP_UNALIGNED ? MO_ALIGN : 0;
}

/* Before a division by `divisor`. */
static inline void m4run_gen_divisor(DisasContext *s, TCGv_i32 divisor)
{
    TCGContext *tcg_ctx = s->uc->tcg_ctx;
    if (s->uc->m4run.traps & M4RUN_TRAP_DIVIDE) {
        gen_helper_m4run_divisor(tcg_ctx, tcg_ctx->cpu_env, divisor);
    }
}

/* Before an access that may not take place, and must be aligned to its size of 1 << `size` bytes all the same. */
static inline void m4run_gen_aligned(DisasContext *s, TCGv_i32 address, int size)
{
    TCGContext *tcg_ctx = s->uc->tcg_ctx;
    if (arm_dc_feature(s, ARM_FEATURE_M) && size > 0) {
        TCGv_i32 low = tcg_temp_new_i32(tcg_ctx);
        tcg_gen_andi_i32(tcg_ctx, low, address, (1 << size) - 1);
        gen_helper_m4run_aligned(tcg_ctx, tcg_ctx->cpu_env, low);
        tcg_temp_free_i32(tcg_ctx, low);
    }
}

/* The instruction does not happen. The block goes on as it would, so that blocks end where they end with it. */
static inline void m4run_gen_no_coprocessor(DisasContext *s)
{
    TCGContext *tcg_ctx = s->uc->tcg_ctx;
    gen_helper_m4run_no_coprocessor(tcg_ctx, tcg_ctx->cpu_env);
}

#endif
