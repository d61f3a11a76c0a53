// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* A loop of arithmetic for half a virtual second of m4run's time, and a SysTick of 10 kHz for those who ask for it. */
#include <stdint.h>

#include "cortex_m4.h"
#include "kernel.h"

#define ROUNDS 36000000
#define CORE_HERTZ 64000000
#define TICK_HERTZ 10000

const uint32_t kernel_expected = 0x65FB3B99u;

#if WITH_TICK
static volatile uint32_t ticks;

void SysTick_Handler(void)
{
    ticks = ticks + 1;
}
#endif

__attribute__((aligned(1024))) uint32_t kernel_run(void)
{
#if WITH_TICK
    SYST_RVR = CORE_HERTZ / TICK_HERTZ - 1;
    SYST_CVR = 0;
    SYST_CSR = 7;
#endif
    uint32_t value = 1, sum = 0;
#pragma clang loop unroll(disable)
    for (uint32_t round = 0; round < ROUNDS; round++) {
        value = value * 1664525u + 1013904223u;
        sum = (sum << 5 | sum >> 27) ^ value;
        __asm__ volatile("" : "+r"(sum));
    }
#if WITH_TICK
    SYST_CSR = 0;
    if (ticks == 0) {
        return ~sum;
    }
#endif
    return sum;
}
