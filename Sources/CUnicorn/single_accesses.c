// Single loads and stores, as CCR.UNALIGN_TRP has them.
#include "hooks.h"

static uint32_t r(const m4_engine *e, unsigned number) { return m4_core_register(e, (int)(number & 15)); }

// LDR and STR through SP and PC are aligned whatever happens. Source: ARMv7-M ARM, A5.2.4.
static bool is_narrow_unaligned(const m4_engine *e, uint16_t i) {
    uint32_t mask = 3, offset = (i >> 6 & 31) * 4;
    switch (i >> 12) {
    case 5: {
        unsigned kind = i >> 9 & 7;  // STR, STRH, STRB, LDRSB, LDR, LDRH, LDRB, LDRSH
        if (kind == 2 || kind == 3 || kind == 6) return false;
        if (kind != 0 && kind != 4) mask = 1;
        offset = r(e, i >> 6 & 7);
        break;
    }
    case 6: break;
    case 8:
        mask = 1;
        offset = (i >> 6 & 31) * 2;
        break;
    default: return false;
    }
    return ((r(e, i >> 3 & 7) + offset) & mask) != 0;
}

// Source: ARMv7-M ARM, A3.2.1 and A5.3.7 to A5.3.10.
bool m4_is_unaligned_single(const m4_engine *e, uint32_t pc, uint16_t first, uint16_t second) {
    if (first < 0xE800) return is_narrow_unaligned(e, first);
    unsigned base = first & 15;
    if ((first & 0xFFF0) == 0xE8D0 && (second & 0x00F0) == 0x0010) {  // TBH
        uint32_t table = base == 15 ? pc + 4 : r(e, base);
        return ((table + (r(e, second) << 1)) & 1) != 0;
    }
    unsigned size = first >> 5 & 3;
    if ((first & 0xFE00) != 0xF800 || size == 0 || size == 3) return false;
    // Halfword loads to PC are hints.
    if (size == 1 && (first & 0x0010) && second >> 12 == 15) return false;
    uint32_t address = base == 15 ? (pc + 4) & ~3u : r(e, base), wide = second & 0xFFF, byte = second & 0xFF;
    if (base == 15) address += first & 0x80 ? wide : -wide;
    else if (first & 0x80) address += wide;
    else if (!(second & 0x800)) address += r(e, second) << (second >> 4 & 3);
    else if (second & 0x400) address += second & 0x200 ? byte : -byte;
    return (address & (size == 1 ? 1 : 3)) != 0;
}
