// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// The engine as the board uses it: Unicorn's library, opened as a Cortex-M4, with its hot hooks in C.
//
// What runs once a block, once a TLB fill or once a register access is here; everything that decides what a Cortex-M4
// does next (exceptions, time, sleep) is Swift's, in M4Board.
#ifndef CUNICORN_H
#define CUNICORN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unicorn/unicorn.h>
#if __has_include(<unicorn/m4run.h>)
#include <unicorn/m4run.h>
/// The engine of scripts/build-engine, with the changes of engine/series; else the system's library.
#define M4_OWN_ENGINE 1
#else
#define M4_OWN_ENGINE 0
#endif

enum { M4_MAX_REGIONS = 12, M4_HISTORY = 64, M4_RING = 2 * M4_HISTORY, M4_PAGE_SHIFT = 10, M4_PAGE_SIZE = 1 << M4_PAGE_SHIFT };

/// Why `m4_engine_run` came back.
typedef enum m4_stop {
    M4_STOP_WFI = 0,      ///< After a WFI; PC behind it.
    M4_STOP_BOUNDARY,     ///< At a block's start: the deadline is reached, an exception can be taken, or a stop was asked for.
    M4_STOP_SVC,          ///< After an SVC; PC behind it.
    M4_STOP_BKPT,         ///< At a BKPT, which is not counted as retired.
    M4_STOP_EXC_RETURN,   ///< After a branch to an EXC_RETURN value in handler mode; PC is that value, bit 0 clear.
    M4_STOP_UNDEFINED,    ///< At an instruction that is undefined, or in the wrong state (xPSR.T clear).
    M4_STOP_WFE,          ///< After a WFE.
    M4_STOP_YIELD,        ///< After a YIELD.
    M4_STOP_NO_COPROCESSOR, ///< At an instruction of a coprocessor that a Cortex-M4 does not have.
    M4_STOP_DATA_FAULT,   ///< At a load or store that was refused; see `fault_*`.
    M4_STOP_FETCH_FAULT,  ///< At an instruction whose fetch was refused; see `fault_*`.
    M4_STOP_DIVIDE,       ///< At a division by zero that traps.
    M4_STOP_UNALIGNED,    ///< At a multiple, double or exclusive access that is not word-aligned.
    M4_STOP_FP_CONTEXT,   ///< Before a block that uses the FPU, while an exception's frame still waits for the FPU's registers.
    M4_STOP_BREAK,        ///< At an instruction of `breaks`, or, with the system's library, behind the one that was stepped; `break_kinds` says which.
    M4_STOP_STEPPED,      ///< Behind the one instruction of `is_step`, or at the first instruction outside of a range.
    M4_STOP_PREPARE,      ///< Inside of `m4_engine_run` only: hooks are to be set or dropped.
    M4_STOP_SPLIT,        ///< Inside of `m4_engine_run` only: the rest of the block is to run as one of its own.
    M4_STOP_SETTLED,      ///< `carry_on` has done what the stop asked for, and wants the run to end.
    M4_STOP_ENGINE,       ///< The engine gave up; `engine_error` has its uc_err.
} m4_stop;

/// Why a page was refused.
typedef enum m4_refusal { M4_REFUSED_UNMAPPED = 0, M4_REFUSED_PROTECTION, M4_REFUSED_EXECUTE, M4_REFUSED_WATCHED } m4_refusal;

/// `M4_PRIVILEGED`: to privileged code only.
typedef enum m4_permission { M4_READ = 1, M4_WRITE = 2, M4_EXECUTE = 4, M4_PRIVILEGED = 8 } m4_permission;

/// A run of device addresses. Memory that answers at two addresses is two regions with one `physical` and one `host`.
typedef struct m4_region {
    uint32_t start;
    uint32_t size;         ///< In bytes; a multiple of 4096.
    uint32_t physical;     ///< Where the engine has it.
    uint32_t permissions;  ///< `m4_permission` bits.
    uint8_t *host;         ///< The bytes; null for registers.
    uint8_t *fetched;      ///< One flag a page of 1 KiB: code has been fetched from it. Shared by aliases; null for registers.
} m4_region;

