// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// The coarse cycle model: what an instruction takes beyond its first cycle, from its encoding alone.
//
// Source: Cortex-M4 TRM r0p1, tables 3-1 and 7-1, and 3.3.2 for neighbouring loads and stores. Memory has no wait states. Where
// the table gives a range this takes one number: a division 7 of 2 to 12, a pipeline refill 2 of 1 to 3. Refills after taken
// branches are not here: the block hook sees where the next block starts. FIDELITY.md has the table.
#include "hooks.h"

/// Of operations that always take the same.
static const uint8_t usual[THUMB_OPERATIONS] = {
    [THUMB_DIVIDE] = 6, [THUMB_MRS] = 1, [THUMB_MSR] = 1, [THUMB_ISB] = M4_REFILL,
    [THUMB_LDREX] = 1, [THUMB_STREX] = 1, [THUMB_TB] = 1, [THUMB_LDRD] = 2, [THUMB_STRD] = 2,
    [THUMB_VMLA] = 2, [THUMB_VFMA] = 2, [THUMB_VDIV] = 13, [THUMB_VSQRT] = 13, [THUMB_VMOV_PAIR] = 1,
};

// The single load or store before, whose data phase the next one's address phase overlaps.
struct pipeline {
    bool single;
    int loaded;  // the register it loads; THUMB_NONE for a store
};

static uint32_t single_access(struct pipeline *p, const thumb_instruction *i) {
    bool follows = p->single && p->loaded != i->n && (i->m == THUMB_NONE || p->loaded != i->m);
    *p = (struct pipeline){true, i->loads ? i->d : THUMB_NONE};
    // A store with an immediate offset goes to the write buffer.
    if (i->stores && i->m == THUMB_NONE) return 0;
    return follows ? 0 : 1;
}

static uint32_t extra_of(struct pipeline *p, const thumb_instruction *i) {
    if (i->operation == THUMB_LDR || i->operation == THUMB_STR) return single_access(p, i);
    p->single = false;
    switch (i->operation) {
    // 1 + N words; of VLDR and VSTR N is 1 or 2.
    case THUMB_LDM: case THUMB_STM: case THUMB_VLDM: case THUMB_VSTM: case THUMB_VLDR: case THUMB_VSTR: return i->count / 4;
    default: return usual[i->operation];
    }
}

uint32_t m4_extra_cycles(const m4_engine *e, uint32_t address, uint32_t size) {
    uint32_t extra = 0;
    struct pipeline pipeline = {false, THUMB_NONE};
    thumb_instruction i;
    for (uint32_t offset = 0; offset < size && m4_read_instruction(e, address + offset, &i); offset += i.size) extra += extra_of(&pipeline, &i);
    return extra;
}
