// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Where encodings have their operands, and what follows from them: core registers read and written, accesses, flow.
#include "table.h"

enum { SP = 13, LR = 14, PC = 15 };

static uint32_t bits(uint32_t e, int from, int count) { return e >> from & ((1u << count) - 1); }
static int8_t reg(uint32_t e, int from) { return (int8_t)bits(e, from, 4); }
static int8_t low(uint32_t e, int from) { return (int8_t)bits(e, from, 3); }
static uint32_t extended(uint32_t value, int from) { return (value ^ 1u << (from - 1)) - (1u << (from - 1)); }
static uint16_t bit_of(int8_t r) { return r < 0 ? 0 : (uint16_t)(1u << r); }
static uint32_t words(uint32_t mask) { return (uint32_t)__builtin_popcount(mask); }

// ThumbExpandImm. Source: ARMv7-M ARM, A5.3.2.
static uint32_t expanded(uint32_t immediate) {
    uint32_t byte = immediate & 0xFF, turn = immediate >> 7 & 31;
    if (turn >= 8) return (byte | 0x80) >> turn | (byte | 0x80) << (32 - turn);
    switch (turn >> 1) {
    case 0: return byte;
    case 1: return byte | byte << 16;
    case 2: return byte << 8 | byte << 24;
    default: return byte * 0x01010101u;
    }
}
static uint32_t twelve(uint32_t e) { return bits(e, 26, 1) << 11 | bits(e, 12, 3) << 8 | bits(e, 0, 8); }

// DecodeImmShift. Source: ARMv7-M ARM, A7.4.2.
static void set_shift(thumb_instruction *i, uint32_t kind, uint32_t amount) {
    i->shift_kind = (thumb_shift)kind;
    i->shift = (uint8_t)amount;
    if (amount) return;
    if (kind == THUMB_SHIFT_ROR) i->shift_kind = THUMB_SHIFT_RRX, i->shift = 1;
    else if (kind != THUMB_SHIFT_LSL) i->shift = 32;
}
static void set_wide_shift(thumb_instruction *i, uint32_t e) { set_shift(i, bits(e, 4, 2), bits(e, 12, 3) << 2 | bits(e, 6, 2)); }

/// `d` is written; `n` and `m`, where there are any, are read.
static void compute(thumb_instruction *i, int8_t d, int8_t n, int8_t m) {
    i->d = d, i->n = n, i->m = m;
    i->writes |= bit_of(d);
    i->reads |= bit_of(n) | bit_of(m);
}
/// `d`, and `a` where there is one, are loaded or stored.
static void transfer(thumb_instruction *i, int8_t d, int8_t a) {
    if (!i->loads && !i->stores) return;  // a hint
    i->d = d, i->a = a;
    *(i->loads ? &i->writes : &i->reads) |= bit_of(d) | bit_of(a);
}
static void address(thumb_instruction *i, int8_t n, uint32_t offset, uint32_t count) {
    i->n = n, i->offset = offset, i->count = (uint16_t)count;
    i->reads |= bit_of(n);
}
static void address_indexed(thumb_instruction *i, int8_t n, int8_t m, uint32_t shift, uint32_t count) {
    address(i, n, 0, count);
    i->m = m, i->shift = (uint8_t)shift;
    i->reads |= bit_of(m);
}
static void write_back(thumb_instruction *i, uint32_t step) {
    i->writes_back = true, i->step = step;
    i->writes |= bit_of(i->n);
}
/// Of loads and stores with P, U and W: `moved` from the base on, before the access or behind it.
static void address_moved(thumb_instruction *i, int8_t n, uint32_t moved, bool before, bool writes_back, uint32_t count) {
    address(i, n, before ? moved : 0, count);
    if (writes_back) write_back(i, moved);
}
static void transfer_list(thumb_instruction *i, int8_t n, uint16_t list, bool down, bool writes_back) {
    uint32_t count = 4 * words(list);
    i->list = list;
    *(i->loads ? &i->writes : &i->reads) |= list;
    address(i, n, down ? 0u - count : 0, count);
    if (writes_back) write_back(i, down ? 0u - count : count);
}
static void branch(thumb_instruction *i, uint32_t displacement, bool conditional) {
    i->immediate = displacement, i->conditional = conditional;
    i->flow = THUMB_BRANCH;
    i->writes |= 1u << PC;
}

