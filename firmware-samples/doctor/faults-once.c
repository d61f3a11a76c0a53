// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Faults at its first start, and answers after Linux has started it anew: a backup register knows which it is. */
#include "echo.h"

#define TAMP_BKP20R REGISTER(0x5C00A150u)
static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };

__attribute__((noinline)) static void first_start(void)
{
    TAMP_BKP20R = 1;
    cpu_synchronize();
    __asm__ volatile("udf #0");
}

int main(void)
{
    if (TAMP_BKP20R == 0) {
        first_start();
    }
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&tty);
    rpmsg_serve();
}
