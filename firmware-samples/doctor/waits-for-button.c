// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Waits for a pin, through a pointer, as HAL does. */
#include "cortex_m4.h"

struct port {
    volatile uint32_t MODER, OTYPER, OSPEEDR, PUPDR, IDR;
};

__attribute__((noinline)) static uint32_t HAL_GPIO_ReadPin(const struct port *volatile port, uint32_t pin) { return port->IDR & pin; }

int main(void)
{
    struct port *a = (struct port *)(uintptr_t)0x50002000u;
    REGISTER(0x50000AA8u) = 1u;
    a->MODER &= ~3u;
    while (HAL_GPIO_ReadPin(a, 1u) == 0) {
    }
    return 0;
}
