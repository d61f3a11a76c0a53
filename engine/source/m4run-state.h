/* What an engine keeps for unicorn/m4run.h, in its uc_struct. Licence: GPL-2.0. */
#ifndef M4RUN_STATE_H
#define M4RUN_STATE_H

#include "unicorn/m4run.h"

struct TCGOp;
struct TCGLabel;

struct m4run_state {
    bool out_of_memory;             /* There is no buffer for translated code: the engine cannot be opened. */

    uint32_t traps;                 /* m4run_trap bits */
    bool fpu_denied_to[2];          /* to unprivileged code, and to privileged */

    m4run_accounting accounting;
    /* Of the block that is being translated: operations to complete at its end, and its labels. */
    struct TCGOp *limit_op, *cycles_op, *entry_op;
    struct TCGLabel *look, *body;
};

#endif
