// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* An interrupt's handler ends with a jump to Error_Handler, which stays there. */
#include "vectors.h"

#define IRQ_TIM4 30u

__attribute__((noinline)) void Error_Handler(void)
{
    for (volatile int i = 0;; i++) {
    }
}

__attribute__((naked)) void TIM4_Handler(void) { __asm__ volatile("b Error_Handler"); }

int main(void)
{
    set_handler(IRQ_TIM4, TIM4_Handler);
    nvic_enable(IRQ_TIM4);
    nvic_set_pending(IRQ_TIM4);
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
