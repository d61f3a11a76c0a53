// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// What runs inside the engine: per block that has to be looked at, per register access, per exception.
#include "adapter.h"

uint32_t m4_count_instructions(const m4_engine *e, uint32_t address, uint32_t size) {
    uint32_t count = 0;
    for (uint32_t offset = 0; offset < size; count++) {
        uint16_t halfword = 0;
        if (!m4_engine_code(e, address + offset, &halfword)) return count ? count : 1;
        offset += thumb_is_wide(halfword) ? 4 : 2;
    }
    return count;
}

bool m4_read_instruction(const m4_engine *e, uint32_t address, thumb_instruction *i) {
    uint16_t first = 0, second = 0;
    if (!m4_engine_code(e, address, &first) || (thumb_is_wide(first) && !m4_engine_code(e, address + 2, &second))) return false;
    *i = thumb_decode(first, second);
    return true;
}

// What a block does that the engine does not tell: SEV, a NOP to it; LDREX, LDREXB, LDREXH; CPS and MSR, which may lift a mask
// and end their block; MRS of BASEPRI. Kept with a
// block's count, above its size, so that such a block is never taken for a usual one.
enum { READS_BASEPRI = 0x0800, AT_BREAK = 0x1000, SENDS_EVENT = 0x2000, OPENS_MONITOR = 0x4000, CHANGES_MASKS = 0x8000 };
static const uint64_t block_flags = (uint64_t)(READS_BASEPRI | AT_BREAK | SENDS_EVENT | OPENS_MONITOR | CHANGES_MASKS) << 16;

static uint64_t flags_of_block(const m4_engine *e, uint32_t address, uint32_t size) {
    uint32_t flags = M4_OWN_ENGINE && m4_breaks_at(e, address) ? AT_BREAK : 0;
    thumb_instruction i;
    for (uint32_t offset = 0; offset < size && m4_read_instruction(e, address + offset, &i); offset += i.size) {
        switch (i.operation) {
        case THUMB_SEV: flags |= SENDS_EVENT; break;
        case THUMB_LDREX: flags |= OPENS_MONITOR; break;
        case THUMB_CPS: case THUMB_MSR: flags |= CHANGES_MASKS; break;
        case THUMB_MRS: if (m4_reads_basepri(&i)) flags |= READS_BASEPRI; break;
        default: break;
        }
    }
    return (uint64_t)flags << 16;
}

static bool uses_fpu(const m4_engine *e, uint32_t address, uint32_t size) {
    thumb_instruction i;
    for (uint32_t offset = 0; offset < size && m4_read_instruction(e, address + offset, &i); offset += i.size)
        if (thumb_is_fpu(&i)) return true;
    return false;
}

uint64_t m4_describe_block(m4_engine *e, uint32_t address, uint32_t size) {
    e->counts[m4_count_index(address)] = 0;
    return m4_block_key(address, size) | flags_of_block(e, address, size) | m4_count_instructions(e, address, size);
}

bool m4_is_special_block(uint64_t entry) { return (entry & block_flags) != 0; }

static bool stop_before_block(m4_engine *e, uint32_t address, m4_stop stop) {
    e->stopped_before = address;
    e->stop = stop;
    e->stopped = true;
    return false;
}

static bool prepare(m4_engine *e, uint32_t address, uint32_t size) {
    e->prepare_size = size;
    return stop_before_block(e, address, M4_STOP_PREPARE);
}

