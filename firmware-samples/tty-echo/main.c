// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Two rpmsg-tty services that send back what they get. */
#include "ipcc.h"
#include "rpmsg.h"
#include "trace.h"

static void echo(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    trace("%x: %u bytes from %x", endpoint->address, length, source);
    rpmsg_send(endpoint, source, payload, length);
}

static struct rpmsg_endpoint tty0 = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };
static struct rpmsg_endpoint tty1 = { .name = "rpmsg-tty", .address = 0x401, .receive = echo };

int main(void)
{
    trace("tty-echo");
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&tty0);
    rpmsg_announce(&tty1);
    rpmsg_serve();
}
