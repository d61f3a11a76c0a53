// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// What engine.c and hooks.c share.
#ifndef M4_HOOKS_H
#define M4_HOOKS_H
#include "CThumb.h"
#include "CUnicorn.h"

// Counts by block: a direct-mapped table of `address << 32 | size << 16 | instructions`. 128 KiB an engine.
enum { M4_COUNTS = 1 << 14 };
static inline uint32_t m4_count_index(uint32_t address) { return (address >> 1) & (M4_COUNTS - 1); }

/// The instruction at an address, decoded; false outside of memory.
bool m4_read_instruction(const m4_engine *e, uint32_t address, thumb_instruction *i);
/// Whether a block has an instruction that may have to stop there, and has no hook to do so.
bool m4_needs_trap_hooks(m4_engine *e, uint32_t address, uint32_t size);
/// Places trap hooks on the instructions of the block at PC that may trap; false when one could not be hooked. Not while the engine runs.
bool m4_place_trap_hooks(m4_engine *e, uint32_t address, uint32_t size);
/// Whether loads and stores in the page at `page` are to come to the board.
bool m4_is_watched(const m4_engine *e, uint32_t page);
/// Whether loads and stores in the page at a physical address are recorded.
bool m4_is_recorded(const m4_engine *e, uint32_t physical);
/// The instruction at PC, which is exact, accesses `size` bytes.
void m4_record_access(m4_engine *e, uint32_t address, uint32_t size, bool write);
/// Somebody else than an instruction has stored `count` bytes.
void m4_record_other_write(m4_engine *e, uint32_t address, uint32_t count);
void m4_recorder_close(m4_engine *e);
// Another thread may set it to 0; see m4_engine_interrupt.
static inline uint64_t m4_limit(const m4_engine *e) { return __atomic_load_n(&e->limit, __ATOMIC_RELAXED); }
static inline void m4_set_limit(m4_engine *e, uint64_t limit) { __atomic_store_n(&e->limit, limit, __ATOMIC_RELAXED); }
/// Drops translations of what has changed.
void m4_forget_written(m4_engine *e, uint32_t address, uint32_t count);
/// Cycles that a taken branch costs to fill the pipeline. Source: Cortex-M4 TRM r0p1, 3.3.1: P, 1 to 3.
enum { M4_REFILL = 2 };
/// What traps by a hook of its instruction: the FPU's with the system's library, which has no other way.
static inline uint32_t m4_hooked_traps(const m4_engine *e) { return M4_OWN_ENGINE ? 0 : e->traps & M4_TRAP_FPU; }
/// Whether any instruction may have to stop by a hook.
static inline bool m4_wants_trap_hooks(const m4_engine *e) { return !M4_OWN_ENGINE && (m4_hooked_traps(e) || e->break_count || e->step_address != M4_NOWHERE); }
/// Whether blocks have to be looked at of which translated code knows nothing.
static inline bool m4_looks_always(const m4_engine *e) { return M4_OWN_ENGINE && (e->mixed_code || e->has_range); }

/// Whether a block that is being translated is to end before an instruction, since a run may have to stop there. Not with the system's library.
bool m4_ends_block(const m4_engine *e, uint32_t address);

/// Records why the run ends. The first reason stays.
static inline void m4_record(m4_engine *e, m4_stop stop) {
    if (!e->stopped) e->stop = stop;
    e->stopped = true;
}
/// Gives up the instruction at hand where the engine cannot leave its block: the core is put back to it when the run has ended.
/// To be called with its address and IT state in the core, and all registers as before it.
void m4_abandon(m4_engine *e, m4_stop stop);

static inline uint64_t m4_page_bit(uint32_t address) { return (uint64_t)1 << (address >> M4_PAGE_SHIFT & 63); }
/// Whether the MPU forbids to execute `size` bytes at `address`, in a page of which it allows to execute some.
bool m4_refuses_code(m4_engine *e, uint32_t address, uint32_t size);
/// Drops translations of the code at an address, whether it may be executed or not.
void m4_drop_translations(m4_engine *e, uint64_t address, uint32_t size);

/// Whether an instruction is an MRS of BASEPRI.
bool m4_reads_basepri(const thumb_instruction *i);
/// Clears what BASEPRI has beyond its implemented bits, and answers with those.
uint32_t m4_trim_basepri(m4_engine *e);
/// A block that ends with CPS or MSR is about to run: notes what `m4_settle_change` is to put right behind it.
void m4_expect_change(m4_engine *e, uint32_t address, uint32_t size);
void m4_settle_change(m4_engine *e);

/// At a block's start, when `limit` has been reached: looks for an idle loop, and counts its rounds up to the deadline.
void m4_look_for_idle_loop(m4_engine *e, uint32_t address);
/// The run begins, or goes on elsewhere.
void m4_restart_idle_loop(m4_engine *e);
/// `limit` while nothing is to be seen to at the next block.
static inline uint64_t m4_usual_limit(const m4_engine *e) {
    if (e->idle_loop.phase || m4_looks_always(e)) return 0;
    return e->deadline < e->idle_loop.look_at ? e->deadline : e->idle_loop.look_at;
}

/// The engine's numbers: a branch to an EXC_RETURN value; a division by zero that traps.
enum { M4_EXCEPTION_EXIT = 8, M4_EXCEPTION_DIVIDE = 40 };

static inline uint64_t m4_block_key(uint32_t address, uint32_t size) { return (uint64_t)address << 32 | (uint64_t)(size & 0xFFFF) << 16; }
/// Its key, its instructions, and what it does that the engine does not tell. Its count is to be taken anew.
uint64_t m4_describe_block(m4_engine *e, uint32_t address, uint32_t size);
/// Whether a block has to be looked at each time, by its description.
bool m4_is_special_block(uint64_t entry);
/// At the start of a block that has to be looked at, before it is counted. False when it is not to run: the reason is recorded.
bool m4_begin_block(m4_engine *e, uint32_t address, uint32_t size);
/// The same with the coarse cycle model.
bool m4_begin_block_coarse(m4_engine *e, uint32_t address, uint32_t size);
static inline void m4_account(m4_engine *e, uint64_t entry) {
    e->cycles += entry & 0xFFFF;
    e->history[e->history_count++ % M4_RING] = entry;
}

uc_err m4_hook(m4_engine *e, int type, void *callback, uint64_t begin, uint64_t end);
uc_err m4_install_fill(m4_engine *e);
uc_err m4_install_hooks(m4_engine *e);
uint64_t m4_hook_read(uc_engine *uc, uint64_t offset, unsigned size, void *user);
void m4_hook_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user);
/// Instructions in `size` bytes of code at `address`.
uint32_t m4_count_instructions(const m4_engine *e, uint32_t address, uint32_t size);
/// Cycles that `size` bytes of code at `address` take beyond one an instruction, by the coarse model; see cycles.c.
uint32_t m4_extra_cycles(const m4_engine *e, uint32_t address, uint32_t size);
/// Drops translations of code in memory at `physical` and at its aliases.
void m4_forget_code(m4_engine *e, uint32_t physical, uint32_t size);
#endif
