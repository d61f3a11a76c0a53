// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* An interrupt comes for which nobody has defined a handler. */
#include "cortex_m4.h"

#define IRQ_TIM4 30u

int main(void)
{
    nvic_enable(IRQ_TIM4);
    nvic_set_pending(IRQ_TIM4);
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
