// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Opening, memory, running. The hooks are in hooks.c.
#include "adapter.h"
#include <stdlib.h>
#include <string.h>

static uc_err open_engine(m4_engine *e, void *nothing) {
    (void)nothing;
    // Not UC_MODE_MCLASS: that is a Cortex-M33 in Secure state whatever model is asked for.
    uc_err error = uc_open(UC_ARCH_ARM, UC_MODE_THUMB, &e->uc);
    if (error == UC_ERR_OK) error = uc_ctl_set_cpu_model(e->uc, UC_CPU_ARM_CORTEX_M4);
    // With exits enabled and none given, no address ends a run: `until` would be an address a guest can reach.
    if (error == UC_ERR_OK) error = uc_ctl_exits_enable(e->uc);
    return error == UC_ERR_OK ? m4_adapter_configure(e) : error;
}

m4_engine *m4_engine_open(uc_err *error) {
    m4_engine *e = calloc(1, sizeof *e);
    uint64_t *counts = calloc(M4_COUNTS, sizeof *counts);
    uint8_t *uses_fpu = calloc(M4_COUNTS, sizeof *uses_fpu);
    *error = UC_ERR_NOMEM;
    if (!e || !counts || !uses_fpu) goto failed;
    e->counts = counts;
    e->uses_fpu = uses_fpu;
    e->pending_priority = e->active_priority = 256;
    e->group_mask = e->priority_mask = 0xFF;
    e->step_address = e->pass_address = M4_NOWHERE;
    if ((*error = m4_guarded(e, open_engine, NULL)) != UC_ERR_OK) goto failed;
    return e;
failed:
    if (e && e->uc && !e->had_no_memory) uc_close(e->uc);
    free(counts);
    free(uses_fpu);
    free(e);
    return NULL;
}

void m4_engine_close(m4_engine *e) {
    if (!e) return;
    if (!e->had_no_memory) {
        if (e->pristine) uc_context_free(e->pristine);
        if (e->scratch) uc_context_free(e->scratch);
        if (e->abandoned_at) uc_context_free(e->abandoned_at);
        uc_close(e->uc);
    }
    m4_recorder_close(e);
    free(e->breaks);
    free(e->watched);
    free(e->counts);
    free(e->uses_fpu);
    free(e->costs);
    free(e);
}

static uc_err add_region(m4_engine *e, void *region) {
    m4_region r = *(const m4_region *)region;
    uint32_t index = e->region_count;
    uc_err error = UC_ERR_OK;
    if (!r.host) {
        e->io[index].engine = e;
        e->io[index].base = r.start;
        error = uc_mmio_map(e->uc, r.physical, r.size, m4_hook_read, &e->io[index], m4_hook_write, &e->io[index]);
    } else {
        error = m4_adapter_map(e, &r);
    }
    if (error == UC_ERR_OK) e->regions[e->region_count++] = r;
    return error;
}

uc_err m4_engine_add_region(m4_engine *e, m4_region r) {
    if (e->region_count == M4_MAX_REGIONS || e->pristine) return UC_ERR_RESOURCE;
    return m4_guarded(e, add_region, &r);
}

static uc_err arm(m4_engine *e, void *nothing) {
    (void)nothing;
    if (e->coarse && !e->costs && !(e->costs = calloc(M4_COUNTS, sizeof *e->costs))) return UC_ERR_NOMEM;
    uc_err error = m4_install_hooks(e);
    if (error != UC_ERR_OK) return error;
    if ((error = uc_context_alloc(e->uc, &e->pristine)) != UC_ERR_OK) return error;
    if ((error = uc_context_alloc(e->uc, &e->scratch)) != UC_ERR_OK) return error;
    if ((error = uc_context_alloc(e->uc, &e->abandoned_at)) != UC_ERR_OK) return error;
    if ((error = uc_context_save(e->uc, e->pristine)) != UC_ERR_OK) return error;
    return UC_ERR_OK;
}

uc_err m4_engine_arm(m4_engine *e) { return m4_guarded(e, arm, NULL); }

