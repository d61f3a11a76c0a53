// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Waits for room in the FIFO of a UART that it has never switched on: another stage was to do so. */
#include "cortex_m4.h"

int main(void)
{
    REGISTER(0x40010028u) = 'M';
    while (!(REGISTER(0x4001001Cu) & 1u << 27)) {
    }
    return 0;
}
