// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* A million supervisor calls from thread mode and back: what an exception's entry and return cost. */
#include <stdint.h>

#include "kernel.h"

#define ROUNDS 1000000

const uint32_t kernel_expected = ROUNDS;

static volatile uint32_t calls;

void SVC_Handler(void)
{
    calls = calls + 1;
}

uint32_t kernel_run(void)
{
    for (uint32_t round = 0; round < ROUNDS; round++) {
        __asm__ volatile("svc 0" ::: "memory");
    }
    return calls;
}
