// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Idles as RIOT does: its scheduler sleeps in PendSV's handler, and a key on USART3 would wake it. */
#include "cortex_m4.h"

#define IRQ_USART3 39u

void PendSV_Handler(void)
{
    for (;;) {
        cpu_wait_for_interrupt();
    }
}

int main(void)
{
    REGISTER(0x50000A00u) = 1u << 15;
    REGISTER(0x4000F000u) = 1u << 5 | 1u << 2 | 1u;
    nvic_enable(IRQ_USART3);
    REGISTER(0xE000ED20u) = 0xF0u << 16;
    REGISTER(0xE000ED04u) = 1u << 28;
    for (;;) {
    }
}
