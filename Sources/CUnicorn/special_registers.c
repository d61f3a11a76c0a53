// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Special registers that the engine writes as they are given, where a Cortex-M4 has fewer bits or says when not. CPS and MSR end
// their block: what they leave is put right before the next block runs.
#include "hooks.h"

// SYSm. Source: ARMv7-M ARM, B5.1.1.
enum { MSP = 8, PSP = 9, BASEPRI = 0x11, BASEPRI_MAX = 0x12, FAULTMASK = 0x13 };

bool m4_reads_basepri(const thumb_instruction *i) {
    return i->operation == THUMB_MRS && (i->immediate == BASEPRI || i->immediate == BASEPRI_MAX);
}

/// The special register that the last instruction of a block changes; of CPS FAULTMASK alone. 0 for none.
static uint32_t changed_by(const m4_engine *e, uint32_t end) {
    thumb_instruction i;
    if (m4_read_instruction(e, end - 4, &i) && i.operation == THUMB_MSR) return i.immediate;
    bool of_faults = m4_read_instruction(e, end - 2, &i) && i.operation == THUMB_CPS && i.immediate & 1;
    return of_faults ? FAULTMASK : 0;
}

uint32_t m4_trim_basepri(m4_engine *e) {
    uint32_t value = m4_reg_read(e, UC_ARM_REG_BASEPRI), trimmed = value & e->priority_mask;
    if (value != trimmed) m4_reg_write(e, UC_ARM_REG_BASEPRI, trimmed);
    return trimmed;
}

void m4_expect_change(m4_engine *e, uint32_t address, uint32_t size) {
    uint32_t number = changed_by(e, address + size);
    switch (number) {
    case MSP: case PSP: break;
    case BASEPRI_MAX: e->kept = m4_trim_basepri(e); break;
    case FAULTMASK:
        // Below priority 0 the MPU may be out of force.
        if (e->page_permission) e->sign_changed = e->stop_requested = true;
        if (e->active_priority >= 0) return;
        e->kept = m4_reg_read(e, UC_ARM_REG_FAULTMASK);
        break;
    default: return;
    }
    e->changing = number;
}

static void align(m4_engine *e, int reg) {
    uint32_t value = m4_reg_read(e, reg);
    if (value & 3) m4_reg_write(e, reg, value & ~3u);
}

void m4_settle_change(m4_engine *e) {
    uint32_t number = e->changing, value;
    e->changing = 0;
    switch (number) {
    // Source: ARMv7-M ARM, B1.4.1.
    case MSP: align(e, UC_ARM_REG_MSP); break;
    case PSP: align(e, UC_ARM_REG_PSP); break;
    // A value without an implemented bit is 0, which BASEPRI_MAX does not write. Source: ARMv7-M ARM, B5.2.3.
    case BASEPRI_MAX:
        value = m4_reg_read(e, UC_ARM_REG_BASEPRI);
        if (!(value & e->priority_mask) && value != e->kept) m4_reg_write(e, UC_ARM_REG_BASEPRI, e->kept);
        break;
    // At HardFault's priority and above it cannot be set. Source: ARMv7-M ARM, B5.2.1 and B5.2.3.
    case FAULTMASK:
        if (m4_reg_read(e, UC_ARM_REG_FAULTMASK) & ~e->kept) m4_reg_write(e, UC_ARM_REG_FAULTMASK, e->kept);
        break;
    default: break;
    }
    m4_engine_update_limit(e);
}
