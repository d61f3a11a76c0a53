// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "table.h"

// 1110 11 and 1111 11, but for what ends in 11: that is no coprocessor's. Source: ARMv7-M ARM, A5.3.18.
static int8_t coprocessor(uint16_t first, uint16_t second) {
    return (first & 0xEC00) == 0xEC00 && (first & 0x0300) != 0x0300 ? (int8_t)(second >> 8 & 15) : THUMB_NONE;
}

thumb_instruction thumb_decode(uint16_t first, uint16_t second) {
    bool wide = thumb_is_wide(first);
    uint32_t encoding = wide ? (uint32_t)first << 16 | second : first;
    thumb_instruction i = {
        .size = wide ? 4 : 2, .coprocessor = wide ? coprocessor(first, second) : THUMB_NONE,
        .d = THUMB_NONE, .a = THUMB_NONE, .n = THUMB_NONE, .m = THUMB_NONE,
    };
    const thumb_group *group = &(wide ? thumb_wide : thumb_narrow)[first >> 9];
    for (const thumb_row *row = group->rows, *end = row + group->count; row < end; row++) {
        if ((encoding & row->mask) != row->value) continue;
        i.operation = (thumb_operation)row->operation;
        if (i.operation == THUMB_UNDEFINED) break;
        thumb_read_operands(&i, row, encoding);
        return i;
    }
    if (i.coprocessor >= 0 && !thumb_is_fpu(&i)) i.operation = THUMB_COPROCESSOR;
    else i.flow = THUMB_NOWHERE;
    return i;
}
