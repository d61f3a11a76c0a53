// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* A virtual second of delays by the tick's counter, as HAL_Delay makes them: what time costs when firmware only waits for it. */
#include <stdint.h>

#include "cortex_m4.h"
#include "kernel.h"

/* 64 MHz: a tick each millisecond. */
#define PERIOD 64000
#define DELAY 100
#define DELAYS 10

const uint32_t kernel_expected = DELAY * DELAYS;

static volatile uint32_t ticks;

void SysTick_Handler(void)
{
    ticks = ticks + 1;
}

static __attribute__((noinline)) uint32_t tick_count(void)
{
    return ticks;
}

uint32_t kernel_run(void)
{
    SYST_RVR = PERIOD - 1;
    SYST_CVR = 0;
    SYST_CSR = 7;
    for (uint32_t n = 0; n < DELAYS; n++) {
        uint32_t start = tick_count();
        while (tick_count() - start < DELAY) {
        }
    }
    SYST_CSR = 0;
    return ticks;
}