/// What traps though the engine would execute it: M4_TRAP_UNALIGNED_SINGLE is for accesses that must be aligned under
/// CCR.UNALIGN_TRP only, M4_TRAP_BREAK for trap hooks alone, an instruction of `breaks`.
typedef enum m4_trap { M4_TRAP_FPU = 1, M4_TRAP_DIVIDE = 2, M4_TRAP_UNALIGNED_SINGLE = 8, M4_TRAP_BREAK = 16 } m4_trap;
/// Instructions that are hooked at once at most, and the longest block in bytes: a page.
enum { M4_MAX_TRAP_HOOKS = 4096, M4_TRAP_HOOK_TABLE = 4 * M4_MAX_TRAP_HOOKS, M4_LONGEST_BLOCK = M4_PAGE_SIZE };

/// Whose breakpoint it is: the host's, the FPB's, a DWT comparator's; or where a single step ends.
typedef enum m4_break_kind { M4_BREAK_HOST = 1, M4_BREAK_PATCH = 2, M4_BREAK_MATCH = 4, M4_BREAK_STEP = 8 } m4_break_kind;
/// Instructions whose address is `address` but for the bits of `ignored`.
typedef struct m4_break { uint32_t address, ignored, kinds; } m4_break;
/// Pages from the one of `first` to the one of `last`, whose loads and stores come to the board. Engine 2.1 only.
typedef struct m4_watched { uint32_t first, last; } m4_watched;
/// Bits of `m4_engine.break_filter`.
enum { M4_BREAK_FILTER = 4096 };
/// A stretch of memory, by the engine's physical address, with three words for each of its words: see m4_accesses.
typedef struct m4_recorded { uint32_t start, size; uint32_t *writers, *readers, *ever; } m4_recorded;
enum { M4_MAX_RECORDED = 8 };
/// No address: instructions have even ones.
enum { M4_NOWHERE = 1 };

/// Words that a loop may store to and still be an idle loop.
enum { M4_IDLE_LOOP_WORDS = 48 };
/// What is known of a loop that may be an idle loop, one that only waits; see idle_loops.c.
typedef struct m4_idle_loop {
    bool off;                   ///< Every round is executed.
    bool touched;               ///< A register of a device has been accessed, or an instruction's hook has run.
    uint32_t phase, period, step;
    uint64_t look_at, distance; ///< Cycle of the next look, and how far ahead it was put.
    uint64_t skipped;           ///< Instructions counted and not executed.
    uint64_t begin, begin_extra;
    uint32_t registers[16];     ///< R0 to R14 and xPSR at the loop's head.
    const uint8_t *words[M4_IDLE_LOOP_WORDS];
    uint32_t values[M4_IDLE_LOOP_WORDS];
    uint32_t word_count;
} m4_idle_loop;

/// Whether another thread wants the run to end: once, or each from now on.
typedef enum m4_interrupt { M4_INTERRUPT_NONE = 0, M4_INTERRUPT_ONCE, M4_INTERRUPT_FOR_GOOD } m4_interrupt;

/// What becomes of a run that came to an exception.
typedef enum m4_course {
    M4_COURSE_STOP,     ///< It ends as it would without the question; nothing has been done.
    M4_COURSE_SETTLED,  ///< It ends with M4_STOP_SETTLED.
    M4_COURSE_ON,       ///< It goes on at `resume_at`, bit 0 set.
} m4_course;
/// Asked inside of a run, between two blocks, at M4_STOP_BOUNDARY, M4_STOP_SVC and M4_STOP_EXC_RETURN: leaving the engine and
/// starting it again takes longer than the rest of an exception.
typedef m4_course (*m4_carry_on)(void *core, m4_stop stop);
typedef uint32_t (*m4_read_register)(void *bus, uint32_t address, uint32_t size);
typedef void (*m4_write_register)(void *bus, uint32_t address, uint32_t size, uint32_t value);
/// What a page allows: one bit a granule of 32 bytes.
typedef struct m4_division { uint32_t read, write, execute; } m4_division;
/// The MPU's answer for the page at `address`.
typedef void (*m4_page_permission)(void *core, uint32_t address, bool privileged, m4_division *allows);
/// Divided pages that are remembered; filled ones.
enum { M4_DIVIDED = 128, M4_FILLED = 512, M4_FILLED_TABLE = 2 * M4_FILLED };
/// The pages that the engine has filled since it forgot all, each once.
typedef struct m4_filled {
    uint32_t count;             ///< Beyond M4_FILLED: more than are noted.
    struct { uint32_t page; bool wide; } pages[M4_FILLED];  ///< `wide`: filled while the MPU was not in force.
    uint16_t table[M4_FILLED_TABLE];                        ///< Index in `pages` and one more, by page; what is not there is not noted.
} m4_filled;

