// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// The one decoder of Thumb instructions, for all that reads code: the engine's hooks, faults, watchpoints, cycles, call chains.
//
// It knows what a Cortex-M4 with its FPU executes: ARMv7E-M and FPv4-SP. Anything else is THUMB_UNDEFINED, or THUMB_COPROCESSOR where the
// core reports NOCP. It is a table (narrow.c, wide.c) of encodings: mask, value, operation and where the operands are (operands.c).
// Source: ARMv7-M ARM, A5, A6 and A7.
#ifndef CTHUMB_H
#define CTHUMB_H

#include <stdbool.h>
#include <stdint.h>

/// What an instruction does. Those that no reader of code tells apart share one.
typedef enum thumb_operation {
    THUMB_UNDEFINED = 0,
    // Data processing: `n`, then `m` with its shift or `immediate`, to `d`.
    THUMB_AND, THUMB_BIC, THUMB_ORR, THUMB_ORN, THUMB_EOR, THUMB_MOV, THUMB_MVN, THUMB_ADD, THUMB_ADC, THUMB_SUB, THUMB_SBC, THUMB_RSB,
    THUMB_TST, THUMB_TEQ, THUMB_CMP, THUMB_CMN, THUMB_ADR, THUMB_MOVT,
    THUMB_LSL, THUMB_LSR, THUMB_ASR, THUMB_ROR,  ///< `n` by `m`; by a constant it is a MOV of `m` with a shift.
    THUMB_PACK, THUMB_EXTEND, THUMB_REVERSE, THUMB_CLZ, THUMB_SELECT, THUMB_SATURATE, THUMB_PARALLEL, THUMB_BIT_FIELD, THUMB_INSERT_FIELD,
    THUMB_MUL, THUMB_MULTIPLY, THUMB_LONG_MULTIPLY, THUMB_DIVIDE,
    // Memory: `d` and, for two, `a`; or `list`.
    THUMB_LDR, THUMB_STR, THUMB_LDM, THUMB_STM, THUMB_LDRD, THUMB_STRD, THUMB_LDREX, THUMB_STREX, THUMB_CLREX, THUMB_PRELOAD,
    // Branches.
    THUMB_B, THUMB_CBZ, THUMB_BL, THUMB_BX, THUMB_BLX, THUMB_TB, THUMB_IT,
    // System.
    THUMB_NOP, THUMB_YIELD, THUMB_WFE, THUMB_WFI, THUMB_SEV, THUMB_DMB, THUMB_DSB, THUMB_ISB,
    THUMB_CPS, THUMB_MRS, THUMB_MSR, THUMB_SVC, THUMB_BKPT, THUMB_UDF, THUMB_COPROCESSOR,
    // The FPU.
    THUMB_VMLA, THUMB_VFMA, THUMB_VMUL, THUMB_VADD, THUMB_VDIV, THUMB_VSQRT, THUMB_VMOV, THUMB_VCMP, THUMB_VCVT, THUMB_VMOV_CORE, THUMB_VMOV_PAIR,
    THUMB_VMRS, THUMB_VMSR, THUMB_VLDR, THUMB_VSTR, THUMB_VLDM, THUMB_VSTM,
    THUMB_OPERATIONS,
} thumb_operation;

/// Where execution goes. All but THUMB_NEXT and THUMB_NOWHERE write PC.
typedef enum thumb_flow {
    THUMB_NEXT = 0,
    THUMB_BRANCH,         ///< By `immediate` from PC, which reads as the instruction's address and 4; see `conditional`.
    THUMB_CALL,           ///< The same with a return address in LR.
    THUMB_INDIRECT_CALL,  ///< BLX of `m`.
    THUMB_JUMP,           ///< BX of `m`, MOV of `m` to PC.
    THUMB_COMPUTED,       ///< ADD to PC.
    THUMB_LOADED_JUMP,    ///< LDR of PC.
    THUMB_LOADED_RETURN,  ///< POP and LDM with PC.
    THUMB_TABLE,          ///< TBB and TBH.
    THUMB_NOWHERE,        ///< Undefined.
} thumb_flow;

typedef enum thumb_shift { THUMB_SHIFT_LSL = 0, THUMB_SHIFT_LSR, THUMB_SHIFT_ASR, THUMB_SHIFT_ROR, THUMB_SHIFT_RRX } thumb_shift;
/// Number of a register where an instruction has none.
enum { THUMB_NONE = -1 };

/// An instruction, decoded. The operands that it does not have are THUMB_NONE, 0 or false.
typedef struct thumb_instruction {
    thumb_operation operation;
    thumb_flow flow;
    thumb_shift shift_kind;  ///< Of `m`.
    uint8_t shift;       ///< In bits: 0 to 32.
    uint8_t size;        ///< In bytes: 2 or 4. Of an undefined one, too.
    int8_t coprocessor;  ///< Of an instruction of a coprocessor, defined or not; 10 and 11 are the FPU.

    int8_t d;            ///< Destination; of loads and stores the register loaded or stored.
    int8_t a;            ///< Second destination, or second register loaded or stored; of STREX the status; of multiplications what is added.
    int8_t n, m;         ///< Operands; of loads and stores `n` is the base, `m` the index.
    bool conditional;    ///< A branch that may go to the next instruction.
    bool flags;          ///< Sets condition flags.
    bool flags_outside_it;  ///< Those, but not inside of an IT block.

    bool loads, stores;  ///< Accesses memory, as `count` bytes from `n` (PC: rounded down to words) and `offset`, or and `m`, on.
    bool exclusive;
    bool as_user;        ///< LDRT, STRT and the like.
    bool writes_back;    ///< `n` changes by `step`.
    uint8_t width;       ///< Of one piece, in bytes: 1, 2, 4; VLDR and VSTR of double words: 8.
    uint16_t count;      ///< Of all pieces, in bytes.
    uint16_t list;       ///< Registers of LDM and STM, a bit each.
    uint32_t offset, step;

    uint32_t immediate;  ///< Constant operand, as the instruction uses it; of IT its low 8 bits; of MRS and MSR SYSm.
    uint16_t reads;      ///< Core registers that it depends on, a bit each; PC only where it is an operand.
    uint16_t writes;     ///< Core registers that it changes, the base's write-back and PC among them; not SP by an MSR.
} thumb_instruction;

/// Whether `halfword` is the first of two.
static inline bool thumb_is_wide(uint16_t halfword) { return halfword >= 0xE800; }

/// Decodes an instruction; `second` counts where `first` is the first of two.
thumb_instruction thumb_decode(uint16_t first, uint16_t second);

/// Whether it is an instruction of coprocessors 10 and 11, defined or not.
static inline bool thumb_is_fpu(const thumb_instruction *i) { return (i->coprocessor & ~1) == 10; }

/// ITSTATE behind an instruction, when it was `state` before. Source: ARMv7-M ARM, A7.3.3.
static inline uint8_t thumb_it_state(const thumb_instruction *i, uint8_t state) {
    if (i->operation == THUMB_IT) return (uint8_t)i->immediate;
    return state & 7 ? (uint8_t)((state & 0xE0) | (state << 1 & 0x1F)) : 0;
}
/// Instructions in the block of an IT: 1 to 4.
static inline int thumb_it_count(const thumb_instruction *i) { return 4 - __builtin_ctz((i->immediate & 15) | 16); }

#endif
