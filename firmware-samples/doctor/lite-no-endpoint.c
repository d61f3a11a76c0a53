// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Begins rpmsg as rpmsg-lite's users do, and never makes an endpoint. */
#include "echo.h"

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };
volatile int wanted;

__attribute__((noinline)) void rpmsg_lite_remote_init(void)
{
    ipcc_init();
    rpmsg_init();
}

__attribute__((noinline)) void rpmsg_lite_create_ept(void) { rpmsg_announce(&tty); }

int main(void)
{
    rpmsg_lite_remote_init();
    if (wanted) {
        rpmsg_lite_create_ept();
    }
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
