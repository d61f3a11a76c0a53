// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Clears its vdev's status and features well after Linux has set DRIVER_OK, then waits for DRIVER_OK. */
#include "echo.h"
#include "resource_table.h"

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };

int main(void)
{
    ipcc_init();
    for (volatile int i = 0; i < 400000; i++) {
    }
    resource_table.vdev.status = 0;
    resource_table.vdev.guest_features = 0;
    rpmsg_init();
    rpmsg_announce(&tty);
    rpmsg_serve();
}
