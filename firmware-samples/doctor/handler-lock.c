// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* On a message it takes a lock, and an interrupt comes whose handler waits for the same lock. */
#include "echo.h"
#include "vectors.h"

#define IRQ_TIM4 30u
static volatile int lock;

__attribute__((noinline)) static void take_lock(void)
{
    while (lock) {
    }
    lock = 1;
}

void TIM4_Handler(void)
{
    take_lock();
    lock = 0;
}

__attribute__((noinline)) static void receive(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    take_lock();
    nvic_set_pending(IRQ_TIM4);
    for (volatile int i = 0; i < 100; i++) {
    }
    rpmsg_send(endpoint, source, payload, length);
    lock = 0;
}

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = receive };

int main(void)
{
    set_handler(IRQ_TIM4, TIM4_Handler);
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&tty);
    nvic_enable(IRQ_TIM4);
    rpmsg_serve();
}
