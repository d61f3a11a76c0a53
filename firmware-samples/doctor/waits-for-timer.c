// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Waits for a flag that TIM5's update sets every three seconds. */
#include "vectors.h"

#define IRQ_TIM5 50u
static volatile uint32_t is_over;

void TIM5_Handler(void)
{
    REGISTER(0x40003010u) = 0;
    is_over = 1;
}

int main(void)
{
    set_handler(IRQ_TIM5, TIM5_Handler);
    nvic_enable(IRQ_TIM5);
    REGISTER(0x4000302Cu) = 600000000u;
    REGISTER(0x40003024u) = 0;
    REGISTER(0x4000300Cu) = 1u;
    REGISTER(0x40003000u) = 1u;
    for (;;) {
        while (!is_over) {
        }
        is_over = 0;
    }
}
