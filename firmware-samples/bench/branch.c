// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Calls, returns, jump tables and function pointers: an interpreter for a small stack machine, and a recursive count. What
 * finding the next block of translated code costs. */
#include <stdint.h>

#include "kernel.h"

#define ROUNDS 40000

enum { PUSH, ADD, XOR, SWAP, DUP, ROTATE, JUMP_ODD, DECREMENT, JUMP_NONZERO, END };

/* Runs 16 times round its inner loop. */
static const uint8_t program[] = {
    PUSH, 16, SWAP, DUP, ROTATE, XOR, JUMP_ODD, 3, PUSH, 77, ADD, DUP, ROTATE, ADD, SWAP, DECREMENT, JUMP_NONZERO, 15, END,
};

typedef uint32_t (*operation)(uint32_t);
static uint32_t twice(uint32_t x) { return x << 1 | x >> 31; }
static uint32_t half(uint32_t x) { return x >> 1 ^ 0x80200003u; }
static uint32_t flip(uint32_t x) { return ~x; }
static uint32_t same(uint32_t x) { return x + 1; }
static operation volatile operations[4] = { twice, half, flip, same };

__attribute__((noinline)) static uint32_t tree(uint32_t depth, uint32_t seed)
{
    if (depth == 0) {
        return operations[seed & 3](seed);
    }
    return tree(depth - 1, seed * 3 + 1) ^ tree(depth - 1, seed + depth);
}

__attribute__((noinline)) static uint32_t interpret(uint32_t seed)
{
    uint32_t stack[8] = { seed }, top = 0;
    for (uint32_t at = 0;;) {
        switch (program[at++]) {
        case PUSH: stack[++top] = program[at++]; break;
        case ADD: top--; stack[top] += stack[top + 1]; break;
        case XOR: top--; stack[top] ^= stack[top + 1]; break;
        case SWAP: {
            uint32_t other = stack[top];
            stack[top] = stack[top - 1];
            stack[top - 1] = other;
            break;
        }
        case DUP: stack[top + 1] = stack[top]; top++; break;
        case ROTATE: stack[top] = stack[top] << 7 | stack[top] >> 25; break;
        case JUMP_ODD: at += stack[top] & 1 ? program[at] + 1u : 1u; break;
        case DECREMENT: stack[top]--; break;
        case JUMP_NONZERO: at = stack[top] != 0 ? at - program[at] : at + 1; break;
        default: return stack[0] ^ stack[1];
        }
    }
}

const uint32_t kernel_expected = 0x058CD461u;

uint32_t kernel_run(void)
{
    uint32_t result = 1;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        result = result * 1664525u + interpret(result);
        if ((round & 31) == 0) {
            result ^= tree(8, result);
        }
    }
    return result;
}
