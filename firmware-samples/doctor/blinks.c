// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Does well without Linux: blinks. */
#include "echo.h"

WITH_TICK

int main(void)
{
    start_tick();
    REGISTER(0x50000AA8u) = 1u << 3;
    for (;;) {
        REGISTER(0x50005014u) ^= 1u << 8;
        HAL_Delay(100);
    }
}
