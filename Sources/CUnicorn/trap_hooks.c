// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Trap hooks, for instructions at which a run has to stop: code that the MPU forbids in a page of which it allows some; and, with the system's
// library, breakpoints, single steps, and the FPU's while CPACR denies it. A hooked instruction costs a walk over all code hooks.
//
// They are placed when their block is about to run for the first time since there was a reason.
#include "adapter.h"
#include <string.h>

static uint32_t traps_of(const thumb_instruction *i) { return thumb_is_fpu(i) ? M4_TRAP_FPU : 0; }

// The library does not stop inside of an IT block: breakpoints in there are its IT instruction's, as GDB has it, too.
static uint32_t breaks_of(const m4_engine *e, uint32_t address) {
    uint32_t kinds = m4_breaks_at(e, address) | (address == e->step_address ? M4_BREAK_STEP : 0);
    thumb_instruction i;
    if (!m4_read_instruction(e, address, &i) || i.operation != THUMB_IT) return kinds;
    int count = thumb_it_count(&i);
    for (uint32_t at = address + 2; count > 0 && m4_read_instruction(e, at, &i); count--, at += i.size) kinds |= m4_breaks_at(e, at);
    return kinds;
}

// What stops by a hook: with the engine of scripts/build-engine a block begins at a breakpoint, and nothing is hooked.
static uint32_t hooked_breaks(const m4_engine *e, uint32_t address, uint32_t it) { return M4_OWN_ENGINE || it ? 0 : breaks_of(e, address); }

// Open addressing; entries are indices above 0.
static uint16_t *slot(m4_engine *e, uint32_t address) {
    uint32_t i = address >> 1;
    for (;; i++) {
        uint16_t *entry = &e->trap_hook_table[i % M4_TRAP_HOOK_TABLE];
        if (*entry == 0 || e->trap_hooks[*entry - 1].address == address) return entry;
    }
}

static struct m4_trap_hook *find(m4_engine *e, uint32_t address) {
    uint16_t entry = *slot(e, address);
    return entry ? &e->trap_hooks[entry - 1] : NULL;
}

static bool is_privileged(const m4_engine *e) {
    return m4_reg_read(e, UC_ARM_REG_IPSR) != 0 || !(m4_reg_read(e, UC_ARM_REG_CONTROL) & 1);
}

// Whether condition `c` holds. Source: ARMv7-M ARM, table A7-1.
static bool holds(const m4_engine *e, uint32_t c) {
    uint32_t flags = m4_reg_read(e, UC_ARM_REG_APSR_NZCV) >> 28;
    bool n = flags & 8, z = flags & 4, carry = flags & 2, v = flags & 1, result = true;
    switch (c >> 1) {
    case 0: result = z; break;
    case 1: result = carry; break;
    case 2: result = n; break;
    case 3: result = v; break;
    case 4: result = carry && !z; break;
    case 5: result = n == v; break;
    case 6: result = n == v && !z; break;
    default: return true;
    }
    return (c & 1) ? !result : result;
}

static bool note_refused_code(m4_engine *e, uint32_t address, uint32_t size) {
    if (!m4_refuses_code(e, address, size)) return false;
    e->fault_refusal = M4_REFUSED_PROTECTION;
    e->fault_exact = false;
    return true;
}

// Stops at the instruction whose hook this is called from, with `it` its IT state.
static void stop_at(m4_engine *e, m4_stop stop, uint32_t it) {
    m4_reg_write(e, UC_ARM_REG_EPSR, 0x01000000 | (it & 0xFC) << 8 | (it & 3) << 25);
#if M4_OWN_ENGINE
    // Inside an IT block the engine does not look for a request to stop.
    if (it & 15) {
        m4_abandon(e, stop);
        return;
    }
#endif
    m4_record(e, stop);
    uc_emu_stop(e->uc);
}

// True when a breakpoint stops the run at the instruction whose hook this is called from.
static bool breaks(m4_engine *e, uint32_t address) {
    uint32_t kinds = breaks_of(e, address);
    if (kinds && address == e->pass_address) {
        kinds &= ~e->pass_kinds;
        e->pass_address = M4_NOWHERE;
    }
    if (!kinds) return false;
    e->break_kinds = kinds;
    stop_at(e, M4_STOP_BREAK, 0);
    return true;
}

static void on_trap_hook(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    (void)uc;
    struct m4_trap_hook *hook = user;
    m4_engine *e = hook->engine;
    if (e->stopped) return;
    e->idle_loop.touched = true;
    if (note_refused_code(e, (uint32_t)address, size)) {
        stop_at(e, M4_STOP_FETCH_FAULT, hook->it_state);
        return;
    }
    if (hook->traps & M4_TRAP_BREAK && breaks(e, (uint32_t)address)) return;
    if (!(hook->traps & m4_hooked_traps(e)) || (e->fpu_for_privileged && is_privileged(e))) return;
    // The hook sees the condition flags of the block's start: that has to be here.
    if (hook->it_state && (uint32_t)address != m4_block_address(e)) {
        stop_at(e, M4_STOP_SPLIT, hook->it_state);
        return;
    }
    if (hook->it_state && !holds(e, hook->it_state >> 4)) return;
    stop_at(e, M4_STOP_NO_COPROCESSOR, hook->it_state);
}

