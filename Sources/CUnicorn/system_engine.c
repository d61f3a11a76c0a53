// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// The system's libunicorn, 2.0.1 or later, by what its interface has since 2.0: a hook of each block does the accounting, each alias is mapped
// by itself, and exceptions leave the engine. What it cannot do: see engine/README.md.
#include "adapter.h"
#include <string.h>

#if !M4_OWN_ENGINE

uc_err m4_adapter_configure(m4_engine *e) { return (void)e, UC_ERR_OK; }

uc_err m4_adapter_map(m4_engine *e, const m4_region *r) { return uc_mem_map_ptr(e->uc, r->start, r->size, UC_PROT_ALL, r->host); }

// Once a block: the one place whose cost every instruction of a guest shares.
static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    m4_engine *e = user;
    uint64_t entry = e->counts[m4_count_index((uint32_t)address)];
    // An entry for another block, or none, differs above the count.
    uint64_t count = entry ^ (address << 32 | (uint64_t)size << 16);
    if (__builtin_expect((e->cycles < m4_limit(e)) & (count - 1 < 0xFFFF), 1)) m4_account(e, entry);
    else if (!m4_begin_block(e, (uint32_t)address, size)) uc_emu_stop(uc);
}

static void on_block_coarse(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    if (!m4_begin_block_coarse(user, (uint32_t)address, size)) uc_emu_stop(uc);
}

// A block has been translated, perhaps over changed code: its count is to be taken anew.
static void on_translated(uc_engine *uc, uc_tb *current, uc_tb *previous, void *user) {
    (void)uc, (void)previous;
    ((m4_engine *)user)->counts[m4_count_index((uint32_t)current->pc)] = 0;
}

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

// The library does not see that a store through an alias changes code at the other address.
static void on_alias_write(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user) {
    (void)uc, (void)type, (void)value;
    m4_engine *e = user;
    const m4_region *r = m4_engine_region(e, (uint32_t)address);
    if (r && r->start != r->physical) m4_forget_code(e, r->physical + ((uint32_t)address - r->start), (uint32_t)size);
}

uc_err m4_adapter_arm(m4_engine *e) {
    uc_err error = m4_hook(e, UC_HOOK_BLOCK, e->coarse ? (void *)on_block_coarse : (void *)on_block, 1, 0);
    if (error == UC_ERR_OK) error = m4_hook(e, UC_HOOK_EDGE_GENERATED, (void *)on_translated, 1, 0);
    int invalid = UC_HOOK_MEM_READ_UNMAPPED | UC_HOOK_MEM_WRITE_UNMAPPED | UC_HOOK_MEM_FETCH_UNMAPPED
        | UC_HOOK_MEM_READ_PROT | UC_HOOK_MEM_WRITE_PROT | UC_HOOK_MEM_FETCH_PROT;
    if (error == UC_ERR_OK) error = m4_hook(e, invalid, (void *)on_invalid_memory, 1, 0);
    for (uint32_t i = 0; i < e->region_count && error == UC_ERR_OK; i++) {
        const m4_region *r = &e->regions[i];
        if (r->host && r->start != r->physical)
            error = m4_hook(e, UC_HOOK_MEM_WRITE, (void *)on_alias_write, r->start, (uint64_t)r->start + r->size - 1);
    }
    return error;
}

void m4_adapter_run_ended(m4_engine *e, uc_err error) {
    // While there is a code hook, 2.0 leaves PC where the last block that was not jumped to directly began.
    if (e->stopped_before != M4_NOWHERE) m4_reg_write(e, UC_ARM_REG_PC, e->stopped_before | 1);
    if (e->abandoned) uc_context_restore(e->uc, e->abandoned_at);
    if (e->stopped) return;
    switch (error) {
    case UC_ERR_OK: break;
    case UC_ERR_READ_UNMAPPED: case UC_ERR_READ_PROT: case UC_ERR_WRITE_UNMAPPED: case UC_ERR_WRITE_PROT:
    case UC_ERR_READ_UNALIGNED: case UC_ERR_WRITE_UNALIGNED:
        e->stop = M4_STOP_DATA_FAULT; break;
    case UC_ERR_FETCH_UNMAPPED: case UC_ERR_FETCH_PROT: case UC_ERR_FETCH_UNALIGNED:
        e->stop = M4_STOP_FETCH_FAULT; break;
    default: e->stop = M4_STOP_ENGINE; break;
    }
}