static void read_narrow(thumb_instruction *i, const thumb_row *row, uint32_t e) {
    int8_t r0 = low(e, 0), r3 = low(e, 3), r6 = low(e, 6), r8 = low(e, 8), either = (int8_t)(bits(e, 0, 3) | bits(e, 7, 1) << 3);
    uint32_t eight = bits(e, 0, 8), five = bits(e, 6, 5);
    switch (row->operands) {
    case N_SHIFT:
        compute(i, r0, THUMB_NONE, r3);
        set_shift(i, bits(e, 11, 2), five);
        break;
    case N_THREE: compute(i, r0, r3, r6); break;
    case N_THREE_IMM: compute(i, r0, r3, THUMB_NONE); i->immediate = bits(e, 6, 3); break;
    case N_MOV8: compute(i, r8, THUMB_NONE, THUMB_NONE); i->immediate = eight; break;
    case N_CMP8: compute(i, THUMB_NONE, r8, THUMB_NONE); i->immediate = eight; break;
    case N_ADD8: compute(i, r8, r8, THUMB_NONE); i->immediate = eight; break;
    case N_TWO: compute(i, r0, r0, r3); break;
    case N_COMPARE: compute(i, THUMB_NONE, r0, r3); break;
    case N_MOVE: compute(i, r0, THUMB_NONE, r3); break;
    case N_NEGATE: compute(i, r0, r3, THUMB_NONE); break;
    case N_MUL: compute(i, r0, r3, r0); break;
    case N_HIGH: compute(i, either, either, reg(e, 3)); break;
    case N_HIGH_COMPARE: compute(i, THUMB_NONE, either, reg(e, 3)); break;
    case N_HIGH_MOVE: compute(i, either, THUMB_NONE, reg(e, 3)); break;
    case N_REGISTER: compute(i, PC, THUMB_NONE, reg(e, 3)); break;
    case N_LITERAL: address(i, PC, 4 * eight, 4); transfer(i, r8, THUMB_NONE); break;
    case N_INDEXED: address_indexed(i, r3, r6, 0, row->width); transfer(i, r0, THUMB_NONE); break;
    case N_OFFSET: address(i, r3, five * row->width, row->width); transfer(i, r0, THUMB_NONE); break;
    case N_STACK: address(i, SP, 4 * eight, 4); transfer(i, r8, THUMB_NONE); break;
    case N_ADR: compute(i, r8, PC, THUMB_NONE); i->immediate = 4 * eight; break;
    case N_ADD_SP: compute(i, r8, SP, THUMB_NONE); i->immediate = 4 * eight; break;
    case N_SP: compute(i, SP, SP, THUMB_NONE); i->immediate = 4 * bits(e, 0, 7); break;
    case N_CBZ:
        i->n = r0;
        i->reads |= bit_of(r0);
        branch(i, bits(e, 9, 1) << 6 | bits(e, 3, 5) << 1, true);
        break;
    case N_PUSH: transfer_list(i, SP, (uint16_t)(eight | bits(e, 8, 1) << LR), true, true); break;
    case N_POP: transfer_list(i, SP, (uint16_t)(eight | bits(e, 8, 1) << PC), false, true); break;
    case N_STM: transfer_list(i, r8, (uint16_t)eight, false, true); break;
    case N_LDM: transfer_list(i, r8, (uint16_t)eight, false, !(eight >> r8 & 1)); break;
    case N_IMM: i->immediate = eight; break;
    case N_BRANCH_IF: branch(i, extended(eight << 1, 9), true); break;
    case N_BRANCH: branch(i, extended(bits(e, 0, 11) << 1, 12), false); break;
    default: break;
    }
}

