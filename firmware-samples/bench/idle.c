// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Four virtual seconds asleep, woken as seldom as SysTick can: what time costs when nothing happens. */
#include <stdint.h>

#include "cortex_m4.h"
#include "kernel.h"

/* 16,000,000 ticks of 64 MHz are a quarter of a second. */
#define PERIOD 16000000
#define PERIODS 16

const uint32_t kernel_expected = PERIODS;

static volatile uint32_t ticks;

void SysTick_Handler(void)
{
    ticks = ticks + 1;
}

uint32_t kernel_run(void)
{
    SYST_RVR = PERIOD - 1;
    SYST_CVR = 0;
    SYST_CSR = 7;
    while (ticks < PERIODS) {
        cpu_wait_for_interrupt();
    }
    SYST_CSR = 0;
    return ticks;
}
