// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* A service that sends back what it gets: what these firmwares would do if nothing were in their way. */
#ifndef DOCTOR_ECHO_H
#define DOCTOR_ECHO_H

#include "cortex_m4.h"
#include "ipcc.h"
#include "rpmsg.h"

static inline void echo(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    rpmsg_send(endpoint, source, payload, length);
}

/* HAL's tick, a millisecond of a core clock of 209 MHz. */
static volatile uint32_t uwTick __attribute__((used));
void SysTick_Handler(void);

static inline void start_tick(void)
{
    SYST_RVR = 209000u - 1u;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_ENABLE | SYST_CSR_TICKINT | SYST_CSR_CLKSOURCE;
}

#define WITH_TICK \
    void SysTick_Handler(void) { uwTick++; } \
    __attribute__((noinline)) static uint32_t HAL_GetTick(void) { return uwTick; } \
    __attribute__((noinline, used)) static void HAL_Delay(uint32_t milliseconds) \
    { \
        uint32_t start = HAL_GetTick(); \
        while (HAL_GetTick() - start < milliseconds) { \
        } \
    }

#endif
