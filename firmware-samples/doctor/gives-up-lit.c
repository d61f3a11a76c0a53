// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* An Error_Handler that switches a light on, over and over: its loop is in another function, and reads a port. */
#include "cortex_m4.h"

#define GPIOD_ODR REGISTER(0x50005014u)

__attribute__((noinline)) static void BSP_LED_On(void)
{
    if ((GPIOD_ODR & (1u << 8)) == 0) {
        REGISTER(0x50005018u) = 1u << 8;
    }
}

__attribute__((noinline)) static void Error_Handler(void)
{
    REGISTER(0x50000AA8u) = 1u << 3;
    for (;;) {
        BSP_LED_On();
    }
}

__attribute__((noinline)) static void SystemClock_Config(void)
{
    Error_Handler();
}

int main(void)
{
    SystemClock_Config();
    return 0;
}
