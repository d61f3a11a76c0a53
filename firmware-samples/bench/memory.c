// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Bytes, halfwords, words and multiples at every stride, copied, filled and searched: what memory costs when nothing else
 * happens. */
#include <stdint.h>

#include "kernel.h"

#define ROUNDS 14000
#define BYTES 4096

static uint32_t words[BYTES / 4], copy[BYTES / 4];

static void copy_by_word(volatile uint32_t *to, const volatile uint32_t *from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 4) {
        uint32_t a = from[i], b = from[i + 1], c = from[i + 2], d = from[i + 3];
        to[i] = a;
        to[i + 1] = b;
        to[i + 2] = c;
        to[i + 3] = d;
    }
}

static void copy_by_multiple(uint32_t *to, const uint32_t *from, uint32_t count)
{
    for (; count != 0; count -= 8) {
        __asm__ volatile(
            "ldmia %0!, {r4-r11}\n"
            "stmia %1!, {r4-r11}"
            : "+r"(from), "+r"(to) :: "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "memory");
    }
}

static uint32_t sum_bytes(const volatile uint8_t *bytes, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < count; i += 7) {
        sum = sum * 33 + bytes[i];
    }
    return sum;
}

static void add_halfwords(volatile uint16_t *halfwords, uint32_t count, uint32_t value)
{
    for (uint32_t i = 0; i < count; i += 3) {
        halfwords[i] = (uint16_t)(halfwords[i] + value);
    }
}

const uint32_t kernel_expected = 0x07DAE0A6u;

uint32_t kernel_run(void)
{
    for (uint32_t i = 0; i < BYTES / 4; i++) {
        words[i] = i * 2654435761u;
    }
    uint32_t result = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        copy_by_word(copy, words, BYTES / 4);
        add_halfwords((volatile uint16_t *)copy, BYTES / 2, round);
        copy_by_multiple(words, copy, BYTES / 4);
        result = (result << 1 | result >> 31) ^ sum_bytes((const volatile uint8_t *)words, BYTES);
    }
    return result;
}
