// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The SoC's registers, as far as the samples use them. RM0436; the M4 is processor 2 of the IPCC. */
#ifndef STM32MP157_H
#define STM32MP157_H

#include "cortex_m4.h"

/* Another chip gives these before. */
#ifndef IPCC_BASE
#define RCC_BASE 0x50000000u
#define WWDG1_BASE 0x4000A000u
#define IPCC_BASE 0x4C001000u
#define IRQ_IPCC_RX1 103u
/* What both processors may use: rings and message buffers, and nothing else. */
#define SHARED_MEMORY_START 0x10040000u
#define SHARED_MEMORY_END 0x10048000u
#endif

#define RCC_MC_AHB3ENSETR REGISTER(RCC_BASE + 0xAA0u)
#define RCC_MC_AHB3ENSETR_IPCCEN (1u << 12)

#define RCC_MC_APB1ENSETR REGISTER(RCC_BASE + 0xA80u)
#define RCC_MC_APB1ENSETR_WWDG1EN (1u << 28)

/* The M4's window watchdog: T counts down from bits 6 to 0, and at 0x3F resets the core. */
#define WWDG1_CR REGISTER(WWDG1_BASE)
#define WWDG1_CR_WDGA (1u << 7)
#define WWDG1_CR_T_MAX 0x7Fu

#define IPCC_C2CR REGISTER(IPCC_BASE + 0x10u)
#define IPCC_C2MR REGISTER(IPCC_BASE + 0x14u)
#define IPCC_C2SCR REGISTER(IPCC_BASE + 0x18u)
#define IPCC_C1TOC2SR REGISTER(IPCC_BASE + 0x0Cu)
#define IPCC_C2TOC1SR REGISTER(IPCC_BASE + 0x1Cu)
#define IPCC_C2CR_RXOIE (1u << 0)

#endif
