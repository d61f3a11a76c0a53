// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Integer work with branches that depend on data: a heap sort, a table-driven CRC-32 and a lexer's state machine over the
 * same bytes, as firmware mixes them. */
#include <stdbool.h>
#include <stdint.h>

#include "kernel.h"

#define ROUNDS 1920
#define COUNT 512

static uint32_t numbers[COUNT];
static uint32_t crc_table[256];

static void sift_down(uint32_t root, uint32_t end)
{
    for (;;) {
        uint32_t child = 2 * root + 1;
        if (child >= end) {
            return;
        }
        if (child + 1 < end && numbers[child] < numbers[child + 1]) {
            child++;
        }
        if (numbers[root] >= numbers[child]) {
            return;
        }
        uint32_t larger = numbers[child];
        numbers[child] = numbers[root];
        numbers[root] = larger;
        root = child;
    }
}

static void heap_sort(void)
{
    for (uint32_t root = COUNT / 2; root-- != 0;) {
        sift_down(root, COUNT);
    }
    for (uint32_t end = COUNT - 1; end != 0; end--) {
        uint32_t largest = numbers[0];
        numbers[0] = numbers[end];
        numbers[end] = largest;
        sift_down(0, end);
    }
}

static void make_crc_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (uint32_t bit = 0; bit < 8; bit++) {
            value = (value & 1) != 0 ? value >> 1 ^ 0xEDB88320u : value >> 1;
        }
        crc_table[i] = value;
    }
}

static uint32_t crc(const uint8_t *bytes, uint32_t count)
{
    uint32_t value = 0xFFFFFFFFu;
    while (count-- != 0) {
        value = value >> 8 ^ crc_table[(value ^ *bytes++) & 0xFF];
    }
    return ~value;
}

/* Counts words, numbers and everything else between them. */
static uint32_t lex(const uint8_t *bytes, uint32_t count)
{
    enum { BETWEEN, WORD, NUMBER } state = BETWEEN;
    uint32_t words = 0, figures = 0, others = 0;
    for (; count != 0; count--) {
        uint8_t byte = *bytes++;
        bool letter = (byte | 0x20) >= 'a' && (byte | 0x20) <= 'z';
        bool digit = byte >= '0' && byte <= '9';
        switch (state) {
        case BETWEEN:
            if (letter) {
                words++;
                state = WORD;
            } else if (digit) {
                figures++;
                state = NUMBER;
            } else {
                others++;
            }
            break;
        case WORD:
            state = letter || digit ? WORD : BETWEEN;
            break;
        case NUMBER:
            state = digit ? NUMBER : letter ? WORD : BETWEEN;
            break;
        }
    }
    return words << 20 ^ figures << 10 ^ others;
}

const uint32_t kernel_expected = 0xA67118A6u;

uint32_t kernel_run(void)
{
    make_crc_table();
    uint32_t result = 0, random = 1;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < COUNT; i++) {
            random = random * 1664525u + 1013904223u;
            numbers[i] = random ^ result;
        }
        result ^= lex((const uint8_t *)numbers, sizeof numbers);
        heap_sort();
        result += crc((const uint8_t *)numbers, sizeof numbers);
    }
    return result;
}
