// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Loads, stores and exclusives (A3.2.1, A3.4, A7.7), and the bit-band alias (B3.1). */
#include "operations.h"

static uint32_t words[8] __attribute__((aligned(8)));

static void fill(void)
{
    for (uint32_t i = 0; i < 8; i++) {
        words[i] = 0x03020100u + 0x04040404u * i;
    }
}

CASE(load_unaligned)
{
    fill();
    uint32_t r;
    __asm__ volatile("ldr %0, [%1, #1]" : "=r"(r) : "r"(words) : "memory");
    observe(r, 0x04030201);
    __asm__ volatile("ldrh %0, [%1, #3]" : "=r"(r) : "r"(words) : "memory");
    observe(r, 0x0403);
    words[0] = 0x80FFFFFF, words[1] = 0x000000FF;
    __asm__ volatile("ldrsh %0, [%1, #3]" : "=r"(r) : "r"(words) : "memory");
    observe(r, 0xFFFFFF80);
}

CASE(store_unaligned)
{
    fill();
    __asm__ volatile("str %0, [%1, #3]" ::"r"(0xAABBCCDD), "r"(words) : "memory");
    observe(words[0], 0xDD020100);
    observe(words[1], 0x07AABBCC);
    __asm__ volatile("strh %0, [%1, #11]" ::"r"(0x1234), "r"(words) : "memory");
    observe(words[2], 0x340A0908);
    observe(words[3], 0x0F0E0D12);
}

CASE(load_sign_extends)
{
    words[0] = 0x8000FF80;
    uint32_t r;
    __asm__ volatile("ldrsb %0, [%1]" : "=r"(r) : "r"(words) : "memory");
    observe(r, 0xFFFFFF80);
    __asm__ volatile("ldrsh %0, [%1, #2]" : "=r"(r) : "r"(words) : "memory");
    observe(r, 0xFFFF8000);
    __asm__ volatile("ldrb %0, [%1, #1]" : "=r"(r) : "r"(words) : "memory");
    observe(r, 0xFF);
}

CASE(load_writes_back)
{
    fill();
    uint32_t r, at = (uint32_t)(uintptr_t)words;
    __asm__ volatile("ldr %0, [%1, #4]!" : "=r"(r), "+r"(at)::"memory");
    observe(r, 0x07060504);
    observe(at - (uint32_t)(uintptr_t)words, 4);
    __asm__ volatile("ldr %0, [%1], #-4" : "=r"(r), "+r"(at)::"memory");
    observe(r, 0x07060504);
    observe(at - (uint32_t)(uintptr_t)words, 0);
}

CASE(load_scaled_index)
{
    fill();
    uint32_t r;
    __asm__ volatile("ldr %0, [%1, %2, lsl #2]" : "=r"(r) : "r"(words), "r"(3) : "memory");
    observe(r, 0x0F0E0D0C);
}

CASE(load_multiple)
{
    fill();
    uint32_t at = (uint32_t)(uintptr_t)words, sum;
    __asm__ volatile("ldmia %0!, {r0, r2, r3}\n\tadd r0, r2\n\tadd %1, r0, r3" : "+r"(at), "=r"(sum)::"r0", "r2", "r3", "memory");
    observe(sum, 0x03020100u * 3 + 0x0C0C0C0Cu);
    observe(at - (uint32_t)(uintptr_t)words, 12);
    __asm__ volatile("ldmdb %0!, {r0, r2}\n\tsub %1, r2, r0" : "+r"(at), "=r"(sum)::"r0", "r2", "memory");
    observe(sum, 0x04040404);
    observe(at - (uint32_t)(uintptr_t)words, 4);
}

/* The base is in the list: what was loaded wins, without write-back (A7.7.41). */
CASE(load_multiple_with_base_in_list)
{
    fill();
    uint32_t base;
    __asm__ volatile("mov r1, %1\n\tldmia r1, {r0, r1, r2}\n\tmov %0, r1" : "=r"(base) : "r"(words) : "r0", "r1", "r2", "memory");
    observe(base, 0x07060504);
}

CASE(store_multiple_ascends)
{
    fill();
    uint32_t at = (uint32_t)(uintptr_t)(words + 4);
    __asm__ volatile("movs r0, #10\n\tmovs r1, #11\n\tmovs r2, #12\n\tstmdb %0!, {r0, r1, r2}" : "+r"(at)::"r0", "r1", "r2", "cc", "memory");
    observe(words[1], 10);
    observe(words[3], 12);
    observe(at - (uint32_t)(uintptr_t)words, 4);
}

