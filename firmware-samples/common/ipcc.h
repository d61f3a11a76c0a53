// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The mailbox between Linux (processor 1) and this core (processor 2), RM0436 chapter IPCC.
 * Channels are numbered from 1, as in the reference manual; the device tree counts from 0. */
#ifndef IPCC_H
#define IPCC_H

#include <stdbool.h>

/* Another chip gives these before. */
#ifndef IPCC_CHANNEL_VQ0
#define IPCC_CHANNEL_VQ0 1
#define IPCC_CHANNEL_VQ1 2
#define IPCC_CHANNEL_SHUTDOWN 3
#define IPCC_CHANNEL_DETACH 4
#endif

enum ipcc_channel {
    IPCC_VQ0 = IPCC_CHANNEL_VQ0,           /* to Linux: a message is in vring 0; from Linux: it gave receive buffers */
    IPCC_VQ1 = IPCC_CHANNEL_VQ1,           /* from Linux: a message is in vring 1; to Linux: its buffer was used */
    IPCC_SHUTDOWN = IPCC_CHANNEL_SHUTDOWN, /* from Linux: it is about to stop the core */
    IPCC_DETACH = IPCC_CHANNEL_DETACH,     /* from Linux: it is about to leave the core alone */
};

/* Enables the clock, the four channels from Linux, and the receive interrupt. */
void ipcc_init(void);

/* Rings `channel` for Linux, after its earlier ring there was answered. */
void ipcc_ring(enum ipcc_channel channel);

/* Whether Linux rang `channel` since the last call for it. */
bool ipcc_take(enum ipcc_channel channel);

/* Tells Linux that a shutdown or detach request is done. The other two channels are acknowledged when they ring. */
void ipcc_acknowledge(enum ipcc_channel channel);

/* Sleeps until some channel has rung and was not taken. */
void ipcc_wait(void);

#endif