static m4_stop run_once(m4_engine *e, uint32_t pc) {
    e->stopped = e->abandoned = e->fault_located = false;
    e->stop = M4_STOP_WFI;
    e->stopped_before = M4_NOWHERE;
    e->engine_error = UC_ERR_OK;
    e->first_block = e->history_count;
    e->next_block = pc & ~1u;
    m4_restart_idle_loop(e);
    m4_engine_update_limit(e);
    // A step ends inside of a block that may be known without it.
    if (e->step_address != M4_NOWHERE) e->counts[m4_count_index(pc & ~1u)] = 0;
    if (e->is_step) m4_adapter_begin_step(e);
    uc_err error = uc_emu_start(e->uc, pc, 0, 0, 0);
    e->engine_error = error;
    m4_adapter_run_ended(e, error);
    if (e->changing) m4_settle_change(e);
    bool ran = e->history_count != e->first_block;
    uint32_t at = m4_reg_read(e, UC_ARM_REG_PC);
    // A block that was stopped before is none that ran.
    if (ran && e->stopped_before == M4_NOWHERE) switch (e->stop) {
    // At an instruction of the block that has not retired. On 2.0 a data fault leaves PC at the block's start: the board
    // finds the instruction and calls m4_engine_retire_to.
    case M4_STOP_UNDEFINED: case M4_STOP_BKPT: case M4_STOP_NO_COPROCESSOR: case M4_STOP_DIVIDE: case M4_STOP_UNALIGNED: case M4_STOP_DATA_FAULT: case M4_STOP_FETCH_FAULT: case M4_STOP_BREAK:
    case M4_STOP_SPLIT:
        m4_engine_retire_to(e, at);
        break;
    default: break;
    }
    e->stopped = false;
    return e->stop;
}

static uc_err run(m4_engine *e, void *from) {
    uint32_t pc = *(const uint32_t *)from;
    for (;;) {
        m4_stop stop = run_once(e, pc);
        if (stop != M4_STOP_PREPARE && stop != M4_STOP_SPLIT) break;
        pc = m4_reg_read(e, UC_ARM_REG_PC) | 1;
        if (stop == M4_STOP_SPLIT) continue;
        if (!m4_place_trap_hooks(e, pc & ~1u, e->prepare_size)) {
            e->stop = M4_STOP_ENGINE;
            e->engine_error = UC_ERR_RESOURCE;
            break;
        }
    }
    return UC_ERR_OK;
}

m4_stop m4_engine_run(m4_engine *e, uint32_t pc) {
    uc_err error = m4_guarded(e, run, &pc);
    if (error == UC_ERR_OK) return e->stop;
    e->stop = M4_STOP_ENGINE;
    e->engine_error = error;
    e->stopped = false;
    return e->stop;
}

void m4_engine_retire_to(m4_engine *e, uint32_t pc) {
    uint64_t *newest = &e->history[(e->history_count - 1) % M4_RING];
    uint32_t start = (uint32_t)(*newest >> 32), size = (uint32_t)(*newest >> 16) & 0xFFFF, counted = *newest & 0xFFFF;
    if (pc < start || pc - start >= size) return;
    // In place of what was counted before: on 2.0 first none of the block, then what lies before the fault.
    uint32_t retired = m4_count_instructions(e, start, pc - start);
    e->cycles += (uint64_t)retired - counted;
    *newest += (uint64_t)retired - counted;
    if (!e->coarse) return;
    uint32_t extra = m4_extra_cycles(e, start, pc - start);
    e->cycles += (uint64_t)extra - e->newest_extra;
    e->extra += (uint64_t)extra - e->newest_extra;
    e->newest_extra = extra;
}

void m4_engine_update_limit(m4_engine *e) {
    bool waits = e->stop_requested || m4_engine_is_interrupted(e) || e->fp_deferred || e->changing || m4_looks_always(e) || e->is_step || e->pending_priority < e->active_priority;
    m4_set_limit(e, waits ? 0 : m4_usual_limit(e));
}

