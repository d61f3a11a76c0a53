// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// The kernel's own drivers/virtio/virtio_ring.c behind a few calls, for m4run-ring to compare with RprocHost's VirtQueue.
//
// scripts/kernel-ring compiles it, with that file in it, over tools/virtio's stubs, all from Debian's linux-source, into a shared library.
// Buffers are numbers below 4 GiB here: descriptors hold them as they are, and nobody reads what they point to.
#define _GNU_SOURCE
#include <stdint.h>
// What the kernel says of a bad ring is not compared here, and would fill the terminal.
#include <linux/kernel.h>
#undef dev_err
#undef dev_warn
#define dev_err(...) ((void)0)
#define dev_warn(...) ((void)0)
#include "virtio_ring.c"

void *__kmalloc_fake, *__kfree_ignore_start, *__kfree_ignore_end;

struct ring {
    struct virtio_device device;
    struct virtqueue *queue;
    uint64_t notifications;
};

static bool notified(struct virtqueue *queue) {
    ((struct ring *)queue->vdev)->notifications++;
    return true;
}

// Something to call: without a callback vring_interrupt has nothing to do.
static void called(struct virtqueue *queue) { (void)queue; }

// A ring over `memory`, which has to be zero, as remoteproc leaves it. NULL when the kernel makes none.
struct ring *ring_new(uint32_t count, uint32_t alignment, void *memory, bool event_index, bool indirect) {
    struct ring *ring = calloc(1, sizeof *ring);
    if (!ring) return NULL;
    INIT_LIST_HEAD(&ring->device.vqs);
    spin_lock_init(&ring->device.vqs_list_lock);
    if (event_index) ring->device.features |= 1ull << VIRTIO_RING_F_EVENT_IDX;
    if (indirect) ring->device.features |= 1ull << VIRTIO_RING_F_INDIRECT_DESC;
    // remoteproc asks for strong barriers, which the stubs do not have; in one thread there is nothing to order.
    ring->queue = vring_new_virtqueue(0, count, alignment, &ring->device, true, false, memory, notified, called, "ring");
    if (!ring->queue) { free(ring); return NULL; }
    return ring;
}

void ring_free(struct ring *ring) {
    vring_del_virtqueue(ring->queue);
    free(ring);
}

// 0, or a negative errno.
int32_t ring_add(struct ring *ring, uint32_t buffer, uint32_t length, bool device_writes) {
    // page_to_phys is the identity in the stubs; the two low bits of a page link are marks.
    struct scatterlist entry = {.page_link = (buffer & ~3ul) | 2, .offset = buffer & 3, .length = length};
    void *data = (void *)(uintptr_t)buffer;
    return device_writes ? virtqueue_add_inbuf(ring->queue, &entry, 1, data, GFP_ATOMIC) : virtqueue_add_outbuf(ring->queue, &entry, 1, data, GFP_ATOMIC);
}

// The buffer, or 0 for none; `length` is what the device says it wrote.
uint32_t ring_take(struct ring *ring, uint32_t *length) { return (uint32_t)(uintptr_t)virtqueue_get_buf(ring->queue, length); }
bool ring_kick_prepare(struct ring *ring) { return virtqueue_kick_prepare(ring->queue); }
void ring_kick(struct ring *ring) { virtqueue_kick(ring->queue); }
void ring_notify(struct ring *ring) { virtqueue_notify(ring->queue); }
void ring_interrupt(struct ring *ring) { vring_interrupt(0, ring->queue); }
void ring_disable_callbacks(struct ring *ring) { virtqueue_disable_cb(ring->queue); }
void ring_enable_callbacks(struct ring *ring) { virtqueue_enable_cb(ring->queue); }
uint32_t ring_free_count(struct ring *ring) { return ring->queue->num_free; }
bool ring_is_broken(struct ring *ring) { return virtqueue_is_broken(ring->queue); }
uint64_t ring_notifications(struct ring *ring) { return ring->notifications; }