typedef struct m4_engine {
    uc_engine *uc;
    uint64_t cycles;            ///< Retired instructions, including the whole of the block that runs; with `coarse`, their cycles.
    uint64_t limit;             ///< The block hook looks closer from here on: `deadline`, or 0 when something waits.
    uint64_t deadline;
    int32_t pending_priority;   ///< Group priority of the exception that would be taken first; 256 when none pends.
    int32_t active_priority;    ///< Group priority of what is active; 256 in thread mode.
    uint32_t group_mask;        ///< Which bits of BASEPRI are its group priority.
    uint32_t priority_mask;     ///< The bits of a priority that the chip has; all eight until the board says.
    bool stop_requested;
    uint8_t interrupted;        ///< An `m4_interrupt`, from another thread; atomic, as `limit` is.
    bool sign_changed;          ///< FAULTMASK was written while an MPU was on; set here, cleared by the board.
    uint32_t changing;          ///< SYSm of a special register to be put right before the next block; 0 for none.
    uint32_t kept;              ///< What it was before.
    bool exclusive_open;        ///< A block with a LDREX has run since the monitor was cleared last.
    bool event_sent;            ///< A block with a SEV has run; set here, cleared by the board.

    uint32_t traps;             ///< `m4_trap` bits.
    uint32_t traps_built_in;    ///< Those that translated code has been made for.
    uint32_t first_block;       ///< `history_count` when the run began, or went on at another address.
    bool at_boundary;           ///< The exception that the engine reports is ours: M4_STOP_BOUNDARY.
    uint32_t resume_at;         ///< See `m4_course`.
    uint32_t stopped_before;    ///< The block whose hook ended the run; M4_NOWHERE for none.
    uint32_t prepare_size;      ///< Of the block of M4_STOP_PREPARE to hook, in bytes.
    bool fp_deferred;           ///< FPCCR.LSPACT.
    bool fpu_for_privileged;    ///< M4_TRAP_FPU is for unprivileged code only.

    uint32_t history_count;     ///< Blocks run so far, modulo 2^32.
    uint64_t history[M4_RING];  ///< The newest blocks, of which M4_HISTORY count: `address << 32 | size in bytes << 16 | instructions`.
    uint64_t nothing;           ///< Always 0; see m4run_accounting.

    m4_stop stop;
    bool stopped;               ///< While the engine runs: a hook has recorded `stop`.
    bool forgetting;            ///< The engine looks translations up to forget them.
    uc_err engine_error;
    bool had_no_memory;         ///< There was no memory in a call into the engine: no further one is made.
    uint32_t fault_address;     ///< 2.1: the page's first byte refused; 2.0: the byte.
    bool fault_exact;           ///< `fault_address` is the byte, and PC is the block's start.
    bool fault_located;         ///< `fault_address` is the byte, and PC is the instruction.
    bool fault_write;
    m4_refusal fault_refusal;

    uint64_t *counts;           ///< Instruction counts by block; see hooks.h.
    uint8_t *uses_fpu;          ///< Whether a block uses the FPU, by the same index.
    m4_region regions[M4_MAX_REGIONS];
    uint32_t region_count;
    void *bus;                  ///< Whom `read_register` and `write_register` are for.
    m4_read_register read_register;
    m4_write_register write_register;
    void *core;                 ///< Whom `carry_on` and `page_permission` are for.
    m4_carry_on carry_on;       ///< Null: every stop ends its run. Only asked where `core_registers` is not null.
    m4_page_permission page_permission;  ///< Null while no MPU is on.
    struct m4_divided { uint32_t key; m4_division allows; } divided[M4_DIVIDED];
    struct m4_shadow { struct m4_engine *engine; uint32_t base, start; uint8_t *host; bool privileged, is_system; } shadows[M4_MAX_REGIONS][2];
    bool has_shadows;
    bool wide;                  ///< The MPU is not in force.
    bool region_executes;       ///< A page is filled that only a region of the MPU makes executable.
    m4_filled filled;
    uint32_t user_ports;        ///< Groups of eight stimulus ports that unprivileged code may use, one bit each.
    bool user_stir;             ///< Unprivileged code may write STIR.
    uint64_t mixed_code;        ///< Pages with code of which the MPU forbids parts: a bit for all pages of a number modulo 64.
    uint32_t *core_registers;   ///< The engine's own R0 to R15; null with the system's library, which does not say where they are.
    uc_context *pristine;       ///< The core as it is after opening.
    uc_context *scratch;        ///< For changing what no register number reaches.
    uc_context *abandoned_at;   ///< The core at the instruction that `abandoned` is about.
    bool abandoned;             ///< The engine ran on behind an instruction that has not happened.
    size_t exclusive_offset;    ///< Where a context has the exclusive monitor's address; 0 when unknown.
    size_t fp_context_offset;   ///< Where a context has the engine's own FPCCR and FPDSCR; 0 when unknown.
    bool fp_manual;             ///< FPCCR.ASPEN is clear there.
    uint32_t fp_default_status; ///< FPDSCR there.
    uint32_t trap_hook_count;   ///< Instructions that have a hook because they may trap.
    struct m4_trap_hook { struct m4_engine *engine; uc_hook handle; uint32_t address; uint8_t it_state, traps; } trap_hooks[M4_MAX_TRAP_HOOKS];
    uint16_t trap_hook_table[M4_TRAP_HOOK_TABLE]; ///< Trap hooks by address; see trap_hooks.c.
    struct m4_io { struct m4_engine *engine; uint32_t base; } io[M4_MAX_REGIONS];

    m4_break *breaks;
    uint32_t break_count, break_capacity;
    uint64_t break_filter[M4_BREAK_FILTER / 64];  ///< A bit for all addresses of a number: whether one of them may be in `breaks`.
    bool has_masked_breaks;     ///< One of `breaks` ignores bits of the address: the filter does not count.
    bool is_step;               ///< The next run is one instruction. Not with the system's library: see `step_address`.
    bool has_range;             ///< A run ends before the first instruction outside of `range_first` to `range_last`. Not with the system's library.
    uint32_t range_first, range_last;
    uint32_t break_kinds;       ///< Of M4_STOP_BREAK: `m4_break_kind` bits.
    uint32_t step_address;      ///< M4_STOP_BREAK comes here once more; M4_NOWHERE for none.
    uint32_t pass_address;      ///< Breakpoints of `pass_kinds` here let one execution pass.
    uint32_t pass_kinds;
    m4_watched *watched;
    uint32_t watched_count, watched_capacity;
    bool watched_open;          ///< Watched pages may be read and written for now.
    m4_recorded recorded[M4_MAX_RECORDED];
    uint32_t recorded_count;

    m4_idle_loop idle_loop;

    bool coarse;                ///< Instructions take the cycles of cycles.c. Set before `m4_engine_arm`.
    uint32_t *costs;            ///< With `coarse`, beside `counts`: cycles of a block beyond one an instruction.
    uint64_t extra;             ///< Cycles of `cycles` that are no retired instruction.
    uint32_t newest_extra;      ///< Of these, the newest block's.
    uint32_t next_block;        ///< A block that starts elsewhere was branched to.
} m4_engine;

