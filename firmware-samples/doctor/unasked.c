// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Says something before anybody has spoken to it, and then listens no more. */
#include "echo.h"

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };

int main(void)
{
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&tty);
    rpmsg_send(&tty, 1024, "tick\n", 5);
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
