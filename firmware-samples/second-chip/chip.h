// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* A chip that nobody makes, as Tests/SecondChip describes it: the samples' registers, interrupts, channels and shared memory for it. */
#define RCC_BASE 0x5000C000u
#define WWDG1_BASE 0x40005000u
#define IPCC_BASE 0x4C006000u
#define IRQ_IPCC_RX1 110
#define SHARED_MEMORY_START 0x12030000u
#define SHARED_MEMORY_END 0x12038000u
#define IPCC_CHANNEL_VQ0 5
#define IPCC_CHANNEL_VQ1 2
#define IPCC_CHANNEL_SHUTDOWN 1
#define IPCC_CHANNEL_DETACH 3
