// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Waits for a flag that an interrupt's handler would set, and the interrupt never comes. */
#include "cortex_m4.h"

#define IRQ_TIM4 30u
static volatile uint32_t pressed;

int main(void)
{
    nvic_enable(IRQ_TIM4);
    while (pressed == 0) {
    }
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
