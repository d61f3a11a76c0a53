// Instructions that the engine executes and the core may have to trap: the FPU's while CPACR denies it, divisions while
// CCR.DIV_0_TRP is set. Each gets a code hook of its own when its block is first met, so that all others cost nothing.
#include "hooks.h"
#include <string.h>

static uint32_t trap_of(uint16_t first, uint16_t second) {
    if ((first & 0xEC00) == 0xEC00 && (first & 0x0300) != 0x0300 && (second & 0x0E00) == 0x0A00) return M4_TRAP_FPU;
    if ((first & 0xFFD0) == 0xFB90 && (second & 0x00F0) == 0x00F0) return M4_TRAP_DIVIDE;
    // Multiple and double accesses. Through SP and PC they are aligned whatever happens; offsets are multiples of four.
    unsigned base = first & 15;
    if ((first & 0xF000) == 0xC000) return M4_TRAP_UNALIGNED;
    if ((first & 0xFE00) == 0xE800 && base < 13) {
        bool multiple = (first & 0x0040) == 0, dual = (first & 0x0120) != 0, exclusive = (first & 0x0080) == 0;
        if (multiple || dual || exclusive) return M4_TRAP_UNALIGNED;
    }
    return 0;
}

static bool is_aligned(const m4_engine *e, uint16_t first) {
    int base = first < 0xE800 ? first >> 8 & 7 : first & 15;
    return (m4_reg_read(e, UC_ARM_REG_R0 + base) & 3) == 0;
}

static struct m4_site *find(m4_engine *e, uint32_t address) {
    for (uint32_t i = 0; i < e->site_count; i++)
        if (e->sites[i].address == address) return &e->sites[i];
    return NULL;
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

static void on_site(uc_engine *uc, uint64_t address, uint32_t size, void *user) {
    (void)size;
    struct m4_site *site = user;
    m4_engine *e = site->engine;
    uint16_t first = 0, second = 0;
    if (e->stopped || !m4_engine_code(e, (uint32_t)address, &first)) return;
    if (first >= 0xE800 && !m4_engine_code(e, (uint32_t)address + 2, &second)) return;
    uint32_t trap = trap_of(first, second) & e->traps;
    if (!trap) return;
    if (trap == M4_TRAP_FPU && e->fpu_for_privileged && is_privileged(e)) return;
    if (trap == M4_TRAP_DIVIDE) {
        static const int numbers[16] = {
            UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_R3, UC_ARM_REG_R4, UC_ARM_REG_R5, UC_ARM_REG_R6, UC_ARM_REG_R7,
            UC_ARM_REG_R8, UC_ARM_REG_R9, UC_ARM_REG_R10, UC_ARM_REG_R11, UC_ARM_REG_R12, UC_ARM_REG_SP, UC_ARM_REG_LR, UC_ARM_REG_PC};
        if (m4_reg_read(e, numbers[second & 15]) != 0) return;
    }
    if (trap == M4_TRAP_UNALIGNED && is_aligned(e, first)) return;
    if (site->it_state && !holds(e, site->it_state >> 4)) return;
    e->stop = trap == M4_TRAP_FPU ? M4_STOP_NO_COPROCESSOR : trap == M4_TRAP_DIVIDE ? M4_STOP_DIVIDE : M4_STOP_UNALIGNED;
    e->stopped = true;
    uint32_t it = site->it_state, epsr = 0x01000000 | (it & 0xFC) << 8 | (it & 3) << 25;
    m4_reg_write(e, UC_ARM_REG_EPSR, epsr);
    uc_emu_stop(uc);
}

// Walks a block's instructions; `add` hooks those that trap, otherwise the first without a hook ends the walk with true.
static bool walk(m4_engine *e, uint32_t address, uint32_t size, uint32_t it, bool add) {
    for (uint32_t offset = 0; offset < size;) {
        uint16_t first = 0, second = 0;
        uint32_t at = address + offset;
        if (!m4_engine_code(e, at, &first)) return false;
        bool wide = first >= 0xE800;
        if (wide && !m4_engine_code(e, at + 2, &second)) return false;
        if (trap_of(first, second) & e->traps) {
            struct m4_site *site = find(e, at);
            if (!site) {
                if (!add) return true;
                if (e->site_count == M4_MAX_SITES) return false;
                site = &e->sites[e->site_count];
                if (uc_hook_add(e->uc, &site->hook, UC_HOOK_CODE, (void *)on_site, site, at, at) != UC_ERR_OK) return false;
                e->site_count++;
                site->address = at;
                site->engine = e;
            }
            if (add) site->it_state = (uint8_t)it;
        }
        if ((first & 0xFF00) == 0xBF00 && first & 15) it = first & 0xFF;
        else it = (it & 7) ? ((it & 0xE0) | (it << 1 & 0x1F)) : 0;
        offset += wide ? 4 : 2;
    }
    return false;
}

bool m4_has_unhooked_site(m4_engine *e, uint32_t address, uint32_t size) { return walk(e, address, size, 0, false); }

void m4_hook_sites(m4_engine *e, uint32_t address, uint32_t size) {
    if (e->site_count > M4_MAX_SITES - M4_LONGEST_BLOCK / 4) m4_engine_forget_sites(e);
    uint32_t epsr = m4_reg_read(e, UC_ARM_REG_XPSR);
    walk(e, address, size, (epsr >> 8 & 0xFC) | (epsr >> 25 & 3), true);
    // Hooks are seen when code is translated.
    uc_ctl_remove_cache(e->uc, (uint64_t)address, (uint64_t)address + size);
}

void m4_engine_forget_sites(m4_engine *e) {
    for (uint32_t i = 0; i < e->site_count; i++) uc_hook_del(e->uc, e->sites[i].hook);
    e->site_count = 0;
    memset(e->counts, 0, M4_COUNTS * sizeof *e->counts);
}

void m4_engine_set_traps(m4_engine *e, uint32_t traps, bool fpu_for_privileged) {
    e->fpu_for_privileged = fpu_for_privileged;
    // Unaligned multiple accesses trap whatever CCR says. Source: ARMv7-M ARM, A3.2.1.
    traps |= M4_TRAP_UNALIGNED;
#if !M4_VIRTUAL_TLB
    // A code hook of engine 2.0 sees registers as they were at the block's start: no trap can depend on what they hold.
    traps &= M4_TRAP_FPU;
#endif
    if (traps == e->traps) return;
    // New traps: blocks that were met before have instructions without a hook. Fewer: their hooks would only cost.
    e->traps = traps;
    m4_engine_forget_sites(e);
}