CASE(load_store_double)
{
    fill();
    uint32_t low, high;
    __asm__ volatile("ldrd %0, %1, [%2, #8]" : "=&r"(low), "=&r"(high) : "r"(words) : "memory");
    observe(low, 0x0B0A0908);
    observe(high, 0x0F0E0D0C);
    __asm__ volatile("strd %0, %1, [%2]" ::"r"(high), "r"(low), "r"(words) : "memory");
    observe(words[0], 0x0F0E0D0C);
}

CASE(load_literal)
{
    uint32_t word;
    __asm__ volatile("ldr %0, 1f\n\tb 2f\n\t.p2align 2\n\t1: .word 0xCAFEF00D\n\t2:" : "=r"(word));
    observe(word, 0xCAFEF00D);
}

CASE(load_to_pc_branches)
{
    uint32_t word, target;
    __asm__ volatile("adr %1, 1f\n\torr %1, #1\n\tstr %1, [%2]\n\tmovs %0, #1\n\tldr pc, [%2]\n\tmovs %0, #2\n\t.p2align 2\n\t1:"
                     : "=&l"(word), "=&r"(target)
                     : "r"(words)
                     : "cc", "memory");
    observe(word, 1);
}

CASE(exclusive_pair)
{
    words[0] = 5;
    uint32_t value, first, second;
    __asm__ volatile("ldrex %0, [%3]\n\tadd %0, #1\n\tstrex %1, %0, [%3]\n\tstrex %2, %0, [%3]"
                     : "=&r"(value), "=&r"(first), "=&r"(second)
                     : "r"(words)
                     : "memory");
    observe(first, 0);
    observe(second, 1);
    observe(words[0], 6);
}

CASE(exclusive_clrex)
{
    words[0] = 5;
    uint32_t failed;
    __asm__ volatile("ldrex r0, [%1]\n\tclrex\n\tstrex %0, r0, [%1]" : "=&r"(failed) : "r"(words) : "r0", "memory");
    observe(failed, 1);
}

CASE(exclusive_sizes)
{
    words[0] = 0xFFFFFFFF;
    uint32_t byte, half;
    __asm__ volatile("ldrexb r0, [%2]\n\tmovs r0, #0\n\tstrexb %0, r0, [%2]\n\tldrexh r0, [%3]\n\tmovs r0, #1\n\tstrexh %1, r0, [%3]"
                     : "=&r"(byte), "=&r"(half)
                     : "r"(words), "r"((uintptr_t)words + 2)
                     : "r0", "cc", "memory");
    observe(byte, 0);
    observe(half, 0);
    observe(words[0], 0x0001FF00);
}

/* An exception return clears the local monitor (B1.5.8, ExceptionReturn). */
CASE(exclusive_cleared_by_exception)
{
    on_exception(EXCEPTION_SVCALL, note);
    words[0] = 1;
    uint32_t value, failed;
    __asm__ volatile("ldrex %0, [%2]\n\tsvc #0\n\tstrex %1, %0, [%2]" : "=&r"(value), "=&r"(failed) : "r"(words) : "memory");
    observe(failed, 1);
    observe(words[0], 1);
}

/* A register that both machines have in the first MiB of peripherals and that holds what is written to its low half: TIM2_SMCR
 * on the STM32MP157, the reload value of a CMSDK timer on mps2-an386. */
#define PERIPHERAL 0x40000008u
#define ALIAS(bit) REGISTER(0x42000000u + (PERIPHERAL - 0x40000000u) * 32 + (bit) * 4)

CASE(bit_band_read)
{
    REGISTER(PERIPHERAL) = 0x50;
    observe(ALIAS(4), 1);
    observe(ALIAS(5), 0);
    observe(ALIAS(6), 1);
    REGISTER(PERIPHERAL) = 0;
}

CASE(bit_band_write)
{
    REGISTER(PERIPHERAL) = 0x10;
    ALIAS(6) = 0xFFFFFFFF;
    observe(REGISTER(PERIPHERAL), 0x50);
    /* Only bit 0 of what is written counts. */
    ALIAS(4) = 0xFFFFFFFE;
    observe(REGISTER(PERIPHERAL), 0x40);
    REGISTER(PERIPHERAL) = 0;
}
