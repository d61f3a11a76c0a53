// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* What the Swift sample sees of common/. Swift imports no variadic functions, so tracing gets two of fixed shape. */
#ifndef FIRMWARE_H
#define FIRMWARE_H

#include "ipcc.h"
#include "rpmsg.h"
#include "trace.h"

static inline void trace_line(const char *line) { trace("%s", line); }

static inline void trace_message(uint32_t address, uint32_t length, uint32_t source)
{
    trace("%x: %u bytes from %x", address, length, source);
}

#endif
