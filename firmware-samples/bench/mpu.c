// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Two unprivileged threads that take turns, each with its own region of the MPU: what a kernel's user mode costs, which changes two regions
 * at each switch of threads. A hundred thousand switches. */
#include <stdint.h>

#include "cortex_m4.h"
#include "kernel.h"

/* B3.5 */
#define MPU_CTRL REGISTER(0xE000ED94u)
#define MPU_RNR REGISTER(0xE000ED98u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_RASR REGISTER(0xE000EDA0u)

#define SWITCHES 100000
#define WORDS 64

/* One for each thread, of 1 KiB, as its region. */
static uint32_t memory[2][256] __attribute__((aligned(1024)));
static volatile uint32_t current, switches;

#define RASR(permission, log2_size, execute_never) \
    (1u | ((log2_size) - 1u) << 1 | (uint32_t)(permission) << 24 | (uint32_t)(execute_never) << 28)

static void set_region(uint32_t number, uintptr_t base, uint32_t attributes)
{
    MPU_RNR = number;
    MPU_RBAR = (uint32_t)base;
    MPU_RASR = attributes;
}

static void set_thread(uint32_t thread)
{
    set_region(6, (uintptr_t)memory[thread], RASR(3, 10, 1));
    set_region(7, (uintptr_t)memory[!thread], RASR(1, 10, 1));
    __asm__ volatile("dsb; isb" ::: "memory");
}

/* 0: the other thread's turn. 1: the caller becomes privileged. */
void SVC_Handler(void)
{
    uint32_t control;
    if (switches == SWITCHES) {
        __asm__ volatile("mrs %0, control; bic %0, #1; msr control, %0; isb" : "=&r"(control)::"memory");
        return;
    }
    switches = switches + 1;
    current = !current;
    set_thread(current);
}

static uint32_t work(uint32_t *words, uint32_t value)
{
    for (uint32_t i = 0; i < WORDS; i++) {
        words[i] += value ^ i;
        value = value * 1664525u + 1013904223u + words[i];
    }
    return value;
}

/* Found with this source on QEMU's mps2-an386. */
const uint32_t kernel_expected = 0x6E2CD360u;

uint32_t kernel_run(void)
{
    uint32_t value = 1, control;
    /* All of memory, with code; the stack and these variables are in it. */
    set_region(0, 0, RASR(3, 16, 0));
    set_thread(0);
    MPU_CTRL = 5;
    __asm__ volatile("dsb; isb; mrs %0, control; orr %0, #1; msr control, %0; isb" : "=&r"(control)::"memory");
    while (switches < SWITCHES) {
        value = work(memory[current], value);
        __asm__ volatile("svc 0" ::: "memory");
    }
    __asm__ volatile("svc 0" ::: "memory");
    MPU_CTRL = 0;
    return value;
}
