// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The ITM's stimulus ports (Armv7-M Architecture Reference Manual, C1.7): what a debugger shows as SWO output. */
#ifndef ITM_H
#define ITM_H

#include <stdint.h>

#include "cortex_m4.h"

#define ITM_STIM(port) REGISTER(0xE0000000u + 4u * (port))
#define ITM_STIM8(port) (*(volatile uint8_t *)(uintptr_t)(0xE0000000u + 4u * (port)))
#define ITM_TER REGISTER(0xE0000E00u)
#define ITM_TCR REGISTER(0xE0000E80u)
#define ITM_LAR REGISTER(0xE0000FB0u)
#define ITM_LAR_KEY 0xC5ACCE55u

/* A debugger does this; firmware may, too. */
static inline void itm_enable(uint32_t ports)
{
    DCB_DEMCR |= DCB_DEMCR_TRCENA;
    ITM_LAR = ITM_LAR_KEY;
    ITM_TER = ports;
    ITM_TCR = 1;
}

static inline void itm_write(unsigned port, const char *text)
{
    for (; *text; text++) {
        /* Reads 0 while the FIFO is full. */
        while (!ITM_STIM(port)) {
        }
        ITM_STIM8(port) = (uint8_t)*text;
    }
}

#endif
