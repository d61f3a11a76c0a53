// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Starts its rings as OpenAMP did until 2018.10 (STM32CubeMP1 1.0 to 1.2): descriptors chained, and no interrupts wished, in memory that
 * is Linux's. Harmless, and then it echoes. */
#include "echo.h"
#include "resource_table.h"
#include "vring.h"

#define CHAIN_END 32768u
#define NO_INTERRUPT 1u

static void chain(uint32_t ring)
{
    volatile const struct resource_vring *vring = &resource_table.vdev.vring[ring];
    volatile struct vring_descriptor *descriptors = (volatile struct vring_descriptor *)(uintptr_t)vring->device_address;
    for (uint32_t i = 0; i < vring->num; i++) {
        descriptors[i].next = (uint16_t)(i + 1 < vring->num ? i + 1 : CHAIN_END);
    }
}

static void disable_callbacks(uint32_t ring)
{
    volatile const struct resource_vring *vring = &resource_table.vdev.vring[ring];
    volatile struct vring_available *available = (volatile struct vring_available *)(uintptr_t)(vring->device_address + 16u * vring->num);
    available->flags |= NO_INTERRUPT;
}

static void ring_and_echo(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    rpmsg_send(endpoint, source, payload, length);
    /* It looked at the other side's flags alone. */
    ipcc_ring(IPCC_VQ0);
}

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = ring_and_echo };

int main(void)
{
    ipcc_init();
    rpmsg_init();
    chain(0);
    chain(1);
    rpmsg_announce(&tty);
    disable_callbacks(0);
    disable_callbacks(1);
    rpmsg_serve();
}
