// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The same without rpmsg and a resource table. */
#include "cortex_m4.h"

#define I2C5 0x40015000u

int main(void)
{
    REGISTER(I2C5) = 1;
    while ((REGISTER(I2C5 + 0x18u) & (1u << 6)) == 0) {
    }
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
