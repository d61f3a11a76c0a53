// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* A writer and reader for SEGGER's RTT, from its description (UM08001): rings in RAM that a debug probe, or m4run, empties and
 * fills while the core runs. One channel each way. */
#ifndef RTT_H
#define RTT_H

#include <stdint.h>

void rtt_init(void);
/* Waits for room: the host takes what is there. */
void rtt_write(const char *text);
/* A character, or -1 when there is none. */
int rtt_read(void);

#endif