/// Opens a Cortex-M4. Null on failure, with the engine's error in `error`.
m4_engine *m4_engine_open(uc_err *error);
void m4_engine_close(m4_engine *e);

/// Adds memory (`host` not null) or registers. Regions must be added before the first run, and before `m4_engine_arm`.
uc_err m4_engine_add_region(m4_engine *e, m4_region region);
/// Installs the hooks. No region can be added afterwards.
uc_err m4_engine_arm(m4_engine *e);

/// Runs from `pc` until something of `m4_stop` happens. Bit 0 of `pc` is the Thumb state.
m4_stop m4_engine_run(m4_engine *e, uint32_t pc);
/// The newest block's address and its size in bytes; size 0 before the first.
static inline uint32_t m4_block_address(const m4_engine *e) { return (uint32_t)(e->history[(e->history_count - 1) % M4_RING] >> 32); }
static inline uint32_t m4_block_size(const m4_engine *e) { return (uint32_t)(e->history[(e->history_count - 1) % M4_RING] >> 16) & 0xFFFF; }
/// Takes back what the newest block counted from `pc` on: the instruction at `pc` has not retired.
void m4_engine_retire_to(m4_engine *e, uint32_t pc);
/// To be called when `deadline`, the priorities or `stop_requested` changed while a run may be under way.
void m4_engine_update_limit(m4_engine *e);
/// Ends the run at its next block, or the next run. The one function that another thread may call. A limit that the engine's thread
/// sets in the same moment may win: to be called again until the run has ended.
void m4_engine_interrupt(m4_engine *e, m4_interrupt how);
static inline bool m4_engine_is_interrupted(const m4_engine *e) { return __atomic_load_n(&e->interrupted, __ATOMIC_RELAXED) != M4_INTERRUPT_NONE; }
/// Whether a run is for nothing from now on.
static inline bool m4_engine_is_ended(const m4_engine *e) { return __atomic_load_n(&e->interrupted, __ATOMIC_RELAXED) == M4_INTERRUPT_FOR_GOOD; }
/// Whether the run is to end; one that was to end once has done so now.
bool m4_engine_take_interrupt(m4_engine *e);
/// Whether the pending exception may be taken now, masks considered.
bool m4_engine_can_take(m4_engine *e);
/// Execution priority: of what is active, raised by FAULTMASK, PRIMASK and BASEPRI.
int32_t m4_engine_execution_priority(m4_engine *e);

