// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The log that Linux shows as /sys/kernel/debug/remoteproc/remoteproc0/trace0. */
#ifndef TRACE_H
#define TRACE_H

#include <stdint.h>

#define TRACE_BYTES 2048

/* The TRACE entry of the resource table points here. The last byte stays 0: Linux reads up to the first 0. */
extern char trace_buffer[TRACE_BYTES];

/* Formats `format` and appends it and a line end. A full log starts over at its beginning.
 * Takes %s, %u (uint32_t) and %x (uint32_t, written 0x1f); anything else is copied as it is. */
void trace(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
