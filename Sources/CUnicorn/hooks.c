// What runs inside the engine: per block, per page fill, per register access, per exception.
#include "hooks.h"

// The engine's number for a branch to an EXC_RETURN value.
enum { EXCEPTION_EXIT = 8 };
#if __has_include(<unicorn/m4run_bundle.h>)
#include <unicorn/m4run_bundle.h>
#endif
#ifdef M4RUN_BUNDLED_UNICORN_2_1_4
// Leaves the translated code; the state begins with R0 to R15.
_Noreturn void helper_exception_internal_arm(void *state, uint32_t number);
#endif

uint32_t m4_count_instructions(const m4_engine *e, uint32_t address, uint32_t size) {
    uint32_t count = 0;
    for (uint32_t offset = 0; offset < size; count++) {
        uint16_t halfword = 0;
        if (!m4_engine_code(e, address + offset, &halfword)) return count ? count : 1;
        offset += halfword >= 0xE800 ? 4 : 2;
    }
    return count;
}

// What a block does that the engine does not tell: SEV, a NOP to it; LDREX, LDREXB, LDREXH; CPS and MSR, which may lift a mask
// and end their block; MRS of BASEPRI; what traps unless the block starts with certain registers as expected. Kept with a
// block's count, above its size, so that such a block is never taken for a usual one.
enum { READS_BASEPRI = 0x0800, EXPECTS_OPERANDS = 0x1000, SENDS_EVENT = 0x2000, OPENS_MONITOR = 0x4000, CHANGES_MASKS = 0x8000 };
static const uint64_t block_flags = (uint64_t)(READS_BASEPRI | EXPECTS_OPERANDS | SENDS_EVENT | OPENS_MONITOR | CHANGES_MASKS) << 16;

static uint64_t flags_of_block(const m4_engine *e, uint32_t address, uint32_t size) {
    uint32_t flags = 0;
    for (uint32_t offset = 0; offset < size;) {
        uint16_t first = 0, second = 0;
        if (!m4_engine_code(e, address + offset, &first)) break;
        bool wide = first >= 0xE800;
        if (wide && !m4_engine_code(e, address + offset + 2, &second)) break;
        if (first == 0xBF40 || (first == 0xF3AF && second == 0x8004)) flags |= SENDS_EVENT;
        if ((first & 0xFFF0) == 0xE850 || ((first & 0xFFF0) == 0xE8D0 && (second & 0xE0) == 0x40)) flags |= OPENS_MONITOR;
        if ((first & 0xFFE8) == 0xB660 || ((first & 0xFFE0) == 0xF380 && (second & 0xD000) == 0x8000)) flags |= CHANGES_MASKS;
        if (m4_reads_basepri(first, second)) flags |= READS_BASEPRI;
        offset += wide ? 4 : 2;
    }
    return (uint64_t)flags << 16;
}

// In a block's `expected`, where it stands for nothing.
static const uint32_t USES_FPU = 1u << 31;

static bool uses_fpu(const m4_engine *e, uint32_t address, uint32_t size) {
    for (uint32_t offset = 0; offset < size;) {
        uint16_t first = 0, second = 0;
        if (!m4_engine_code(e, address + offset, &first)) break;
        bool wide = first >= 0xE800;
        if (wide && !m4_engine_code(e, address + offset + 2, &second)) break;
        if (m4_traps_of(first, second) & M4_TRAP_FPU) return true;
        offset += wide ? 4 : 2;
    }
    return false;
}

static inline void account(m4_engine *e, uint64_t entry) {
    e->cycles += entry & 0xFFFF;
    e->history[e->history_count++ % M4_HISTORY] = entry;
}

// Where this library lets a hook put registers in place, an exception at a block's start is reported as the engine reports its
// own, which gives the block up: on_exception then asks whether the run may go on.
static void report_boundary(m4_engine *e, uint32_t address) {
#ifdef M4RUN_BUNDLED_UNICORN_2_1_4
    if (!e->core_registers || !e->carry_on || e->stop_requested || m4_engine_is_interrupted(e)) return;
    e->at_boundary = true;
    e->core_registers[15] = address;
    helper_exception_internal_arm(e->core_registers, EXCEPTION_EXIT);
#else
    (void)e, (void)address;
#endif
}