/// Whether what pends wakes a WFI: it could be taken were PRIMASK clear. Source: ARMv7-M ARM, B1.5.19.
bool m4_engine_wakes(m4_engine *e);
/// What is to trap from now on. Not while the engine runs.
void m4_engine_set_traps(m4_engine *e, uint32_t traps, bool fpu_for_privileged);
/// Drops the trap hooks of instructions; those that still may get them again.
void m4_engine_forget_trap_hooks(m4_engine *e);
/// What stops a run at an instruction, in place of what did; UC_ERR_NOMEM, and nothing is changed. It takes time for what differs. Not while the
/// engine runs.
uc_err m4_engine_set_breaks(m4_engine *e, const m4_break *breaks, uint32_t count);
/// Kinds of the breakpoints at an instruction; 0 without one.
uint32_t m4_breaks_at(const m4_engine *e, uint32_t address);
/// Ends a single step: `is_step` is off, and `step_address` none. Not while the engine runs.
void m4_engine_end_step(m4_engine *e);
/// Runs end where code outside of `first` to `last` would execute, with M4_STOP_STEPPED. Not while the engine runs.
void m4_engine_begin_range(m4_engine *e, uint32_t first, uint32_t last);
void m4_engine_end_range(m4_engine *e);
/// Pages whose accesses are refused with M4_REFUSED_WATCHED unless `watched_open`; UC_ERR_NOMEM, and nothing is changed. Not while the engine runs.
uc_err m4_engine_set_watched(m4_engine *e, const m4_watched *watched, uint32_t count);
/// Notes, from now on, which instruction wrote and read each word of `count` stretches of memory (device addresses) last; what was
/// noted before is forgotten. UC_ERR_HANDLE with engine 2.0, which cannot. Not while the engine runs.
uc_err m4_engine_set_recorded(m4_engine *e, const uint32_t *starts, const uint32_t *sizes, uint32_t count);
/// Addresses of instructions, 0 for none: that stored to a word last, and loaded it last, since somebody else stored there; that
/// loaded it last at all.
typedef struct m4_accesses { uint32_t writer, reader, ever; } m4_accesses;
m4_accesses m4_engine_accesses(const m4_engine *e, uint32_t address);
/// Cycles that pass beside instructions, as at an exception's entry; nothing unless `coarse`.
static inline void m4_engine_spend(m4_engine *e, uint32_t cycles) {
    if (!e->coarse) return;
    e->cycles += cycles;
    e->extra += cycles;
}
/// Where a context has the exclusive monitor's address, `address` being what a LDREX has just put there; 0 when not found.
size_t m4_engine_locate_exclusive(m4_engine *e, uint32_t address);
/// Where a context has the engine's own FPCCR and FPDSCR; 0 when not found.
size_t m4_engine_locate_fp_context(const m4_engine *e);
/// FPCCR.ASPEN and FPDSCR, by which the engine begins a context of the FPU. Not while it runs. Source: ARMv7-M ARM, B1.5.7.
void m4_engine_set_fp_context(m4_engine *e, bool automatic, uint32_t status);
/// Opens the exclusive monitor, as an exception's entry and return do. Source: ARMv7-M ARM, A3.4.1.
void m4_engine_clear_exclusive(m4_engine *e);
/// A register that unprivileged code reads as 0: MSP, PSP, PRIMASK, BASEPRI, FAULTMASK.
uint32_t m4_engine_privileged_read(m4_engine *e, int reg);
/// The same for writing, of the core's bits alone. What depends on it is for the caller.
void m4_engine_privileged_write(m4_engine *e, int reg, uint32_t value);
/// CONTROL, whatever the mode: SPSEL, FPCA and nPRIV; in a handler SPSEL stays.
void m4_engine_write_control(m4_engine *e, uint32_t control);

