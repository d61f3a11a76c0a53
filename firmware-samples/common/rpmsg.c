// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "rpmsg.h"

#include <stddef.h>

#include "ipcc.h"
#include "memory.h"
#include "resource_table.h"
#include "stm32mp157.h"
#include "trace.h"
#include "vring.h"

#define NAME_SERVICE_ADDRESS 53u
#define NAME_SERVICE_CREATE 0u
#define NAME_SERVICE_DESTROY 1u

struct header {
    uint32_t source;
    uint32_t destination;
    uint32_t reserved;
    uint16_t length;
    uint16_t flags;
};

struct name_service_message {
    char name[32];
    uint32_t address;
    uint32_t flags;
};

/* Named from here, not as Linux names them: vring 0 carries what we send, vring 1 what we receive. */
static struct vring to_linux, from_linux;
static struct rpmsg_endpoint *endpoints;

/* Linux waits for the acknowledgement, then takes the core's clock away: nothing may be half done by then. */
__attribute__((noreturn)) static void shut_down(void)
{
    trace("shut down");
    nvic_disable(IRQ_IPCC_RX1);
    ipcc_acknowledge(IPCC_SHUTDOWN);
    for (;;) {
        cpu_wait_for_interrupt();
    }
}

void rpmsg_init(void)
{
    /* Linux rings vq0 once, right after it has set DRIVER_OK. */
    while ((resource_table.vdev.status & VIRTIO_STATUS_DRIVER_OK) == 0) {
        ipcc_wait();
        if (ipcc_take(IPCC_SHUTDOWN)) {
            shut_down();
        }
        if (ipcc_take(IPCC_DETACH)) {
            ipcc_acknowledge(IPCC_DETACH);
        }
        (void)ipcc_take(IPCC_VQ0);
        (void)ipcc_take(IPCC_VQ1);
    }
    volatile const struct resource_vring *vring = resource_table.vdev.vring;
    vring_init(&to_linux, vring[0].device_address, vring[0].num, vring[0].align);
    vring_init(&from_linux, vring[1].device_address, vring[1].num, vring[1].align);
    /* Buffers that Linux gives back need no doorbell unless we wait for one. */
    vring_request_notifications(&to_linux, false);
    trace("driver ready, rings of %u", (uint32_t)to_linux.num);
}

static void take_buffer(struct vring_buffer *buffer)
{
    if (vring_take(&to_linux, buffer)) {
        return;
    }
    /* Ask for a doorbell first and look again after, or a buffer given in between would go unnoticed. */
    vring_request_notifications(&to_linux, true);
    while (!vring_take(&to_linux, buffer)) {
        cpu_disable_interrupts();
        if (!vring_has_available(&to_linux)) {
            cpu_wait_for_interrupt();
        }
        cpu_enable_interrupts();
    }
    vring_request_notifications(&to_linux, false);
}

static bool send(uint32_t source, uint32_t destination, const void *payload, uint32_t length)
{
    if (length > RPMSG_PAYLOAD_MAX) {
        return false;
    }
    struct vring_buffer buffer;
    take_buffer(&buffer);
    uint32_t total = sizeof(struct header) + length;
    bool fits = buffer.length >= total;
    if (fits) {
        struct header *header = (struct header *)(uintptr_t)buffer.address;
        *header = (struct header){ .source = source, .destination = destination, .length = (uint16_t)length };
        memcpy(header + 1, payload, length);
    }
    vring_give_back(&to_linux, buffer.id, fits ? total : 0);
    if (vring_driver_wants_interrupt(&to_linux)) {
        ipcc_ring(IPCC_VQ0);
    }
    return fits;
}

static void announce(const struct rpmsg_endpoint *endpoint, uint32_t flags)
{
    struct name_service_message message = { .address = endpoint->address, .flags = flags };
    for (size_t i = 0; i < sizeof message.name - 1 && endpoint->name[i] != 0; i++) {
        message.name[i] = endpoint->name[i];
    }
    send(endpoint->address, NAME_SERVICE_ADDRESS, &message, sizeof message);
    trace("%s %s at %x", flags == NAME_SERVICE_DESTROY ? "withdrew" : "announced", endpoint->name, endpoint->address);
}

void rpmsg_announce(struct rpmsg_endpoint *endpoint)
{
    endpoint->next = endpoints;
    endpoints = endpoint;
    announce(endpoint, NAME_SERVICE_CREATE);
}

void rpmsg_withdraw(struct rpmsg_endpoint *endpoint)
{
    announce(endpoint, NAME_SERVICE_DESTROY);
    for (struct rpmsg_endpoint **link = &endpoints; *link != 0; link = &(*link)->next) {
        if (*link == endpoint) {
            *link = endpoint->next;
            break;
        }
    }
}

bool rpmsg_send(const struct rpmsg_endpoint *endpoint, uint32_t destination, const void *payload, uint32_t length)
{
    return send(endpoint->address, destination, payload, length);
}

static void deliver(const struct vring_buffer *buffer)
{
    if (buffer->length < sizeof(struct header)) {
        trace("dropped a buffer of %u bytes", buffer->length);
        return;
    }
    const struct header *header = (const struct header *)(uintptr_t)buffer->address;
    uint32_t length = header->length;
    if (length > buffer->length - sizeof *header) {
        trace("dropped a message: length %u in %u bytes", length, buffer->length);
        return;
    }
    for (struct rpmsg_endpoint *endpoint = endpoints; endpoint != NULL; endpoint = endpoint->next) {
        if (endpoint->address == header->destination) {
            endpoint->receive(endpoint, header + 1, length, header->source);
            return;
        }
    }
    trace("dropped a message to %x: no such endpoint", header->destination);
}

void rpmsg_receive_all(void)
{
    struct vring_buffer buffer;
    bool used = false;
    while (vring_take(&from_linux, &buffer)) {
        deliver(&buffer);
        vring_give_back(&from_linux, buffer.id, 0);
        used = true;
    }
    if (used && vring_driver_wants_interrupt(&from_linux)) {
        ipcc_ring(IPCC_VQ1);
    }
}

/* Linux has reset the device and put the resource table back as it was; it may attach again, with fresh rings. */
static void start_over(void)
{
    trace("detached");
    ipcc_acknowledge(IPCC_DETACH);
    rpmsg_init();
    for (const struct rpmsg_endpoint *endpoint = endpoints; endpoint != NULL; endpoint = endpoint->next) {
        announce(endpoint, NAME_SERVICE_CREATE);
    }
}

void rpmsg_serve(void)
{
    /* It never returns, so its return address is kept nowhere: a debugger's back trace ends here instead of going on for ever. */
    __asm__ volatile(".cfi_undefined lr");
    for (;;) {
        if (ipcc_take(IPCC_SHUTDOWN)) {
            shut_down();
        }
        if (ipcc_take(IPCC_DETACH)) {
            start_over();
        }
        /* The doorbells only wake: the ring says what there is to do. */
        (void)ipcc_take(IPCC_VQ0);
        (void)ipcc_take(IPCC_VQ1);
        rpmsg_receive_all();
        ipcc_wait();
    }
}