void m4_adapter_begin_step(m4_engine *e) { (void)e; }

void m4_adapter_report_boundary(m4_engine *e, uint32_t address) { (void)e, (void)address; }

uint32_t m4_adapter_read_special(const m4_engine *e, int reg) { return m4_reg_read(e, reg); }

// In the header of 2.0 flushing the TLB is flushing translations.
void m4_adapter_forget_all(m4_engine *e) {
    uc_ctl_flush_tlb(e->uc);
#if UC_API_MAJOR > 2 || (UC_API_MAJOR == 2 && UC_API_MINOR >= 1)
    uc_ctl_flush_tb(e->uc);
#endif
}

void m4_adapter_core_restored(m4_engine *e) { (void)e; }

void m4_adapter_traps_changed(m4_engine *e) { m4_engine_forget_trap_hooks(e); }

// Exceptions. The order of writes matters: the library banks the stack pointer by CONTROL and IPSR, and takes writes to CONTROL.SPSEL in
// thread mode only, and from privileged code only. By the batch, for a call into the library for each costs more than the rest.

enum { MOST = 24 };
typedef struct batch {
    int registers[MOST];
    void *values[MOST];
    int count;
} batch;
static const uint32_t zero;

static inline void add(batch *b, int reg, const void *value) {
    if (b->count == MOST) return;
    b->registers[b->count] = reg;
    b->values[b->count++] = (void *)value;
}

void m4_engine_read_stacked(m4_engine *e, m4_stacked *s) {
    batch b = {.count = 0};
    for (int i = 0; i < 4; i++) add(&b, m4_register_ids[i], &s->r[i]);
    add(&b, UC_ARM_REG_R12, &s->r12);
    add(&b, UC_ARM_REG_SP, &s->sp);
    add(&b, UC_ARM_REG_LR, &s->lr);
    add(&b, UC_ARM_REG_XPSR, &s->xpsr);
    add(&b, UC_ARM_REG_CONTROL, &s->control);
    uc_reg_read_batch(e->uc, b.registers, b.values, b.count);
}

void m4_engine_leave_mode(m4_engine *e, uint32_t sp, uint32_t control, bool from_thread, uint32_t number) {
    batch b = {.count = 0};
    add(&b, UC_ARM_REG_SP, &sp);
    if (from_thread && control != 0) {
        if (control & 1) {
            add(&b, UC_ARM_REG_IPSR, &number);
            add(&b, UC_ARM_REG_CONTROL, &zero);
            add(&b, UC_ARM_REG_IPSR, &zero);
        }
        add(&b, UC_ARM_REG_CONTROL, &zero);
    }
    uc_reg_write_batch(e->uc, b.registers, b.values, b.count);
}

void m4_engine_start_handler(m4_engine *e, uint32_t number, uint32_t lr, uint32_t control, uint32_t flags) {
    batch b = {.count = 0};
    uint32_t thumb = 1 << 24;
    add(&b, UC_ARM_REG_IPSR, &number);
    add(&b, UC_ARM_REG_CONTROL, &control);
    add(&b, UC_ARM_REG_EPSR, &thumb);
    // Lets the library rebuild what it derived from the mode. Nothing else does.
    add(&b, UC_ARM_REG_APSR_NZCV, &flags);
    add(&b, UC_ARM_REG_LR, &lr);
    uc_reg_write_batch(e->uc, b.registers, b.values, b.count);
}

void m4_engine_read_return(m4_engine *e, m4_return_state *s) {
    batch b = {.count = 0};
    add(&b, UC_ARM_REG_XPSR, &s->xpsr);
    add(&b, UC_ARM_REG_CONTROL, &s->control);
    add(&b, UC_ARM_REG_FAULTMASK, &s->faultmask);
    add(&b, UC_ARM_REG_MSP, &s->msp);
    add(&b, UC_ARM_REG_PSP, &s->psp);
    uc_reg_read_batch(e->uc, b.registers, b.values, b.count);
}

