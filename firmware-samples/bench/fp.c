// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Single-precision work: a 16x16 matrix product and a biquad filter over a block of samples, the two loops that control
 * and audio firmware spends its time in. */
#include <stdint.h>

#include "kernel.h"

#define ROUNDS 9600
#define SIZE 16
#define SAMPLES 256

static float left[SIZE][SIZE], right[SIZE][SIZE], product[SIZE][SIZE];
static float samples[SAMPLES];

/* Rounded once, as GCC compiles such a sum for this core. clang has no instruction selected for fmaf here. */
static inline float multiply_add(float a, float b, float sum)
{
#ifdef __arm__
    __asm__("vfma.f32 %0, %1, %2" : "+t"(sum) : "t"(a), "t"(b));
    return sum;
#else
    return __builtin_fmaf(a, b, sum);
#endif
}

static void multiply(void)
{
    for (uint32_t row = 0; row < SIZE; row++) {
        for (uint32_t column = 0; column < SIZE; column++) {
            float sum = 0;
            for (uint32_t i = 0; i < SIZE; i++) {
                sum = multiply_add(left[row][i], right[i][column], sum);
            }
            product[row][column] = sum;
        }
    }
}

/* A low pass, transposed direct form II. */
static void filter(void)
{
    float state1 = 0, state2 = 0;
    for (uint32_t i = 0; i < SAMPLES; i++) {
        float in = samples[i];
        float out = 0.0675f * in + state1;
        state1 = 0.135f * in + 1.143f * out + state2;
        state2 = 0.0675f * in - 0.4128f * out;
        samples[i] = out;
    }
}

const uint32_t kernel_expected = 0x38E2B6EFu;

uint32_t kernel_run(void)
{
    uint32_t result = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; i < SIZE * SIZE; i++) {
            left[i / SIZE][i % SIZE] = (float)(int32_t)(i ^ round) * 0.01f;
            right[i / SIZE][i % SIZE] = (float)(int32_t)(i + 1) / (float)(int32_t)(round + 1);
        }
        multiply();
        for (uint32_t i = 0; i < SAMPLES; i++) {
            samples[i] = product[i / SIZE][i % SIZE] * 0.001f;
        }
        filter();
        float last = samples[SAMPLES - 1];
        uint32_t bits;
        __builtin_memcpy(&bits, &last, sizeof bits);
        result = (result << 1 | result >> 31) ^ bits;
    }
    return result;
}