static void stop_before_block(m4_engine *e, uint32_t address, m4_stop stop) {
    e->stopped_before = address;
    e->stop = stop;
    e->stopped = true;
    uc_emu_stop(e->uc);
}

// Out of line and in tail position, so that the hook itself needs no stack; used, so that its arguments stay where they are.
static __attribute__((noinline, used)) void on_unusual_block(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    m4_engine *e = user;
    if (e->stopped) {
        uc_emu_stop(uc);
        return;
    }
    if (e->changing) m4_settle_change(e);
    if (e->cycles >= m4_limit(e)) {
        if (e->cycles >= e->deadline || e->stop_requested || m4_engine_is_interrupted(e) || m4_engine_can_take(e)) {
            report_boundary(e, (uint32_t)address);
            stop_before_block(e, (uint32_t)address, M4_STOP_BOUNDARY);
            return;
        }
        if (e->releases_due) {
            e->prepare_size = 0;
            stop_before_block(e, (uint32_t)address, M4_STOP_PREPARE);
            return;
        }
        m4_look_for_waiting(e, (uint32_t)address);
        // What pends is masked: nothing to look for until a mask, a priority or the deadline changes.
        m4_set_limit(e, e->fp_deferred ? 0 : m4_usual_limit(e));
    }
    uint32_t index = m4_count_index((uint32_t)address);
    uint64_t *known = &e->counts[index];
    uint64_t key = address << 32 | (uint64_t)(size & 0xFFFF) << 16, entry = *known;
    if (((entry ^ key) & ~block_flags) - 1 >= 0xFFFF) {
        uint32_t expected = 0;
        bool mixed = e->mixed_code & m4_page_bit((uint32_t)address);
        if (mixed && m4_refuses_code(e, (uint32_t)address, 2)) {
            e->fault_refusal = M4_REFUSED_PROTECTION;
            e->fault_exact = false;
            stop_before_block(e, (uint32_t)address, M4_STOP_FETCH_FAULT);
            return;
        }
        if ((m4_has_sites(e) || mixed) && m4_needs_hooks(e, (uint32_t)address, size, &expected)) {
            e->prepare_size = size;
            stop_before_block(e, (uint32_t)address, M4_STOP_PREPARE);
            return;
        }
        entry = key | flags_of_block(e, (uint32_t)address, size) | m4_count_instructions(e, (uint32_t)address, size);
        if (expected) entry |= (uint64_t)EXPECTS_OPERANDS << 16;
        e->expected[index] = expected | (uses_fpu(e, (uint32_t)address, size) ? USES_FPU : 0);
        if (!mixed) *known = entry;
        if (e->coarse) e->costs[index] = m4_extra_cycles(e, (uint32_t)address, size);
    }
    uint32_t flags = (uint32_t)(entry >> 16);
    if (e->fp_deferred && e->expected[index] & USES_FPU && (!(e->traps & M4_TRAP_FPU) || e->fpu_for_privileged)) {
        stop_before_block(e, (uint32_t)address, M4_STOP_FP_CONTEXT);
        return;
    }
    if (flags & EXPECTS_OPERANDS) {
        uint32_t expected = e->expected[index];
        bool follows_itself = e->history[(e->history_count - 1) % M4_HISTORY] == (entry & ~block_flags);
        if (!(follows_itself && expected & M4_EXPECTED_KEPT) && !m4_operands_are_fine(e, expected)) {
            e->prepare_size = size;
            stop_before_block(e, (uint32_t)address, M4_STOP_PREPARE);
            return;
        }
    }
    if (flags & SENDS_EVENT) e->event_sent = true;
    if (flags & OPENS_MONITOR) e->exclusive_open = true;
    account(e, entry & ~block_flags);
    if (flags & READS_BASEPRI) m4_trim_basepri(e);
    // The block ends with the change: the next one sees it.
    if (flags & CHANGES_MASKS) {
        m4_expect_change(e, (uint32_t)address, size);
        m4_engine_update_limit(e);
    }
}