static uint32_t long_displacement(uint32_t e) {
    uint32_t sign = bits(e, 26, 1), i1 = 1 ^ bits(e, 13, 1) ^ sign, i2 = 1 ^ bits(e, 11, 1) ^ sign;
    return extended(sign << 24 | i1 << 23 | i2 << 22 | bits(e, 16, 10) << 12 | bits(e, 0, 11) << 1, 25);
}
static uint32_t conditional_displacement(uint32_t e) {
    return extended(bits(e, 26, 1) << 20 | bits(e, 11, 1) << 19 | bits(e, 13, 1) << 18 | bits(e, 16, 6) << 12 | bits(e, 0, 11) << 1, 21);
}

static void read_memory(thumb_instruction *i, const thumb_row *row, uint32_t e) {
    int8_t n = reg(e, 16), t = reg(e, 12), d = reg(e, 8), m = reg(e, 0);
    bool up = bits(e, 23, 1), before = bits(e, 24, 1), writes_back = bits(e, 21, 1);
    uint32_t eight = bits(e, 0, 8), four_times = up ? 4 * eight : 0u - 4 * eight;
    switch (row->operands) {
    case W_MULTIPLE: transfer_list(i, n, (uint16_t)e, before, writes_back); break;
    case W_DUAL: address_moved(i, n, four_times, before, writes_back, 8); transfer(i, t, d); break;
    case W_EXCLUSIVE:
    case W_EXCLUSIVE_SMALL: {
        bool small = row->operands == W_EXCLUSIVE_SMALL;
        address(i, n, small ? 0 : 4 * eight, row->width);
        transfer(i, t, THUMB_NONE);
        if (!i->stores) break;
        i->a = small ? m : d;
        i->writes |= bit_of(i->a);
        break;
    }
    case W_TABLE:
        address_indexed(i, n, m, row->width - 1u, row->width);
        i->flow = THUMB_TABLE;
        i->writes |= 1u << PC;
        break;
    case W_OFFSET: address(i, n, bits(e, 0, 12), row->width); transfer(i, t, THUMB_NONE); break;
    case W_OFFSET8:
        i->as_user = bits(e, 8, 4) == 0xE;
        address_moved(i, n, bits(e, 9, 1) ? eight : 0u - eight, bits(e, 10, 1), bits(e, 8, 1), row->width);
        transfer(i, t, THUMB_NONE);
        break;
    case W_INDEXED: address_indexed(i, n, m, bits(e, 4, 2), row->width); transfer(i, t, THUMB_NONE); break;
    case W_LITERAL: address(i, PC, up ? bits(e, 0, 12) : 0u - bits(e, 0, 12), row->width); transfer(i, t, THUMB_NONE); break;
    case V_OFFSET: address(i, n, four_times, row->width); break;
    case V_MULTIPLE: address_moved(i, n, four_times, before, writes_back, 4 * eight); break;
    default: break;
    }
}

