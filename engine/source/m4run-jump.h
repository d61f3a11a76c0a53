// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* Where jumps lead that are not known when they are translated: a table that translated code looks in. */
#ifndef M4RUN_JUMP_H
#define M4RUN_JUMP_H

/*
 * Direct mapped by the address's bits 1 to 11, so that a page of 1 KiB is a run of entries. Its own, since QEMU's holds blocks that were made
 * for one execution, too, which have to be told apart by a look at the block.
 */
enum { M4RUN_JUMPS = 2048, M4RUN_JUMPS_PER_PAGE = 512 };

typedef struct m4run_jump {
    uint64_t key;       /* the block's flags << 32 | its address | 1; 0 for none */
    const void *code;
} m4run_jump;

#define M4RUN_JUMP_INDEX(address) ((uint32_t)(address) >> 1 & (M4RUN_JUMPS - 1))

#endif