// Once a block: the one place whose cost every instruction of a guest shares.
static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    m4_engine *e = user;
    uint64_t entry = e->counts[m4_count_index((uint32_t)address)];
    // An entry for another block, or none, differs above the count.
    uint64_t count = entry ^ (address << 32 | (uint64_t)size << 16);
    // `limit` is read as any other word: another thread only ever sets it to 0, again and again until that is seen, and the compiler
    // makes one instruction less of it.
    if (__builtin_expect((e->cycles >= e->limit) | (count - 1 >= 0xFFFF), 0)) return on_unusual_block(uc, address, size, user);
    account(e, entry);
}

// In its place with the coarse cycle model. A block that does not follow on the one before it was branched to.
static void on_block_coarse(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    m4_engine *e = user;
    uint32_t before = e->history_count;
    if ((uint32_t)address != e->next_block) m4_engine_spend(e, M4_REFILL);
    e->next_block = (uint32_t)address;
    on_block(uc, address, size, user);
    if (e->history_count == before) return;
    e->next_block = (uint32_t)address + size;
    e->newest_extra = e->costs[m4_count_index((uint32_t)address)];
    m4_engine_spend(e, e->newest_extra);
}

// A block has been translated, perhaps over changed code: its count is to be taken anew.
static void on_translated(uc_engine *uc, uc_tb *current, uc_tb *previous, void *user) {
    (void)uc, (void)previous;
    ((m4_engine *)user)->counts[m4_count_index((uint32_t)current->pc)] = 0;
}

#if !M4_VIRTUAL_TLB
static bool on_invalid_memory(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user) {
    (void)uc, (void)size, (void)value;
    m4_engine *e = user;
    bool fetch = type == UC_MEM_FETCH_UNMAPPED || type == UC_MEM_FETCH_PROT;
    e->fault_address = (uint32_t)address;
    e->fault_exact = true;
    e->fault_write = type == UC_MEM_WRITE_UNMAPPED || type == UC_MEM_WRITE_PROT;
    e->fault_refusal = fetch && m4_engine_region(e, (uint32_t)address) ? M4_REFUSED_EXECUTE : M4_REFUSED_UNMAPPED;
    m4_record(e, fetch ? M4_STOP_FETCH_FAULT : M4_STOP_DATA_FAULT);
    return false;
}

// 2.0 does not see that a store through an alias changes code at the other address.
static void on_alias_write(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user) {
    (void)uc, (void)type, (void)value;
    m4_engine *e = user;
    const m4_region *r = m4_engine_region(e, (uint32_t)address);
    if (r && r->start != r->physical) m4_forget_code(e, r->physical + ((uint32_t)address - r->start), (uint32_t)size);
}
#endif

void m4_drop_translations(m4_engine *e, uint64_t address, uint32_t size) {
    e->forgetting = true;
    uc_ctl_remove_cache(e->uc, address, address + size);
    e->forgetting = false;
    // Looking for translations, the engine fills pages as code whether they may be executed or not.
    if (M4_VIRTUAL_TLB && e->page_permission) uc_ctl_flush_tlb(e->uc);
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
    if (!e->core_registers || !e->carry_on || e->stopped) return false;
    switch (e->carry_on(e->context, stop)) {
    case M4_COURSE_SETTLED: m4_record(e, M4_STOP_SETTLED); return false;
    case M4_COURSE_ON: break;
    default: return false;
    }
    uint32_t address = e->resume_at & ~1u;
    e->core_registers[15] = e->next_block = address;
    e->first_block = e->history_count;
    m4_restart_waiting(e);
    m4_engine_update_limit(e);
    return true;
}

