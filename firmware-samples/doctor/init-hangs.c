// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* MX_OPENAMP_Init waits behind DRIVER_OK for what nobody sets. */
#include "echo.h"

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };
static volatile int is_ready;

__attribute__((noinline, used)) void OPENAMP_create_endpoint(void) { rpmsg_announce(&tty); }

__attribute__((noinline)) int MX_OPENAMP_Init(void)
{
    ipcc_init();
    rpmsg_init();
    while (!is_ready) {
    }
    return 0;
}

int main(void)
{
    MX_OPENAMP_Init();
    OPENAMP_create_endpoint();
    rpmsg_serve();
}
