// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Prints what Sources/CThumb makes of encodings: one line an instruction of standard input, which has `first`, `second` as 16-bit words.
#include "CThumb.h"
#include <stdio.h>

static const char *const names[] = {
    "UNDEFINED", "AND", "BIC", "ORR", "ORN", "EOR", "MOV", "MVN", "ADD", "ADC", "SUB", "SBC", "RSB", "TST", "TEQ", "CMP", "CMN", "ADR", "MOVT", "LSL", "LSR",
    "ASR", "ROR", "PACK", "EXTEND", "REVERSE", "CLZ", "SELECT", "SATURATE", "PARALLEL", "BIT_FIELD", "INSERT_FIELD", "MUL", "MULTIPLY", "LONG_MULTIPLY",
    "DIVIDE", "LDR", "STR", "LDM", "STM", "LDRD", "STRD", "LDREX", "STREX", "CLREX", "PRELOAD", "B", "CBZ", "BL", "BX", "BLX", "TB", "IT", "NOP", "YIELD",
    "WFE", "WFI", "SEV", "DMB", "DSB", "ISB", "CPS", "MRS", "MSR", "SVC", "BKPT", "UDF", "COPROCESSOR", "VMLA", "VFMA", "VMUL", "VADD", "VDIV", "VSQRT", "VMOV",
    "VCMP", "VCVT", "VMOV_CORE", "VMOV_PAIR", "VMRS", "VMSR", "VLDR", "VSTR", "VLDM", "VSTM",
};
_Static_assert(sizeof names / sizeof *names == THUMB_OPERATIONS, "a name for each operation");

int main(void) {
    uint16_t pair[2];
    while (fread(pair, sizeof pair, 1, stdin) == 1) {
        thumb_instruction i = thumb_decode(pair[0], pair[1]);
        printf("%s %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %d %u %d %d %u %u\n", names[i.operation], i.size, i.flow, i.flags, i.reads, i.writes, i.loads,
            i.stores, i.width, i.count, i.n, i.m, i.shift_kind, i.shift, i.writes_back, i.conditional, i.list, i.immediate, i.d, i.a, i.offset, i.step);
    }
    return 0;
}
