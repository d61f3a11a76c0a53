// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Does without Linux and without an answer: asks I2C5 for a tenth of a second, then waits for a second. */
#include "echo.h"

WITH_TICK

__attribute__((noinline)) static void ask(void)
{
    uint32_t start = HAL_GetTick();
    while (!(REGISTER(0x40015018u) & 1u << 1) && HAL_GetTick() - start < 100) {
    }
}

int main(void)
{
    start_tick();
    for (;;) {
        ask();
        HAL_Delay(1000);
    }
}
