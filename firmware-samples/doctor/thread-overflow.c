// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* A thread of FreeRTOS, as far as its control block goes, that has overflowed its stack: PendSV restores what is no context any more. */
#include "cortex_m4.h"

struct thread {
    uint32_t *top;
    uint32_t lists[10];
    uint32_t priority;
    uint32_t *stack;
    char name[16];
};

/* The stack begins behind what the overflow has overwritten. */
static uint32_t memory[128];
static struct thread worker = { .stack = memory + 64, .name = "worker" };
/* FreeRTOS' own name. */
struct thread *volatile pxCurrentTCB __attribute__((used));

__attribute__((naked)) void PendSV_Handler(void)
{
    __asm__ volatile(
        "ldr r3, =pxCurrentTCB\n\t"
        "ldr r1, [r3]\n\t"
        "ldr r0, [r1]\n\t"
        "ldmia r0!, {r4-r11, r14}\n\t"
        "msr psp, r0\n\t"
        "isb\n\t"
        "bx r14\n\t"
        ".ltorg");
}

int main(void)
{
    for (uint32_t i = 0; i < 128; i++) {
        memory[i] = 0x55AA0000u + i;
    }
    worker.top = memory + 64 - 20;
    pxCurrentTCB = &worker;
    /* As FreeRTOS does before its first thread: main's stack begins anew. */
    __asm__ volatile("msr msp, %0" : : "r"(*(const uint32_t *)(uintptr_t)SCB_VTOR) : "memory");
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_synchronize();
    for (;;) {
    }
}
