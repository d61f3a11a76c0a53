// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Accesses to registers of the chip's blocks: reads and writes that only store, and such that act. Four million of them. */
#include <stdint.h>

#include "kernel.h"

#define ROUNDS 125000
#define EIGHT(access) access access access access access access access access

#define GPIOA_MODER (*(volatile uint32_t *)0x50002000u)
#define GPIOA_BSRR (*(volatile uint32_t *)0x50002018u)
#define SPI4_SR (*(volatile uint32_t *)0x44005014u)
#define SPI4_CRCPOLY (*(volatile uint32_t *)0x44005040u)

const uint32_t kernel_expected = 0xFFFFu;

uint32_t kernel_run(void)
{
    uint32_t sum = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        EIGHT(sum |= GPIOA_MODER;)
        EIGHT(GPIOA_BSRR = 1;)
        EIGHT(sum |= SPI4_SR;)
        EIGHT(SPI4_CRCPOLY = round;)
    }
    return sum & 0xFFFFu;
}
