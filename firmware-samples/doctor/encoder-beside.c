// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Does well without Linux: LPTIM1 follows an encoder, and the main loop counts and looks at it. */
#include "cortex_m4.h"

static volatile uint32_t position;

int main(void)
{
    REGISTER(0x50000A00u) = 1u << 9;
    REGISTER(0x4000900Cu) = 1u << 24;
    REGISTER(0x40009010u) = 1u;
    REGISTER(0x40009018u) = 0xFFFFu;
    REGISTER(0x40009010u) = 5u;
    for (uint32_t count = 0;; count += 3) {
        for (volatile uint32_t wait = count & 0xFFu; wait; wait--) {
        }
        position = REGISTER(0x4000901Cu) + count;
    }
}
