// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "vring.h"

#include "stm32mp157.h"

#define AVAILABLE_NO_INTERRUPT 1u
#define USED_NO_NOTIFY 1u

void vring_init(struct vring *ring, uint32_t address, uint32_t num, uint32_t align)
{
    /* Descriptors, then the available ring with its used_event, then, aligned, the used ring (§2.7.2). */
    uint32_t available = address + 16u * num;
    uint32_t used = (available + 2u * (3u + num) + align - 1u) & ~(align - 1u);
    ring->descriptors = (volatile const struct vring_descriptor *)(uintptr_t)address;
    ring->available = (volatile const struct vring_available *)(uintptr_t)available;
    ring->used = (volatile struct vring_used *)(uintptr_t)used;
    ring->num = (uint16_t)num;
    ring->next_available = 0;
}

bool vring_has_available(const struct vring *ring)
{
    return ring->available->index != ring->next_available;
}

bool vring_take(struct vring *ring, struct vring_buffer *buffer)
{
    if (!vring_has_available(ring)) {
        return false;
    }
    /* The index says that ring entry and descriptor are valid: read them after it. */
    cpu_data_memory_barrier();
    uint32_t head = ring->available->ring[ring->next_available % ring->num];
    ring->next_available++;

    *buffer = (struct vring_buffer){ .id = head };
    if (head >= ring->num) {
        return true;
    }
    uint64_t address = ring->descriptors[head].address;
    uint32_t length = ring->descriptors[head].length;
    if (address >= SHARED_MEMORY_START && address < SHARED_MEMORY_END && length <= SHARED_MEMORY_END - address) {
        buffer->address = (uint32_t)address;
        buffer->length = length;
    }
    return true;
}

void vring_give_back(struct vring *ring, uint32_t id, uint32_t length)
{
    uint16_t index = ring->used->index;
    volatile struct vring_used_element *element = &ring->used->ring[index % ring->num];
    element->id = id;
    element->length = length;
    /* The driver may look as soon as it sees the index: what it says must be there. */
    cpu_data_memory_barrier();
    ring->used->index = (uint16_t)(index + 1u);
    /* And the driver's wish for an interrupt is read after it could see the index. */
    cpu_data_memory_barrier();
}

bool vring_driver_wants_interrupt(const struct vring *ring)
{
    return (ring->available->flags & AVAILABLE_NO_INTERRUPT) == 0;
}

void vring_request_notifications(struct vring *ring, bool wanted)
{
    ring->used->flags = wanted ? 0u : USED_NO_NOTIFY;
    cpu_data_memory_barrier();
}
