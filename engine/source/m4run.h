// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

// What this build of the engine offers beyond Unicorn's interface, for a Cortex-M alone.
//
// Everything here is for the thread that runs the engine, and takes an engine opened with UC_ARCH_ARM.
#ifndef UNICORN_M4RUN_H
#define UNICORN_M4RUN_H

#include <stdbool.h>
#include <stdint.h>
#include "unicorn.h"

#ifdef __cplusplus
extern "C" {
#endif

/// R0 to R15, where the engine keeps them, for as long as the engine is open. PC has bit 0 clear.
uint32_t *m4run_registers(uc_engine *uc);
/// The exclusive monitor's address, all ones while it is open.
uint64_t *m4run_exclusive_address(uc_engine *uc);
/// What the last exclusive load read, by which an exclusive store sees that others have stored there.
uint64_t *m4run_exclusive_value(uc_engine *uc);

/// A special register by its SYSm, as MRS reads it and MSR writes it in the mode that the core is in. Source: ARMv7-M ARM, B5.2.
uint32_t m4run_read_special(uc_engine *uc, uint32_t number);
void m4run_write_special(uc_engine *uc, uint32_t number, uint32_t value);
/// Makes an exception's number that of IPSR, and banks the stack pointer accordingly. `m4run_state_changed` must follow.
void m4run_set_exception(uc_engine *uc, uint32_t number);
/// Mode, privilege or FPU access have changed otherwise than by an instruction.
void m4run_state_changed(uc_engine *uc);

/// FPCCR.ASPEN and FPDSCR. Source: ARMv7-M ARM, B1.5.7.
void m4run_set_fp_context(uc_engine *uc, bool automatic, uint32_t default_status);

/// What traps, beside accesses to several words that are not aligned. Exceptions as UC_HOOK_INTR gets them.
typedef enum m4run_trap {
    M4RUN_TRAP_DIVIDE = 1,      ///< A division by zero: M4RUN_EXCEPTION_DIVIDE.
    M4RUN_TRAP_UNALIGNED = 2,   ///< Any unaligned access: 4, as other unaligned accesses.
} m4run_trap;
enum { M4RUN_EXCEPTION_DIVIDE = 40 };
/// Not while the engine runs. Translations that have been made stay as they are: when it changes, `uc_ctl_flush_tb` must follow.
void m4run_set_traps(uc_engine *uc, uint32_t traps);
/// Whether instructions of the FPU are executed; else they are exception 17. Not while the engine runs.
void m4run_set_fpu_access(uc_engine *uc, bool unprivileged, bool privileged);

/// Forgets how the page at `address` was filled, for UC_TLB_VIRTUAL: UC_HOOK_TLB_FILL is asked again.
void m4run_flush_page(uc_engine *uc, uint32_t address);

/// What this thread's calls into an engine come to when there is no memory for them: `leave(context)`, which must not return, and may not go on
/// with that engine, nor close it. Null, as at first: a message, and abort().
void m4run_set_no_memory(void (*leave)(void *context), void *context);

/// From a hook: leaves the translated code, and has UC_HOOK_INTR called with `exception`. The core's state is what the hook made it.
void m4run_leave(uc_engine *uc, uint32_t exception) __attribute__((noreturn));

/// Where a board keeps count of what runs. Each translated block writes there itself when it begins, and asks the board only when
/// `cycles` has reached `limit`. Offsets are in bytes from `board`.
typedef struct m4run_accounting {
    void *board;                ///< Null: nothing is kept, and UC_HOOK_BLOCK is the way to know.
    size_t cycles;              ///< uint64_t: the block's instructions are added.
    size_t limit;               ///< uint64_t, which another thread may set to 0.
    size_t nothing;             ///< uint64_t, always 0: the limit of blocks that the board has to look at each time.
    size_t count;               ///< uint32_t: blocks begun, modulo 2^32.
    size_t ring;                ///< uint64_t[ring_size]: each block's entry, at `count` modulo ring_size.
    uint32_t ring_size;         ///< A power of two.
    /// A block's entry, whose low 16 bits are the instructions to add; 0 for one that the board has to look at. Asked when it is translated.
    uint64_t (*describe)(void *board, uint32_t address, uint32_t size);
    /// Whether the block runs. What it has written at its beginning is there already: the newest entry, and its instructions. PC is exact,
    /// the block has not run. After false the run ends.
    bool (*look)(void *board, uint32_t address, uint32_t size);
    /// Whether a block that is being translated ends before the instruction at `address`. Null: where it would.
    bool (*ends)(void *board, uint32_t address);
} m4run_accounting;

/// The next run executes one instruction, and ends; in an IT block, too. `look` is asked before it whatever the limit, which has to be reached.
/// Not while the engine runs.
void m4run_step(uc_engine *uc);
/// Whether the run that has ended came to a WFI.
bool m4run_is_asleep(uc_engine *uc);

/// To be called before the first run. A request to stop is then seen where the board is asked, and behind hooks of instructions.
void m4run_set_accounting(uc_engine *uc, const m4run_accounting *accounting);

#ifdef __cplusplus
}
#endif
#endif
