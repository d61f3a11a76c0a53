// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The remote side of rpmsg over virtio, as Linux's virtio_rpmsg_bus speaks it. */
#ifndef RPMSG_H
#define RPMSG_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes a message can carry: a 512-byte buffer less its header. */
#define RPMSG_PAYLOAD_MAX 496

struct rpmsg_endpoint {
    /* The service's name: what a Linux driver is chosen by; at most 31 characters. */
    const char *name;
    uint32_t address;
    /* Called with the payload, which is valid during the call, and the sender's address. */
    void (*receive)(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source);
    struct rpmsg_endpoint *next;
};

/* Waits until Linux's driver is ready, then takes over both rings. */
void rpmsg_init(void);

/* Adds `endpoint`, which must live as long as the firmware, and announces its service to Linux. */
void rpmsg_announce(struct rpmsg_endpoint *endpoint);

/* Tells Linux that the service is no more. */
void rpmsg_withdraw(struct rpmsg_endpoint *endpoint);

/* Sends from `endpoint` to `destination`, waiting for a buffer while Linux has given none.
 * False, and nothing sent, when `length` is over RPMSG_PAYLOAD_MAX or a buffer is not usable. */
bool rpmsg_send(const struct rpmsg_endpoint *endpoint, uint32_t destination, const void *payload, uint32_t length);

/* Hands every message that has arrived to its endpoint. */
void rpmsg_receive_all(void);

/* Serves messages, asleep in between, until Linux asks the core to shut down; acknowledges and then never returns. */
__attribute__((noreturn)) void rpmsg_serve(void);

#endif