/// What exception entry stacks, with what decides where.
typedef struct m4_stacked { uint32_t r[4], r12, lr, xpsr, sp, control; } m4_stacked;
void m4_engine_read_stacked(m4_engine *e, m4_stacked *s);
/// S0 to S31.
void m4_engine_read_s(m4_engine *e, uint32_t s[32]);
/// S0 to S31 and FPSCR.
void m4_engine_write_s(m4_engine *e, const uint32_t s[32], uint32_t fpscr);
/// S0 to S15 and FPSCR.
void m4_engine_read_fp(m4_engine *e, uint32_t s[16], uint32_t *fpscr);
void m4_engine_write_fp(m4_engine *e, const uint32_t s[16], uint32_t fpscr);
/// Exception entry, first part: the stack pointer below the frame, then privileged and on the main stack. `control` is CONTROL.
void m4_engine_leave_mode(m4_engine *e, uint32_t sp, uint32_t control, bool from_thread, uint32_t number);
/// Exception entry, second part: `control` has nPRIV alone; `flags` are xPSR's.
void m4_engine_start_handler(m4_engine *e, uint32_t number, uint32_t lr, uint32_t control, uint32_t flags);
/// What exception return begins with.
typedef struct m4_return_state { uint32_t xpsr, control, faultmask, msp, psp; } m4_return_state;
void m4_engine_read_return(m4_engine *e, m4_return_state *s);
/// Exception return: the frame's R0 to R3, R12, LR, PC (which is left to the caller) and xPSR; `control` has SPSEL and FPCA.
void m4_engine_resume(m4_engine *e, const uint32_t frame[8], uint32_t sp, uint32_t control, bool unprivileged, bool to_thread);
/// Words of memory, as the core itself stores and loads them; false where there is no memory, nothing is done then.
bool m4_engine_store_words(m4_engine *e, uint32_t address, const uint32_t *words, uint32_t count);
bool m4_engine_load_words(const m4_engine *e, uint32_t address, uint32_t *words, uint32_t count);

