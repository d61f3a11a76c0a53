// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* One instruction with its operands, its result, and the flags that it leaves. */
#ifndef OPERATIONS_H
#define OPERATIONS_H

#include "conformance.h"

/* APSR: B1.4.2 */
#define N (1u << 31)
#define Z (1u << 30)
#define C (1u << 29)
#define V (1u << 28)
#define Q (1u << 27)
#define GE(bits) ((uint32_t)(bits) << 16)

/* `before` is the APSR that the instruction meets; the word behind the result is the APSR that it leaves. */
#define FLAGS1(instruction, before, a, result, after)                                                                      \
    do {                                                                                                                   \
        uint32_t r_, f_;                                                                                                   \
        __asm__ volatile("msr apsr_nzcvqg, %3\n\t" instruction " %0, %2\n\tmrs %1, apsr"                                   \
                         : "=&r"(r_), "=&r"(f_)                                                                            \
                         : "r"((uint32_t)(a)), "r"((uint32_t)(before))                                                     \
                         : "cc");                                                                                          \
        observe(r_, result);                                                                                               \
        observe(f_, after);                                                                                                \
    } while (0)
#define FLAGS2(instruction, before, a, b, result, after)                                                                   \
    do {                                                                                                                   \
        uint32_t r_, f_;                                                                                                   \
        __asm__ volatile("msr apsr_nzcvqg, %4\n\t" instruction " %0, %2, %3\n\tmrs %1, apsr"                               \
                         : "=&r"(r_), "=&r"(f_)                                                                            \
                         : "r"((uint32_t)(a)), "r"((uint32_t)(b)), "r"((uint32_t)(before))                                 \
                         : "cc");                                                                                          \
        observe(r_, result);                                                                                               \
        observe(f_, after);                                                                                                \
    } while (0)
#define FLAGS3(instruction, before, a, b, c, result, after)                                                                \
    do {                                                                                                                   \
        uint32_t r_, f_;                                                                                                   \
        __asm__ volatile("msr apsr_nzcvqg, %5\n\t" instruction " %0, %2, %3, %4\n\tmrs %1, apsr"                           \
                         : "=&r"(r_), "=&r"(f_)                                                                            \
                         : "r"((uint32_t)(a)), "r"((uint32_t)(b)), "r"((uint32_t)(c)), "r"((uint32_t)(before))             \
                         : "cc");                                                                                          \
        observe(r_, result);                                                                                               \
        observe(f_, after);                                                                                                \
    } while (0)
/* With the second operand written into the instruction: an immediate, a shift. */
#define FLAGS1I(instruction, immediate, before, a, result, after)                                                          \
    do {                                                                                                                   \
        uint32_t r_, f_;                                                                                                   \
        __asm__ volatile("msr apsr_nzcvqg, %3\n\t" instruction " %0, %2, " immediate "\n\tmrs %1, apsr"                    \
                         : "=&r"(r_), "=&r"(f_)                                                                            \
                         : "r"((uint32_t)(a)), "r"((uint32_t)(before))                                                     \
                         : "cc");                                                                                          \
        observe(r_, result);                                                                                               \
        observe(f_, after);                                                                                                \
    } while (0)
/* Results alone. */
#define RESULT1(instruction, a, result)                                                                                    \
    do {                                                                                                                   \
        uint32_t r_;                                                                                                       \
        __asm__ volatile(instruction " %0, %1" : "=r"(r_) : "r"((uint32_t)(a)) : "cc");                                    \
        observe(r_, result);                                                                                               \
    } while (0)
#define RESULT1I(instruction, immediate, a, result)                                                                        \
    do {                                                                                                                   \
        uint32_t r_;                                                                                                       \
        __asm__ volatile(instruction " %0, %1, " immediate : "=r"(r_) : "r"((uint32_t)(a)) : "cc");                        \
        observe(r_, result);                                                                                               \
    } while (0)
#define RESULT2(instruction, a, b, result)                                                                                 \
    do {                                                                                                                   \
        uint32_t r_;                                                                                                       \
        __asm__ volatile(instruction " %0, %1, %2" : "=r"(r_) : "r"((uint32_t)(a)), "r"((uint32_t)(b)) : "cc");            \
        observe(r_, result);                                                                                               \
    } while (0)
#define RESULT3(instruction, a, b, c, result)                                                                              \
    do {                                                                                                                   \
        uint32_t r_;                                                                                                       \
        __asm__ volatile(instruction " %0, %1, %2, %3"                                                                     \
                         : "=r"(r_)                                                                                        \
                         : "r"((uint32_t)(a)), "r"((uint32_t)(b)), "r"((uint32_t)(c))                                      \
                         : "cc");                                                                                          \
        observe(r_, result);                                                                                               \
    } while (0)
/* 64-bit accumulators: `high:low` before, and after. */
#define LONG(instruction, high, low, a, b, high_after, low_after)                                                          \
    do {                                                                                                                   \
        uint32_t h_ = (high), l_ = (low);                                                                                  \
        __asm__ volatile(instruction " %0, %1, %2, %3" : "+&r"(l_), "+&r"(h_) : "r"((uint32_t)(a)), "r"((uint32_t)(b)));   \
        observe(h_, high_after);                                                                                           \
        observe(l_, low_after);                                                                                            \
    } while (0)

#endif
