// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// What a snapshot keeps of the engine: the core's registers, what has been counted, the newest blocks. Translations, filled pages, trap hooks
// and limits follow from that, the memory and the system control space's registers: they are made anew.
#include "adapter.h"
#include <string.h>

// A value that is compared as bytes.
_Static_assert(sizeof(m4_engine_state) == (7 + M4_RING) * sizeof(uint64_t) + 60 * sizeof(uint32_t), "m4_engine_state has padding");

void m4_engine_save(m4_engine *e, m4_engine_state *s) {
    memset(s, 0, sizeof *s);
    s->cycles = e->cycles;
    s->extra = e->extra;
    s->newest_extra = e->newest_extra;
    s->history_count = e->history_count;
    memcpy(s->history, e->history, sizeof s->history);
    // A look at a loop that is under way is given up: the next run begins with another.
    s->look_at = e->idle_loop.phase ? 0 : e->idle_loop.look_at;
    s->distance = e->idle_loop.phase ? 0 : e->idle_loop.distance;
    s->skipped = e->idle_loop.skipped;
    s->event_sent = e->event_sent;
    s->pass_address = e->pass_address;
    s->pass_kinds = e->pass_kinds;
    s->exclusive_open = e->exclusive_open;
    m4_adapter_read_exclusive(e, &s->exclusive_address, &s->exclusive_value);

    for (int n = 0; n < 13; n++) s->r[n] = m4_core_register(e, n);
    s->lr = m4_core_register(e, 14);
    s->xpsr = m4_reg_read(e, UC_ARM_REG_XPSR);
    s->control = m4_reg_read(e, UC_ARM_REG_CONTROL);
    s->msp = m4_engine_privileged_read(e, UC_ARM_REG_MSP);
    s->psp = m4_engine_privileged_read(e, UC_ARM_REG_PSP);
    s->primask = m4_engine_privileged_read(e, UC_ARM_REG_PRIMASK);
    s->basepri = m4_engine_privileged_read(e, UC_ARM_REG_BASEPRI);
    s->faultmask = m4_engine_privileged_read(e, UC_ARM_REG_FAULTMASK);
    s->fpscr = m4_reg_read(e, UC_ARM_REG_FPSCR);
    m4_engine_read_s(e, s->s);
}

uc_err m4_engine_restore(m4_engine *e, const m4_engine_state *s) {
    uc_err error = m4_engine_reset_core(e);
    if (error != UC_ERR_OK) return error;
    e->cycles = s->cycles;
    e->extra = s->extra;
    e->newest_extra = s->newest_extra;
    e->history_count = s->history_count;
    memcpy(e->history, s->history, sizeof e->history);
    e->idle_loop.phase = 0;
    e->idle_loop.look_at = s->look_at;
    e->idle_loop.distance = s->distance;
    e->idle_loop.skipped = s->skipped;
    e->event_sent = s->event_sent != 0;
    e->pass_address = s->pass_address;
    e->pass_kinds = s->pass_kinds;
    e->sign_changed = false;

    // The core is in privileged thread mode, on the main stack. What needs privilege comes first, and CONTROL, which may end it, in one write;
    // then the mode, with xPSR.
    m4_reg_write(e, UC_ARM_REG_MSP, s->msp);
    m4_reg_write(e, UC_ARM_REG_PSP, s->psp);
    m4_reg_write(e, UC_ARM_REG_PRIMASK, s->primask);
    m4_reg_write(e, UC_ARM_REG_BASEPRI, s->basepri);
    m4_reg_write(e, UC_ARM_REG_FAULTMASK, s->faultmask);
    m4_engine_write_s(e, s->s, s->fpscr);
    m4_reg_write(e, UC_ARM_REG_CONTROL, s->control);
    m4_reg_write(e, UC_ARM_REG_XPSR_NZCVQG, s->xpsr);
    for (int n = 0; n < 13; n++) m4_set_core_register(e, n, s->r[n]);
    m4_set_core_register(e, 14, s->lr);
    // Lets the engine rebuild what it derived from the mode, as nothing else does in the system's library.
    m4_reg_write(e, UC_ARM_REG_APSR_NZCV, s->xpsr);
    m4_adapter_core_restored(e);
    e->exclusive_open = s->exclusive_open != 0;
    m4_adapter_write_exclusive(e, s->exclusive_address, s->exclusive_value);
    m4_engine_flush(e);
    m4_engine_flush_permissions(e);
    return UC_ERR_OK;
}
