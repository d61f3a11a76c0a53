// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Arm semihosting: the host does the work of a BKPT 0xAB (Semihosting for AArch32 and AArch64, 2.0). Works under m4run
 * and `qemu-system-arm -semihosting`; without a host behind it the BKPT is a fault. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

#define SEMIHOSTING_SYS_WRITE0 0x04u
#define SEMIHOSTING_SYS_GET_CMDLINE 0x15u
#define SEMIHOSTING_SYS_EXIT 0x18u
#define SEMIHOSTING_STOPPED_APPLICATION_EXIT 0x20026u
#define SEMIHOSTING_STOPPED_INTERNAL_ERROR 0x20024u

static inline uint32_t semihosting_call(uint32_t operation, uintptr_t argument)
{
    register uint32_t r0 __asm__("r0") = operation;
    register uintptr_t r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

/* Shows `string`, which ends in 0, on the host's console. */
static inline void semihosting_write(const char *string)
{
    semihosting_call(SEMIHOSTING_SYS_WRITE0, (uintptr_t)string);
}

/* Ends the run; the host's exit code says whether it was a success. */
__attribute__((noreturn)) static inline void semihosting_exit(_Bool success)
{
    semihosting_call(SEMIHOSTING_SYS_EXIT,
        success ? SEMIHOSTING_STOPPED_APPLICATION_EXIT : SEMIHOSTING_STOPPED_INTERNAL_ERROR);
    for (;;) {
    }
}

#endif
