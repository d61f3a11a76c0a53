// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Two services: one answers, and one takes what it gets without a word. */
#include "echo.h"

static void swallow(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    (void)endpoint;
    (void)payload;
    (void)length;
    (void)source;
}

static struct rpmsg_endpoint silent = { .name = "rpmsg-tty", .address = 0x400, .receive = swallow };
#ifndef SILENT_ONLY
static struct rpmsg_endpoint loud = { .name = "rpmsg-raw", .address = 0x401, .receive = echo };
#endif

int main(void)
{
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&silent);
#ifndef SILENT_ONLY
    rpmsg_announce(&loud);
#endif
    rpmsg_serve();
}
