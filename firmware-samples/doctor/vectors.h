// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The vector table again, in memory, where a sample can have handlers of its own. */
#ifndef VECTORS_H
#define VECTORS_H

#include "cortex_m4.h"

/* Exceptions and 150 interrupts; the table begins at a multiple of its size, rounded up to a power of two (ARMv7-M ARM, B3.2.5). */
#define VECTORS (16u + 150u)
static uint32_t vectors_in_memory[VECTORS] __attribute__((aligned(1024)));

/* From here on `handler` is the interrupt's. The core takes its vectors from memory. */
static inline void set_handler(uint32_t irq, void (*handler)(void))
{
    const uint32_t *table = (const uint32_t *)(uintptr_t)SCB_VTOR;
    for (uint32_t i = 0; i < VECTORS; i++) {
        vectors_in_memory[i] = table[i];
    }
    vectors_in_memory[16 + irq] = (uint32_t)(uintptr_t)handler;
    SCB_VTOR = (uint32_t)(uintptr_t)vectors_in_memory;
}

#endif
