// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* An Error_Handler that blinks: most of the time it is in HAL_Delay. */
#include "echo.h"

WITH_TICK

#define RCC_MC_AHB4ENSETR REGISTER(0x50000AA8u)
#define GPIOD_ODR REGISTER(0x50005014u)

__attribute__((noinline)) static void BSP_LED_Toggle(void) { GPIOD_ODR ^= 1u << 8; }

__attribute__((noinline)) static void Error_Handler(void)
{
    RCC_MC_AHB4ENSETR = 1u << 3;
    for (;;) {
        BSP_LED_Toggle();
        HAL_Delay(500);
    }
}

__attribute__((noinline)) static int MX_TIM7_Init(volatile uint32_t *clock)
{
    if (*clock == 0) {
        Error_Handler();
    }
    return 0;
}

int main(void)
{
    static volatile uint32_t clock;
    start_tick();
    HAL_Delay(2);
    MX_TIM7_Init(&clock);
    return 0;
}
