// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Rows of the decoder's tables, which narrow.c and wide.c have and operands.c reads.
#ifndef CTHUMB_TABLE_H
#define CTHUMB_TABLE_H
#include "CThumb.h"

/// Where the operands of an encoding are; see operands.c.
typedef enum thumb_operands {
    O_NONE,
    // 16 bits.
    N_SHIFT, N_THREE, N_THREE_IMM, N_MOV8, N_CMP8, N_ADD8, N_TWO, N_COMPARE, N_MOVE, N_NEGATE, N_MUL, N_HIGH, N_HIGH_COMPARE, N_HIGH_MOVE,
    N_REGISTER, N_LITERAL, N_INDEXED, N_OFFSET, N_STACK, N_ADR, N_ADD_SP, N_SP, N_CBZ, N_PUSH, N_POP, N_STM, N_LDM, N_IMM, N_BRANCH_IF, N_BRANCH,
    // 32 bits.
    W_MULTIPLE, W_DUAL, W_EXCLUSIVE, W_EXCLUSIVE_SMALL, W_TABLE, W_SHIFTED, W_SHIFTED_MOVE, W_SHIFTED_COMPARE, W_MODIFIED, W_MODIFIED_MOVE,
    W_MODIFIED_COMPARE, W_PLAIN, W_ADR, W_IMM16, W_FIELD, W_INSERT, W_BRANCH_IF, W_BRANCH, W_MRS, W_MSR,
    W_OFFSET, W_OFFSET8, W_INDEXED, W_LITERAL, W_THREE, W_EXTEND, W_TWO, W_ACCUMULATE, W_LONG, W_LONG_ACCUMULATE,
    // The FPU.
    V_CORE, V_PAIR, V_VMRS, V_OFFSET, V_MULTIPLE,
} thumb_operands;

/// T_S: flags by the encoding's S bit.
enum { T_FLAGS = 1, T_OUTSIDE_IT = 2, T_S = 4, T_LOADS = 8, T_STORES = 16, T_EXCLUSIVE = 32 };

/// Encodings that equal `value` under `mask`; of 32 bits with the first halfword above. `width`: of loads and stores, in bytes.
typedef struct thumb_row {
    uint32_t mask, value;
    uint8_t operation, operands, traits, width;
} thumb_row;

/// Rows of all encodings whose first halfword begins with the same seven bits; the first that fits counts.
typedef struct thumb_group {
    const thumb_row *rows;
    uint32_t count;
} thumb_group;

/// By the first halfword's upper seven bits.
extern const thumb_group thumb_narrow[128], thumb_wide[128];

/// Reads the operands out of the encoding that `row` stands for: `first`, for 32 bits above `second`.
void thumb_read_operands(thumb_instruction *i, const thumb_row *row, uint32_t encoding);
#endif