static void read_wide(thumb_instruction *i, const thumb_row *row, uint32_t e) {
    int8_t n = reg(e, 16), t = reg(e, 12), d = reg(e, 8), m = reg(e, 0), none = THUMB_NONE;
    switch (row->operands) {
    case W_SHIFTED: compute(i, d, n, m); set_wide_shift(i, e); break;
    case W_SHIFTED_MOVE: compute(i, d, none, m); set_wide_shift(i, e); break;
    case W_SHIFTED_COMPARE: compute(i, none, n, m); set_wide_shift(i, e); break;
    case W_MODIFIED: compute(i, d, n, none); i->immediate = expanded(twelve(e)); break;
    case W_MODIFIED_MOVE: compute(i, d, none, none); i->immediate = expanded(twelve(e)); break;
    case W_MODIFIED_COMPARE: compute(i, none, n, none); i->immediate = expanded(twelve(e)); break;
    case W_PLAIN: compute(i, d, n, none); i->immediate = twelve(e); break;
    case W_ADR: compute(i, d, PC, none); i->immediate = bits(e, 23, 1) ? 0u - twelve(e) : twelve(e); break;
    case W_IMM16:
        compute(i, d, row->operation == THUMB_MOVT ? d : none, none);
        i->immediate = bits(e, 16, 4) << 12 | twelve(e);
        break;
    case W_FIELD: compute(i, d, n, none); break;
    case W_INSERT: compute(i, d, n == PC ? none : n, none); i->reads |= bit_of(d); break;
    case W_BRANCH_IF: branch(i, conditional_displacement(e), true); break;
    case W_BRANCH:
        branch(i, long_displacement(e), false);
        if (row->operation != THUMB_BL) break;
        i->flow = THUMB_CALL;
        i->writes |= 1u << LR;
        break;
    case W_MRS: compute(i, d, none, none); i->immediate = bits(e, 0, 8); break;
    case W_MSR: compute(i, none, n, none); i->immediate = bits(e, 0, 8); break;
    case W_THREE: compute(i, d, n, m); break;
    case W_EXTEND: compute(i, d, n == PC ? none : n, m); break;
    case W_TWO: compute(i, d, none, m); break;
    case W_ACCUMULATE:
        compute(i, d, n, m);
        i->a = t == PC ? none : t;
        i->reads |= bit_of(i->a);
        break;
    case W_LONG:
    case W_LONG_ACCUMULATE:
        compute(i, t, n, m);
        i->a = d;
        i->writes |= bit_of(d);
        if (row->operands == W_LONG_ACCUMULATE) i->reads |= bit_of(t) | bit_of(d);
        break;
    case V_CORE:
        if (bits(e, 20, 1)) compute(i, t, none, none);
        else compute(i, none, t, none);
        break;
    case V_PAIR:
        i->d = t, i->a = n;
        *(bits(e, 20, 1) ? &i->writes : &i->reads) |= bit_of(t) | bit_of(n);
        break;
    case V_VMRS:
        i->flags = t == PC;
        if (t != PC) compute(i, t, none, none);
        break;
    default: read_memory(i, row, e); break;
    }
}

static thumb_flow flow_of(const thumb_instruction *i) {
    if (i->flow != THUMB_NEXT) return i->flow;
    switch (i->operation) {
    case THUMB_BX: return THUMB_JUMP;
    case THUMB_BLX: return THUMB_INDIRECT_CALL;
    case THUMB_UDF: return THUMB_NOWHERE;
    default: break;
    }
    if (!(i->writes >> PC & 1)) return THUMB_NEXT;
    switch (i->operation) {
    case THUMB_LDR: return THUMB_LOADED_JUMP;
    case THUMB_LDM: return i->list >> PC & 1 ? THUMB_LOADED_RETURN : THUMB_COMPUTED;
    case THUMB_MOV: return i->m >= 0 && i->size == 2 ? THUMB_JUMP : THUMB_COMPUTED;
    default: return THUMB_COMPUTED;
    }
}

void thumb_read_operands(thumb_instruction *i, const thumb_row *row, uint32_t encoding) {
    i->loads = row->traits & T_LOADS;
    i->stores = row->traits & T_STORES;
    i->exclusive = row->traits & T_EXCLUSIVE;
    i->width = row->width;
    bool outside = row->traits & T_OUTSIDE_IT, flags = row->traits & T_FLAGS || (row->traits & T_S && bits(encoding, 20, 1));
    i->flags = flags;
    i->flags_outside_it = outside;
    if (i->size == 2) read_narrow(i, row, encoding);
    else read_wide(i, row, encoding);
    if (i->operation == THUMB_BLX) i->writes |= 1u << LR;
    i->flow = flow_of(i);
}
