// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Loads and stores in a tight loop: what an emulator's memory path costs. About 240 million instructions. */
#include <stdint.h>

#include "kernel.h"

#define ROUNDS 33500
#define WORDS 1024

static uint32_t table[WORDS];

const uint32_t kernel_expected = 0x0AA80EDFu;

/* Blocks of translated code end at pages of 1 KiB on either machine: where the linker puts the loop must not decide the figure. */
__attribute__((aligned(1024))) uint32_t kernel_run(void)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        table[i] = i;
    }
    uint32_t sum = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
#pragma clang loop unroll(disable)
        for (uint32_t i = 0; i < WORDS; i++) {
            uint32_t value = ((volatile uint32_t *)table)[i];
            sum = (sum ^ value) + round;
            ((volatile uint32_t *)table)[i] = value + sum;
        }
    }
    return sum;
}
