// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Answers Linux's rpmsg_client_sample driver, which sends "hello world!", sends it again for each answer, and says
 * goodbye after 100 of them. */
#include "ipcc.h"
#include "memory.h"
#include "rpmsg.h"
#include "trace.h"

static const char answer[] = "hello from the M4";
static const char greeting[] = "hello world!";
static uint32_t messages;

static void receive(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    messages++;
    if (length != sizeof greeting - 1 || memcmp(payload, greeting, length) != 0) {
        trace("message %u: %u bytes that are no greeting", messages, length);
    }
    /* The trace buffer has room for the milestones, not for every message. */
    if (messages == 1 || messages % 25 == 0) {
        trace("message %u from %x", messages, source);
    }
    rpmsg_send(endpoint, source, answer, sizeof answer - 1);
}

static struct rpmsg_endpoint client = { .name = "rpmsg-client-sample", .address = 0x400, .receive = receive };

int main(void)
{
    trace("client-sample");
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&client);
    rpmsg_serve();
}