/// What of the engine changes while it runs, between two runs: a value without pointers or padding. All else in `m4_engine` is what the board
/// has configured, is derived from this, memory and the system control space, or is of use inside of a run only.
typedef struct m4_engine_state {
    uint64_t cycles, extra;
    uint64_t history[M4_RING];
    uint64_t exclusive_address; ///< Of the last exclusive load; all ones while the monitor is open.
    uint64_t exclusive_value;   ///< What it read.
    uint64_t look_at, distance, skipped;
    uint32_t history_count, newest_extra;
    uint32_t r[13], lr;         ///< R0 to R12; SP is `msp` or `psp`, and the next instruction's address the board's.
    uint32_t xpsr, msp, psp, primask, basepri, faultmask, control;
    uint32_t s[32], fpscr;
    uint32_t exclusive_open, event_sent;
    uint32_t pass_address, pass_kinds;
} m4_engine_state;
/// Not while the engine runs.
void m4_engine_save(m4_engine *e, m4_engine_state *s);
/// Forgets all translations and page permissions, too. Traps and breakpoints are the caller's to set. Not while the engine runs.
uc_err m4_engine_restore(m4_engine *e, const m4_engine_state *s);

/// All registers as after opening.
uc_err m4_engine_reset_core(m4_engine *e);
/// Forgets all translations and page permissions.
void m4_engine_flush(m4_engine *e);
/// Forgets all page permissions.
void m4_engine_flush_permissions(m4_engine *e);
/// The MPU is in force, and differs from when it was last in `count` ranges of addresses: forgets the permissions of pages there, and of those
/// filled while it was not in force. Not while the engine runs.
void m4_engine_permissions_changed(m4_engine *e, const m4_watched *ranges, uint32_t count);
/// The MPU is not in force: it allows all that it did, and more, but to execute what only a region had made executable. Not while the engine runs.
void m4_engine_permissions_widened(m4_engine *e);
/// Makes ready for pages that the MPU divides. Not while the engine runs.
uc_err m4_engine_map_shadows(m4_engine *e);
/// The host has written `count` bytes of memory at device address `address`.
void m4_engine_memory_written(m4_engine *e, uint32_t address, uint32_t count);

/// The region that holds `address`; null when none does.
const m4_region *m4_engine_region(const m4_engine *e, uint32_t address);
/// The halfword of code at `address`, for reading instructions; false outside of memory.
bool m4_engine_code(const m4_engine *e, uint32_t address, uint16_t *halfword);

static inline uint32_t m4_reg_read(const m4_engine *e, int reg) {
    uint32_t value = 0;
    uc_reg_read(e->uc, reg, &value);
    return value;
}
static inline void m4_reg_write(m4_engine *e, int reg, uint32_t value) { uc_reg_write(e->uc, reg, &value); }

/// R0 to R12, SP, LR, PC by number.
extern const int m4_register_ids[16];
static inline uint32_t m4_core_register(const m4_engine *e, int n) {
    return e->core_registers ? e->core_registers[n] : m4_reg_read(e, m4_register_ids[n]);
}
/// Not PC, which the engine must be told of.
static inline void m4_set_core_register(m4_engine *e, int n, uint32_t value) {
    if (e->core_registers) e->core_registers[n] = value;
    else m4_reg_write(e, m4_register_ids[n], value);
}
/// Whether idle loops are executed round by round. Not while the engine runs.
void m4_engine_execute_idle_loops(m4_engine *e, bool executes);
/// Counts the rounds of a loop that begin before the deadline, but for the one that is about to, where each takes `cycles`, `extra` of them no
/// instruction's, and runs the newest `period` blocks again. False when there are none.
bool m4_engine_skip_rounds(m4_engine *e, uint64_t cycles, uint64_t extra, uint32_t period);

/// M4_OWN_ENGINE, for a decision that is not the compiler's.
bool m4_engine_is_own(void);
/// The version of the library that is loaded, `major << 16 | minor << 8 | patch`, and of the header this was built with.
uint32_t m4_library_version(void);
uint32_t m4_header_version(void);

#endif
