// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* A fault in the handler of an interrupt that came in the midst of arithmetic: the interrupted code's exception frame has room for the
 * FPU's registers, which whoever goes up the stack has to know (DDI 0403 B1.5.7). */
#include "cortex_m4.h"

static volatile float level = 1.5f;

static __attribute__((noinline)) void fail(void)
{
    __asm__ volatile("udf #0");
    cpu_synchronize();
}

void PendSV_Handler(void)
{
    fail();
    cpu_synchronize();
}

static __attribute__((noinline)) float scale(float value)
{
    float twice = value * 2;
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_synchronize();
    return twice * level;
}

int main(void)
{
    level = scale(level);
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
