// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Does well without Linux: its main loop counts, and looks at a pin each time. */
#include "cortex_m4.h"

static volatile uint32_t turns;

int main(void)
{
    REGISTER(0x50000AA8u) = 1u;
    for (uint32_t count = 0;; count += 3) {
        if (REGISTER(0x50002010u) & 1u) {
            turns = count;
        }
    }
}
