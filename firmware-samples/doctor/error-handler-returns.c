// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Error_Handler is an interrupt's handler, too, and comes back each time: the firmware answers all the same. */
#include "echo.h"
#include "vectors.h"

#define IRQ_TIM4 30u
static volatile uint32_t errors;

void Error_Handler(void) { errors++; }

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };

int main(void)
{
    set_handler(IRQ_TIM4, Error_Handler);
    nvic_enable(IRQ_TIM4);
    for (int i = 0; i < 40; i++) {
        nvic_set_pending(IRQ_TIM4);
        for (volatile int wait = 0; wait < 100; wait++) {
        }
    }
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&tty);
    rpmsg_serve();
}
