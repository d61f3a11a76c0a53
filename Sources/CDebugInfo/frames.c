// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Call frames: .debug_frame, and .eh_frame where there is none. */
#include "library.h"

#include <stdlib.h>

static bool fits(int64_t number) { return number >= INT32_MIN && number <= INT32_MAX; }

/* libdw's short forms, for which it fills in the caller's operations: call_frame_cfa; plus_uconst N; stack_value, and a register. */
static m4_frame_rule rule_of(Dwarf_Frame *frame, int number) {
    Dwarf_Op room[3], *operations;
    size_t count;
    m4_frame_rule unknown = {M4_FRAME_UNKNOWN, 0};
    if (m4_libdw.dwarf_frame_register(frame, number, room, &operations, &count) != 0) {
        return unknown;
    }
    if (count == 0) {
        return operations ? unknown : (m4_frame_rule){M4_FRAME_SAME, 0};
    }
    if (count == 1 && operations[0].atom >= DW_OP_reg0 && operations[0].atom <= DW_OP_reg31) {
        return (m4_frame_rule){M4_FRAME_REGISTER, operations[0].atom - DW_OP_reg0};
    }
    if (count == 1 && operations[0].atom == DW_OP_regx && operations[0].number < 16) {
        return (m4_frame_rule){M4_FRAME_REGISTER, (int32_t)operations[0].number};
    }
    if (operations[0].atom != DW_OP_call_frame_cfa) {
        return unknown;
    }
    int64_t offset = 0;
    size_t at = 1;
    if (at < count && operations[at].atom == DW_OP_plus_uconst) {
        offset = (int64_t)operations[at++].number;
    }
    /* Numbers of four bytes wrap as addresses do. */
    if (!fits(offset)) {
        offset = (int32_t)(uint32_t)(uint64_t)offset;
    }
    if (at == count) {
        return (m4_frame_rule){M4_FRAME_SAVED, (int32_t)offset};
    }
    if (at + 1 == count && operations[at].atom == DW_OP_stack_value) {
        return (m4_frame_rule){M4_FRAME_VALUE, (int32_t)offset};
    }
    return unknown;
}

static bool read_frame(Dwarf_CFI *rules, uint32_t address, m4_frame *found) {
    Dwarf_Frame *frame;
    if (!rules || m4_libdw.dwarf_cfi_addrframe(rules, address, &frame) != 0) {
        return false;
    }
    Dwarf_Addr start, end;
    bool is_signal;
    Dwarf_Op *operations;
    size_t count;
    int link = m4_libdw.dwarf_frame_info(frame, &start, &end, &is_signal);
    bool is_read = false;
    if (link >= 0 && link < 15 && start <= address && address < end && end <= UINT32_MAX && m4_libdw.dwarf_frame_cfa(frame, &operations, &count) == 0 && count == 1) {
        int64_t offset = 0, base = -1;
        if (operations[0].atom >= DW_OP_breg0 && operations[0].atom <= DW_OP_breg31) {
            base = operations[0].atom - DW_OP_breg0;
            offset = (int64_t)operations[0].number;
        } else if (operations[0].atom == DW_OP_bregx && operations[0].number < 15) {
            base = (int64_t)operations[0].number;
            offset = (int64_t)operations[0].number2;
        }
        if (base >= 0 && base < 15 && fits(offset)) {
            *found = (m4_frame){
                .start = (uint32_t)start, .end = (uint32_t)end, .cfa_register = (unsigned)base, .cfa_offset = (int32_t)offset, .return_register = (unsigned)link};
            for (int number = 0; number < 15; number++) {
                found->registers[number] = rule_of(frame, number);
            }
            is_read = true;
        }
    }
    free(frame);
    return is_read;
}

bool m4_dwarf_frame(m4_dwarf *file, uint32_t address, m4_frame *found) {
    if (!file->has_looked_for_frames) {
        file->has_looked_for_frames = true;
        file->frames = m4_libdw.dwarf_getcfi(file->dwarf);
        file->unwind = m4_libdw.dwarf_getcfi_elf(file->elf);
    }
    return read_frame(file->frames, address, found) || read_frame(file->unwind, address, found);
}