static void on_exception(uc_engine *uc, uint32_t number, void *user) {
    m4_engine *e = user;
    m4_stop stop = M4_STOP_UNDEFINED;
    switch (number) {
    case 2: stop = M4_STOP_SVC; break;
    case EXCEPTION_EXIT: stop = e->at_boundary ? M4_STOP_BOUNDARY : M4_STOP_EXC_RETURN; break;
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
    case EXCEPTION_EXIT: m4_record(e, stop); break;
    case 17: m4_record(e, M4_STOP_NO_COPROCESSOR); break;
    default: m4_record(e, M4_STOP_UNDEFINED); break;
    }
    uc_emu_stop(uc);
}

// WFE and YIELD arrive here too, with PC behind them; an undefined instruction leaves PC on itself.
static bool on_invalid_instruction(uc_engine *uc, void *user) {
    (void)uc;
    m4_engine *e = user;
    uint32_t pc = m4_reg_read(e, UC_ARM_REG_PC);
    uint16_t last = 0, before = 0;
    m4_stop stop = M4_STOP_UNDEFINED;
    if (e->history_count && pc == m4_block_address(e) + m4_block_size(e) && m4_engine_code(e, pc - 2, &last)) {
        bool wide = m4_engine_code(e, pc - 4, &before) && before == 0xF3AF;
        if (last == 0xBF20 || (wide && last == 0x8002)) stop = M4_STOP_WFE;
        if (last == 0xBF10 || (wide && last == 0x8001)) stop = M4_STOP_YIELD;
    }
    m4_record(e, stop);
    return false;
}

uint64_t m4_hook_read(uc_engine *uc, uint64_t offset, unsigned size, void *user) {
    (void)uc;
    struct m4_io *io = user;
    io->engine->waiting.touched = true;
    return io->engine->read_register(io->engine->context, io->base + (uint32_t)offset, size);
}

void m4_hook_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user) {
    (void)uc;
    struct m4_io *io = user;
    io->engine->waiting.touched = true;
    io->engine->write_register(io->engine->context, io->base + (uint32_t)offset, size, (uint32_t)value);
}

static uc_err hook(m4_engine *e, int type, void *callback, uint64_t begin, uint64_t end) {
    uc_hook handle;
    return uc_hook_add(e->uc, &handle, type, callback, e, begin, end);
}

uc_err m4_install_hooks(m4_engine *e) {
    uc_err error;
    if ((error = hook(e, UC_HOOK_BLOCK, e->coarse ? (void *)on_block_coarse : (void *)on_block, 1, 0)) != UC_ERR_OK) return error;
    if ((error = hook(e, UC_HOOK_EDGE_GENERATED, (void *)on_translated, 1, 0)) != UC_ERR_OK) return error;
    if ((error = hook(e, UC_HOOK_INTR, (void *)on_exception, 1, 0)) != UC_ERR_OK) return error;
    if ((error = hook(e, UC_HOOK_INSN_INVALID, (void *)on_invalid_instruction, 1, 0)) != UC_ERR_OK) return error;
#if M4_VIRTUAL_TLB
    if ((error = m4_install_fill(e)) != UC_ERR_OK) return error;
#else
    int invalid = UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED | UC_HOOK_MEM_FETCH_UNMAPPED
        | UC_HOOK_MEM_READ_PROT | UC_HOOK_MEM_WRITE_PROT | UC_HOOK_MEM_FETCH_PROT;
    if ((error = hook(e, invalid, (void *)on_invalid_memory, 1, 0)) != UC_ERR_OK) return error;
    for (uint32_t i = 0; i < e->region_count; i++) {
        const m4_region *r = &e->regions[i];
        if (!r->host || r->start == r->physical) continue;
        error = hook(e, UC_HOOK_MEM_WRITE, (void *)on_alias_write, r->start, (uint64_t)r->start + r->size - 1);
        if (error != UC_ERR_OK) return error;
    }
#endif
    return UC_ERR_OK;
}
