// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// What differs between the two engines: own_engine.c has it for the engine of scripts/build-engine, system_engine.c for the system's
// library. All other files are the same for both, but for pages.c, what of which the system's library cannot do.
#ifndef M4_ADAPTER_H
#define M4_ADAPTER_H
#include "hooks.h"

/// After uc_open and the model: what the engine is to be like.
uc_err m4_adapter_configure(m4_engine *e);
/// Memory at a device address, an alias perhaps.
uc_err m4_adapter_map(m4_engine *e, const m4_region *r);
/// The last part of opening: hooks of blocks and refused accesses, and what is looked up once.
uc_err m4_adapter_arm(m4_engine *e);
/// The run that is about to begin executes one instruction: `is_step`.
void m4_adapter_begin_step(m4_engine *e);
/// uc_emu_start has come back with `error`: puts right what it leaves of the core, and the stop where no hook recorded one.
void m4_adapter_run_ended(m4_engine *e, uc_err error);
/// At a block's start, which has not run: an exception could be taken. May not come back, when the run goes on with the exception's handler.
void m4_adapter_report_boundary(m4_engine *e, uint32_t address);

/// Calls `call(e, argument)`, which uses the engine and leaves nothing undone when it is left in its midst: UC_ERR_NOMEM when the engine finds
/// no memory, and from then on. Not from within another such call.
uc_err m4_guarded(m4_engine *e, uc_err (*call)(m4_engine *e, void *argument), void *argument);

/// CONTROL, PRIMASK, BASEPRI or FAULTMASK as MRS reads it.
uint32_t m4_adapter_read_special(const m4_engine *e, int reg);
/// Forgets all translations, and all page permissions with them.
void m4_adapter_forget_all(m4_engine *e);
/// The core is as it was after opening, but for `e->traps`.
void m4_adapter_core_restored(m4_engine *e);
/// The exclusive monitor: the address of the last exclusive load, all ones while it is open, and what was read there.
void m4_adapter_read_exclusive(m4_engine *e, uint64_t *address, uint64_t *value);
void m4_adapter_write_exclusive(m4_engine *e, uint64_t address, uint64_t value);
/// `e->traps` or `e->fpu_for_privileged` has changed.
void m4_adapter_traps_changed(m4_engine *e);
#endif
