// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* What the firmware asks of its host: one rpmsg vdev with two vrings, and a trace buffer.
 * Linux Documentation/staging/remoteproc.rst, "Binary Firmware Structure". */
#ifndef RESOURCE_TABLE_H
#define RESOURCE_TABLE_H

#include <stdint.h>

#define RESOURCE_ADDRESS_ANY 0xFFFFFFFFu
#define RESOURCE_TRACE 2u
#define RESOURCE_VDEV 3u
#define VIRTIO_ID_RPMSG 7u
#define VIRTIO_RPMSG_F_NS (1u << 0)
#define VIRTIO_STATUS_DRIVER_OK (1u << 2)

struct resource_vring {
    uint32_t device_address;
    uint32_t align;
    uint32_t num;
    uint32_t notifyid;
    uint32_t physical_address;
};

struct resource_vdev {
    uint32_t type;
    uint32_t id;
    uint32_t notifyid;
    uint32_t device_features;
    uint32_t guest_features;
    uint32_t config_length;
    uint8_t status;
    uint8_t num_of_vrings;
    uint8_t reserved[2];
    struct resource_vring vring[2];
};

struct resource_trace {
    uint32_t type;
    uint32_t device_address;
    uint32_t length;
    uint32_t reserved;
    char name[32];
};

struct resource_table {
    uint32_t version;
    uint32_t num;
    uint32_t reserved[2];
    uint32_t offset[2];
    struct resource_vdev vdev;
    struct resource_trace trace;
};

/* The live table: the host writes vring addresses, features and status into it while the firmware runs. */
extern volatile struct resource_table resource_table;

#endif
