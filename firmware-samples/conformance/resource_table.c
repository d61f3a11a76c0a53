// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Only a trace buffer: this firmware speaks to nobody. */
#include "resource_table.h"

#include "trace.h"

__attribute__((section(".resource_table"), used)) static const struct {
    uint32_t version, num, reserved[2], offset[1];
    struct resource_trace trace;
} table = {
    .version = 1,
    .num = 1,
    .offset = { 20 },
    .trace = {
        .type = RESOURCE_TRACE,
        .device_address = (uint32_t)(uintptr_t)trace_buffer,
        .length = TRACE_BYTES,
        .name = "cm4_log",
    },
};