bool m4_begin_block(m4_engine *e, uint32_t address, uint32_t size) {
    if (e->stopped) return false;
    if (e->changing) m4_settle_change(e);
    if (e->has_range && address - e->range_first > e->range_last - e->range_first) return stop_before_block(e, address, M4_STOP_STEPPED);
    if (e->cycles >= m4_limit(e)) {
        if (e->cycles >= e->deadline || e->stop_requested || m4_engine_is_interrupted(e) || m4_engine_can_take(e)) {
            m4_adapter_report_boundary(e, address);
            return stop_before_block(e, address, M4_STOP_BOUNDARY);
        }
        m4_look_for_idle_loop(e, address);
        // What pends is masked: nothing to look for until a mask, a priority or the deadline changes.
        m4_set_limit(e, e->fp_deferred ? 0 : m4_usual_limit(e));
    }
    uint32_t index = m4_count_index(address);
    uint64_t key = m4_block_key(address, size), entry = e->counts[index];
    if (((entry ^ key) & ~block_flags) - 1 >= 0xFFFF) {
        bool mixed = e->mixed_code & m4_page_bit(address);
        // In a step the instruction's own hook, which would see its second half, is not called.
        if (mixed && m4_refuses_code(e, address, e->is_step ? size : 2)) {
            e->fault_refusal = M4_REFUSED_PROTECTION;
            e->fault_exact = false;
            return stop_before_block(e, address, M4_STOP_FETCH_FAULT);
        }
        if ((m4_wants_trap_hooks(e) || mixed) && m4_needs_trap_hooks(e, address, size)) return prepare(e, address, size);
        entry = m4_describe_block(e, address, size);
        e->uses_fpu[index] = uses_fpu(e, address, size);
        if (!mixed) e->counts[index] = entry;
        if (e->coarse) e->costs[index] = m4_extra_cycles(e, address, size);
    }
    uint32_t flags = (uint32_t)(entry >> 16);
    if (flags & AT_BREAK) {
        uint32_t kinds = m4_breaks_at(e, address);
        if (address == e->pass_address) kinds &= ~e->pass_kinds;
        if (kinds) {
            e->break_kinds = kinds;
            return stop_before_block(e, address, M4_STOP_BREAK);
        }
    }
    if (e->fp_deferred && e->uses_fpu[index] && (!(e->traps & M4_TRAP_FPU) || e->fpu_for_privileged))
        return stop_before_block(e, address, M4_STOP_FP_CONTEXT);
    // The instruction executes now, and has been passed.
    if (flags & AT_BREAK && address == e->pass_address) e->pass_address = M4_NOWHERE;
    if (flags & SENDS_EVENT) e->event_sent = true;
    if (flags & OPENS_MONITOR) e->exclusive_open = true;
    m4_account(e, entry & ~block_flags);
    if (flags & READS_BASEPRI) m4_trim_basepri(e);
    // The block ends with the change: the next one sees it.
    if (flags & CHANGES_MASKS) {
        m4_expect_change(e, address, size);
        m4_engine_update_limit(e);
    }
    return true;
}

// A block that does not follow on the one before it was branched to.
bool m4_begin_block_coarse(m4_engine *e, uint32_t address, uint32_t size) {
    uint32_t before = e->history_count;
    if (address != e->next_block) m4_engine_spend(e, M4_REFILL);
    e->next_block = address;
    bool runs = m4_begin_block(e, address, size);
    if (e->history_count == before) return runs;
    e->next_block = address + size;
    e->newest_extra = e->costs[m4_count_index(address)];
    m4_engine_spend(e, e->newest_extra);
    return runs;
}

void m4_drop_translations(m4_engine *e, uint64_t address, uint32_t size) {
    e->forgetting = true;
    uc_ctl_remove_cache(e->uc, address, address + size);
    e->forgetting = false;
    // Looking for translations, the engine fills pages as code whether they may be executed or not.
    if (M4_OWN_ENGINE && e->page_permission) uc_ctl_flush_tlb(e->uc);
}

void m4_forget_code(m4_engine *e, uint32_t physical, uint32_t size) {
    for (uint32_t i = 0; i < e->region_count; i++) {
        const m4_region *r = &e->regions[i];
        if (!r->host || physical - r->physical >= r->size) continue;
        m4_drop_translations(e, r->start + (physical - r->physical), size);
    }
}