static void describe(struct m4_trap_hook *hook, const thumb_instruction *i, uint32_t it) {
    hook->traps = (uint8_t)(traps_of(i) | (hooked_breaks(hook->engine, hook->address, it) ? M4_TRAP_BREAK : 0));
    hook->it_state = (uint8_t)it;
}

static bool install(struct m4_trap_hook *hook) {
    m4_engine *e = hook->engine;
    return uc_hook_add(e->uc, &hook->handle, UC_HOOK_CODE, (void *)on_trap_hook, hook, hook->address, hook->address) == UC_ERR_OK;
}

static struct m4_trap_hook *add(m4_engine *e, uint32_t address) {
    if (e->trap_hook_count == M4_MAX_TRAP_HOOKS) return NULL;
    struct m4_trap_hook *hook = &e->trap_hooks[e->trap_hook_count++];
    *slot(e, address) = (uint16_t)e->trap_hook_count;
    *hook = (struct m4_trap_hook){.engine = e, .address = address};
    return hook;
}

static uint8_t it_state(const m4_engine *e) {
    uint32_t xpsr = m4_reg_read(e, UC_ARM_REG_XPSR);
    return (uint8_t)((xpsr >> 8 & 0xFC) | (xpsr >> 25 & 3));
}

// Whether an instruction has to stop by a hook, or may.
static bool needs_hook(m4_engine *e, uint32_t at, const thumb_instruction *i, uint32_t it) {
    return traps_of(i) & m4_hooked_traps(e) || hooked_breaks(e, at, it) || m4_refuses_code(e, at, i->size);
}

bool m4_needs_trap_hooks(m4_engine *e, uint32_t address, uint32_t size) {
    uint8_t it = it_state(e);
    thumb_instruction i;
    for (uint32_t at = address; at - address < size && m4_read_instruction(e, at, &i); at += i.size) {
        if (needs_hook(e, at, &i, it)) {
            struct m4_trap_hook *hook = find(e, at);
            if (!hook || !hook->handle) return true;
            // Code may have changed under a hook that is still there.
            describe(hook, &i, hook->it_state);
        }
        it = thumb_it_state(&i, it);
    }
    return false;
}

bool m4_place_trap_hooks(m4_engine *e, uint32_t address, uint32_t size) {
    if (e->trap_hook_count > M4_MAX_TRAP_HOOKS - M4_LONGEST_BLOCK / 2) m4_engine_forget_trap_hooks(e);
    uint8_t it = it_state(e);
    bool room = true;
    thumb_instruction i;
    for (uint32_t at = address; at - address < size && m4_read_instruction(e, at, &i); at += i.size) {
        if (needs_hook(e, at, &i, it)) {
            struct m4_trap_hook *hook = find(e, at);
            room = (hook || (hook = add(e, at))) && (hook->handle || install(hook));
            if (!room) break;
            describe(hook, &i, it);
        }
        it = thumb_it_state(&i, it);
    }
    // Hooks are seen when code is translated.
    m4_drop_translations(e, address, size);
    // A block that another overlaps may have had its hooks already, and have been judged before: it is judged anew.
    e->counts[m4_count_index(address)] = 0;
    return room;
}

static void unhook(m4_engine *e, struct m4_trap_hook *hook) {
    if (!hook->handle) return;
    e->forgetting = true;
    uc_hook_del(e->uc, hook->handle);
    hook->handle = 0;
    // The engine forgets its hook, and goes on looking for it where it was translated.
    m4_drop_translations(e, hook->address, 4);
}

void m4_engine_forget_trap_hooks(m4_engine *e) {
    for (uint32_t i = 0; i < e->trap_hook_count; i++) unhook(e, &e->trap_hooks[i]);
    e->trap_hook_count = 0;
    memset(e->trap_hook_table, 0, sizeof e->trap_hook_table);
    memset(e->counts, 0, M4_COUNTS * sizeof *e->counts);
}

void m4_engine_set_traps(m4_engine *e, uint32_t traps, bool fpu_for_privileged) {
    if (traps == e->traps && fpu_for_privileged == e->fpu_for_privileged) return;
    e->traps = traps;
    e->fpu_for_privileged = fpu_for_privileged;
    m4_adapter_traps_changed(e);
}

void m4_engine_end_step(m4_engine *e) {
    uint32_t address = e->step_address;
    e->step_address = M4_NOWHERE;
    e->is_step = false;
    struct m4_trap_hook *hook = address == M4_NOWHERE ? NULL : find(e, address);
    // Translating code gets slower with each hook: one that is for the step alone goes.
    if (hook && !(hook->traps & m4_hooked_traps(e)) && !hooked_breaks(e, address, 0)) unhook(e, hook);
}
