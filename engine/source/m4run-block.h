// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* The accounting of unicorn/m4run.h in translated code. */
#ifndef M4RUN_BLOCK_H
#define M4RUN_BLOCK_H

/* At the beginning of a block's translation; false when nothing is to be kept. */
bool m4run_gen_block_start(TCGContext *s, TranslationBlock *tb);
/* Whether it ends before the instruction at `address`, of which it has not been the first. */
bool m4run_block_ends(struct uc_struct *uc, uint32_t address);
/* At its end, when its size is known. */
void m4run_gen_block_end(TCGContext *s, TranslationBlock *tb);

#endif
