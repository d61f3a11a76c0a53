// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Begins rpmsg as ST's projects do, and never makes an endpoint. */
#include "echo.h"

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };

__attribute__((noinline, used)) void OPENAMP_create_endpoint(void) { rpmsg_announce(&tty); }

__attribute__((noinline)) int MX_OPENAMP_Init(void)
{
    ipcc_init();
    rpmsg_init();
    return 0;
}

/* So that the linker keeps it. */
volatile int wanted;

int main(void)
{
    MX_OPENAMP_Init();
    if (wanted) {
        OPENAMP_create_endpoint();
    }
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
