// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* What an engine keeps for unicorn/m4run.h, in its uc_struct. */
#ifndef M4RUN_STATE_H
#define M4RUN_STATE_H

#include "unicorn/m4run.h"

/* Asks who called the engine to leave it: m4run_set_no_memory. */
void m4run_out_of_memory(void) __attribute__((noreturn));

struct TCGOp;
struct TCGLabel;

/* What a block has done that begins a context of the FPU. */
enum m4run_fpu_use { M4RUN_FPU_ALWAYS = 1, M4RUN_FPU_PERHAPS = 2 };

struct m4run_state {
    bool out_of_memory;             /* There is no buffer for translated code: the engine cannot be opened. */

    uint32_t traps;                 /* m4run_trap bits */
    bool fpu_denied_to[2];          /* to unprivileged code, and to privileged */

    m4run_accounting accounting;
    /* Of the block that is being translated: operations to complete at its end, and its labels. */
    struct TCGOp *limit_op, *cycles_op, *entry_op;
    struct TCGLabel *look, *body;
    /* Of the same: what the next block's flags depend on. */
    uint32_t flags, it_state, fpu_use;  /* its own flags, the IT state that it leaves, m4run_fpu_use bits */

    bool is_step;                   /* Of the same: it is one instruction, for m4run_step. */

    bool has_jumps;                 /* There is something in the table of m4run-jump.h. */
};

#endif
