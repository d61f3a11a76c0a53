// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "resource_table.h"

#include <stddef.h>

#include "trace.h"

#define RING_ENTRIES 16
#define RING_ALIGN 16

__attribute__((section(".resource_table"), used)) volatile struct resource_table resource_table = {
    .version = 1,
    .num = 2,
    .offset = { offsetof(struct resource_table, vdev), offsetof(struct resource_table, trace) },
    .vdev = {
        .type = RESOURCE_VDEV,
        .id = VIRTIO_ID_RPMSG,
        .device_features = VIRTIO_RPMSG_F_NS,
        .num_of_vrings = 2,
        .vring = {
            { RESOURCE_ADDRESS_ANY, RING_ALIGN, RING_ENTRIES, 0, 0 },
            { RESOURCE_ADDRESS_ANY, RING_ALIGN, RING_ENTRIES, 1, 0 },
        },
    },
    .trace = {
        .type = RESOURCE_TRACE,
        .device_address = (uint32_t)(uintptr_t)trace_buffer,
        .length = TRACE_BYTES,
        .name = "cm4_log",
    },
};
