// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The device side of a split virtqueue in its legacy layout (virtio 1.2 §2.7). The other side, the driver, is Linux. */
#ifndef VRING_H
#define VRING_H

#include <stdbool.h>
#include <stdint.h>

struct vring_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};

struct vring_available {
    uint16_t flags;
    uint16_t index;
    uint16_t ring[];
};

struct vring_used_element {
    uint32_t id;
    uint32_t length;
};

struct vring_used {
    uint16_t flags;
    uint16_t index;
    struct vring_used_element ring[];
};

struct vring {
    volatile const struct vring_descriptor *descriptors;
    volatile const struct vring_available *available;
    volatile struct vring_used *used;
    uint16_t num;
    uint16_t next_available;
};

struct vring_buffer {
    uint32_t id;
    uint32_t address;
    uint32_t length;
};

/* Takes over the ring of `num` entries at `address`, which the driver has zeroed; `align` is a power of two. */
void vring_init(struct vring *ring, uint32_t address, uint32_t num, uint32_t align);

/* Whether the driver has made a buffer available that was not taken yet. */
bool vring_has_available(const struct vring *ring);

/* Takes the next available buffer; false when there is none. A head or an address that cannot be right (outside the
 * shared memory) gives a buffer of length 0, to be given back as it is. */
bool vring_take(struct vring *ring, struct vring_buffer *buffer);

/* Gives buffer `id` back with `length` bytes written. */
void vring_give_back(struct vring *ring, uint32_t id, uint32_t length);

/* Whether the driver wants to be told of used buffers (§2.7.7). */
bool vring_driver_wants_interrupt(const struct vring *ring);

/* Asks the driver for a doorbell when it makes buffers available, or to do without (§2.7.10). */
void vring_request_notifications(struct vring *ring, bool wanted);

#endif