void m4_engine_resume(m4_engine *e, const uint32_t frame[8], uint32_t sp, uint32_t control, bool unprivileged, bool to_thread) {
    uint32_t number = to_thread ? 0 : frame[7] & 0x1FF, whole = control | 1, xpsr = frame[7] & ~(1u << 9);
    batch b = {.count = 0};
    for (int i = 0; i < 4; i++) add(&b, m4_register_ids[i], &frame[i]);
    add(&b, UC_ARM_REG_R12, &frame[4]);
    add(&b, UC_ARM_REG_LR, &frame[5]);
    if (unprivileged) add(&b, UC_ARM_REG_CONTROL, &zero);
    add(&b, UC_ARM_REG_IPSR, &zero);
    add(&b, UC_ARM_REG_CONTROL, &control);
    add(&b, UC_ARM_REG_SP, &sp);
    if (!to_thread) add(&b, UC_ARM_REG_IPSR, &number);
    if (unprivileged) add(&b, UC_ARM_REG_CONTROL, &whole);
    add(&b, UC_ARM_REG_XPSR_NZCVQG, &xpsr);
    add(&b, UC_ARM_REG_APSR_NZCV, &xpsr);
    uc_reg_write_batch(e->uc, b.registers, b.values, b.count);
}

// What no register number reaches is found in a saved context, and changed there.

size_t m4_engine_locate_exclusive(m4_engine *e, uint32_t address) {
    if (uc_context_save(e->uc, e->scratch) != UC_ERR_OK) return 0;
    size_t size = uc_context_size(e->uc), found = 0;
    const uint8_t *before = (const uint8_t *)e->pristine, *now = (const uint8_t *)e->scratch;
    for (size_t offset = 8; offset + 8 <= size; offset += 4) {
        uint64_t was, is;
        memcpy(&was, before + offset, 8);
        memcpy(&is, now + offset, 8);
        if (was != UINT64_MAX || is != address) continue;
        if (found) return 0;
        found = offset;
    }
    return found;
}

void m4_engine_clear_exclusive(m4_engine *e) {
    if (!e->exclusive_open || !e->exclusive_offset) return;
    e->exclusive_open = false;
    if (uc_context_save(e->uc, e->scratch) != UC_ERR_OK) return;
    memset((uint8_t *)e->scratch + e->exclusive_offset, 0xFF, 8);
    uc_context_restore(e->uc, e->scratch);
}

// Behind the address lies what was read there.
void m4_adapter_read_exclusive(m4_engine *e, uint64_t *address, uint64_t *value) {
    *address = UINT64_MAX;
    *value = 0;
    if (!e->exclusive_offset || uc_context_save(e->uc, e->scratch) != UC_ERR_OK) return;
    const uint8_t *monitor = (const uint8_t *)e->scratch + e->exclusive_offset;
    memcpy(address, monitor, sizeof *address);
    memcpy(value, monitor + sizeof *address, sizeof *value);
}

void m4_adapter_write_exclusive(m4_engine *e, uint64_t address, uint64_t value) {
    if (!e->exclusive_offset || uc_context_save(e->uc, e->scratch) != UC_ERR_OK) return;
    uint8_t *monitor = (uint8_t *)e->scratch + e->exclusive_offset;
    memcpy(monitor, &address, sizeof address);
    memcpy(monitor + sizeof address, &value, sizeof value);
    uc_context_restore(e->uc, e->scratch);
}

// FPCCR and FPDSCR, which the library heeds: two words each, of which a core without the Security Extension has the first.
static const uint32_t fpccr_at_reset[2] = {0x80000000u, 0xC0000004u};

size_t m4_engine_locate_fp_context(const m4_engine *e) {
    const uint8_t *context = (const uint8_t *)e->pristine;
    size_t size = uc_context_size(e->uc), found = 0;
    for (size_t offset = 8; offset + 16 <= size; offset += 4) {
        if (memcmp(context + offset, fpccr_at_reset, sizeof fpccr_at_reset) != 0) continue;
        if (found) return 0;
        found = offset;
    }
    return found;
}

void m4_engine_set_fp_context(m4_engine *e, bool automatic, uint32_t status) {
    if (!e->fp_context_offset || (automatic == !e->fp_manual && status == e->fp_default_status)) return;
    if (uc_context_save(e->uc, e->scratch) != UC_ERR_OK) return;
    uint8_t *registers = (uint8_t *)e->scratch + e->fp_context_offset;
    uint32_t control = automatic ? fpccr_at_reset[0] : 0;
    memcpy(registers, &control, sizeof control);
    memcpy(registers + sizeof fpccr_at_reset, &status, sizeof status);
    if (uc_context_restore(e->uc, e->scratch) != UC_ERR_OK) return;
    e->fp_manual = !automatic;
    e->fp_default_status = status;
}

#endif