// Asks whether the run may go on behind `stop`, and makes it. False when it must end.
static bool carries_on(m4_engine *e, m4_stop stop) {
    if (!M4_OWN_ENGINE || !e->carry_on || e->stopped) return false;
    switch (e->carry_on(e->core, stop)) {
    case M4_COURSE_SETTLED: m4_record(e, M4_STOP_SETTLED); return false;
    case M4_COURSE_ON: break;
    default: return false;
    }
    uint32_t address = e->resume_at & ~1u;
    e->core_registers[15] = e->next_block = address;
    e->first_block = e->history_count;
    m4_restart_idle_loop(e);
    m4_engine_update_limit(e);
    return true;
}

static void on_exception(uc_engine *uc, uint32_t number, void *user) {
    m4_engine *e = user;
    m4_stop stop = M4_STOP_UNDEFINED;
    switch (number) {
    case 2: stop = M4_STOP_SVC; break;
    case M4_EXCEPTION_EXIT: stop = e->at_boundary ? M4_STOP_BOUNDARY : M4_STOP_EXC_RETURN; break;
    default: break;
    }
    e->at_boundary = false;
    if (stop != M4_STOP_UNDEFINED && carries_on(e, stop)) return;
    switch (number) {
    case 2: m4_record(e, stop); break;
    case 3: e->fault_exact = false; m4_record(e, M4_STOP_FETCH_FAULT); break;
    // Data aborts are told elsewhere: this is the alignment of an exclusive access.
    case 4: m4_record(e, M4_STOP_UNALIGNED); break;
    case 7: m4_record(e, M4_STOP_BKPT); break;
    case M4_EXCEPTION_EXIT: m4_record(e, stop); break;
    case 17: m4_record(e, M4_STOP_NO_COPROCESSOR); break;
    case M4_EXCEPTION_DIVIDE: m4_record(e, M4_STOP_DIVIDE); break;
    default: m4_record(e, M4_STOP_UNDEFINED); break;
    }
    uc_emu_stop(uc);
}

// WFE and YIELD arrive here too, with PC behind them; an undefined instruction leaves PC on itself.
static bool on_invalid_instruction(uc_engine *uc, void *user) {
    (void)uc;
    m4_engine *e = user;
    uint32_t pc = m4_reg_read(e, UC_ARM_REG_PC);
    m4_stop stop = M4_STOP_UNDEFINED;
    if (e->history_count && pc == m4_block_address(e) + m4_block_size(e)) {
        for (uint32_t size = 2; size <= 4; size += 2) {
            thumb_instruction i;
            if (!m4_read_instruction(e, pc - size, &i) || i.size != size) continue;
            if (i.operation == THUMB_WFE) stop = M4_STOP_WFE;
            if (i.operation == THUMB_YIELD) stop = M4_STOP_YIELD;
        }
    }
    m4_record(e, stop);
    return false;
}

uint64_t m4_hook_read(uc_engine *uc, uint64_t offset, unsigned size, void *user) {
    (void)uc;
    struct m4_io *io = user;
    io->engine->idle_loop.touched = true;
    return io->engine->read_register(io->engine->bus, io->base + (uint32_t)offset, size);
}

void m4_hook_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user) {
    (void)uc;
    struct m4_io *io = user;
    io->engine->idle_loop.touched = true;
    io->engine->write_register(io->engine->bus, io->base + (uint32_t)offset, size, (uint32_t)value);
}

uc_err m4_hook(m4_engine *e, int type, void *callback, uint64_t begin, uint64_t end) {
    uc_hook handle;
    return uc_hook_add(e->uc, &handle, type, callback, e, begin, end);
}

uc_err m4_install_hooks(m4_engine *e) {
    uc_err error = m4_hook(e, UC_HOOK_INTR, (void *)on_exception, 1, 0);
    if (error == UC_ERR_OK) error = m4_hook(e, UC_HOOK_INSN_INVALID, (void *)on_invalid_instruction, 1, 0);
    return error == UC_ERR_OK ? m4_adapter_arm(e) : error;
}