void m4_engine_interrupt(m4_engine *e, m4_interrupt how) {
    uint8_t none = M4_INTERRUPT_NONE;
    if (how == M4_INTERRUPT_FOR_GOOD) __atomic_store_n(&e->interrupted, how, __ATOMIC_RELAXED);
    else __atomic_compare_exchange_n(&e->interrupted, &none, how, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    m4_set_limit(e, 0);
}

bool m4_engine_take_interrupt(m4_engine *e) {
    if (!m4_engine_is_interrupted(e)) return false;
    uint8_t once = M4_INTERRUPT_ONCE;
    __atomic_compare_exchange_n(&e->interrupted, &once, M4_INTERRUPT_NONE, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return true;
}

// An unprivileged thread reads its masks as 0: look from handler mode. The stack pointer banks there and back.
static bool look_from_handler(m4_engine *e) {
    if (!(m4_adapter_read_special(e, UC_ARM_REG_CONTROL) & 1) || m4_reg_read(e, UC_ARM_REG_IPSR) != 0) return false;
    m4_reg_write(e, UC_ARM_REG_IPSR, 11);
    return true;
}

uint32_t m4_engine_privileged_read(m4_engine *e, int reg) {
    bool looks = look_from_handler(e);
    uint32_t value = m4_reg_read(e, reg);
    if (looks) m4_reg_write(e, UC_ARM_REG_IPSR, 0);
    return reg == UC_ARM_REG_BASEPRI ? value & e->priority_mask : value;
}

void m4_engine_privileged_write(m4_engine *e, int reg, uint32_t value) {
    bool looks = look_from_handler(e);
    m4_reg_write(e, reg, reg == UC_ARM_REG_BASEPRI ? value & e->priority_mask : value);
    if (looks) m4_reg_write(e, UC_ARM_REG_IPSR, 0);
}

void m4_engine_write_control(m4_engine *e, uint32_t control) {
    // From unprivileged code nothing is taken, and SPSEL not in a handler: first privileged, then all of it in one write.
    if (look_from_handler(e)) {
        m4_reg_write(e, UC_ARM_REG_CONTROL, 0);
        m4_reg_write(e, UC_ARM_REG_IPSR, 0);
    }
    m4_reg_write(e, UC_ARM_REG_CONTROL, control);
    // As in m4_engine_restore.
    m4_reg_write(e, UC_ARM_REG_APSR_NZCV, m4_reg_read(e, UC_ARM_REG_APSR_NZCV));
    m4_adapter_core_restored(e);
}

static int32_t masked_priority(m4_engine *e, bool with_primask) {
    int32_t priority = e->active_priority;
    bool looks = look_from_handler(e);
    uint32_t faultmask = m4_adapter_read_special(e, UC_ARM_REG_FAULTMASK);
    uint32_t primask = with_primask ? m4_adapter_read_special(e, UC_ARM_REG_PRIMASK) : 0;
    uint32_t basepri = m4_adapter_read_special(e, UC_ARM_REG_BASEPRI) & e->priority_mask;
    if (looks) m4_reg_write(e, UC_ARM_REG_IPSR, 0);
    if (basepri) {
        int32_t boost = (int32_t)(basepri & e->group_mask);
        if (boost < priority) priority = boost;
    }
    if ((primask & 1) && priority > 0) priority = 0;
    if ((faultmask & 1) && priority > -1) priority = -1;
    return priority;
}

int32_t m4_engine_execution_priority(m4_engine *e) { return masked_priority(e, true); }

bool m4_engine_wakes(m4_engine *e) {
    return e->pending_priority < e->active_priority && e->pending_priority < masked_priority(e, false);
}

bool m4_engine_can_take(m4_engine *e) {
    return e->pending_priority < e->active_priority && e->pending_priority < m4_engine_execution_priority(e);
}

uc_err m4_engine_reset_core(m4_engine *e) {
    e->changing = e->fp_default_status = 0;
    e->pass_address = M4_NOWHERE;
    e->fp_manual = false;
    uc_err error = uc_context_restore(e->uc, e->pristine);
    m4_adapter_core_restored(e);
    return error;
}

void m4_engine_flush(m4_engine *e) {
    memset(e->counts, 0, M4_COUNTS * sizeof *e->counts);
    for (uint32_t i = 0; i < e->region_count; i++)
        if (e->regions[i].fetched) memset(e->regions[i].fetched, 0, e->regions[i].size >> M4_PAGE_SHIFT);
    m4_adapter_forget_all(e);
}

void m4_engine_memory_written(m4_engine *e, uint32_t address, uint32_t count) {
    if (e->recorded_count) m4_record_other_write(e, address, count);
    m4_forget_written(e, address, count);
}

void m4_forget_written(m4_engine *e, uint32_t address, uint32_t count) {
    const m4_region *r = m4_engine_region(e, address);
    if (!r || !r->fetched || count == 0) return;
    uint32_t offset = address - r->start, last = offset + (count - 1);
    for (uint32_t page = offset >> M4_PAGE_SHIFT; page <= last >> M4_PAGE_SHIFT; page++) {
        if (M4_OWN_ENGINE && !r->fetched[page]) continue;
        uint32_t from = page << M4_PAGE_SHIFT;
        m4_forget_code(e, r->physical + from, M4_PAGE_SIZE);
    }
}

const m4_region *m4_engine_region(const m4_engine *e, uint32_t address) {
    for (uint32_t i = 0; i < e->region_count; i++)
        if (address - e->regions[i].start < e->regions[i].size) return &e->regions[i];
    return NULL;
}

bool m4_engine_code(const m4_engine *e, uint32_t address, uint16_t *halfword) {
    const m4_region *r = m4_engine_region(e, address);
    if (!r || !r->host || address - r->start + 2 > r->size) return false;
    memcpy(halfword, r->host + (address - r->start), 2);
    return true;
}

bool m4_engine_is_own(void) { return M4_OWN_ENGINE; }

uint32_t m4_library_version(void) {
    // A byte each from the top: major, minor, patch, and one of no interest.
    return uc_version(NULL, NULL) >> 8;
}
uint32_t m4_header_version(void) { return UC_API_MAJOR << 16 | UC_API_MINOR << 8 | UC_API_PATCH; }
