// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "ipcc.h"

#include "stm32mp157.h"

#define RECEIVE_BIT(channel) (1u << ((channel) - 1))
#define SEND_BIT(channel) (1u << ((channel) - 1 + 16))
#define ALL_CHANNELS (RECEIVE_BIT(IPCC_VQ0) | RECEIVE_BIT(IPCC_VQ1) | RECEIVE_BIT(IPCC_SHUTDOWN) | RECEIVE_BIT(IPCC_DETACH))
/* A request that Linux waits for: its flag stays up until the work is done. */
#define REQUESTS (RECEIVE_BIT(IPCC_SHUTDOWN) | RECEIVE_BIT(IPCC_DETACH))

static volatile uint32_t rung;

void ipcc_init(void)
{
    RCC_MC_AHB3ENSETR = RCC_MC_AHB3ENSETR_IPCCEN;
    (void)RCC_MC_AHB3ENSETR; /* the clock runs once this has been read back */
    /* Flags outlive a reset of the core: a shutdown that a firmware before this one did not acknowledge is not for us. */
    IPCC_C2SCR = ALL_CHANNELS;
    IPCC_C2MR &= ~ALL_CHANNELS;
    IPCC_C2CR |= IPCC_C2CR_RXOIE;
    nvic_enable(IRQ_IPCC_RX1);
}

void IPCC_RX1_Handler(void)
{
    uint32_t occupied = IPCC_C1TOC2SR & ~IPCC_C2MR & ALL_CHANNELS;
    rung |= occupied;
    /* The interrupt is a level: drop what caused it. A doorbell says only "look", so it is acknowledged before the
     * look; a request is masked until ipcc_acknowledge. */
    IPCC_C2SCR = occupied & ~REQUESTS;
    IPCC_C2MR |= occupied & REQUESTS;
}

void ipcc_ring(enum ipcc_channel channel)
{
    /* While the flag is up Linux may be past its look at the ring, and a second write of the flag would be lost. */
    while ((IPCC_C2TOC1SR & RECEIVE_BIT(channel)) != 0) {
    }
    IPCC_C2SCR = SEND_BIT(channel);
}

bool ipcc_take(enum ipcc_channel channel)
{
    cpu_disable_interrupts();
    bool taken = (rung & RECEIVE_BIT(channel)) != 0;
    rung &= ~RECEIVE_BIT(channel);
    cpu_enable_interrupts();
    return taken;
}

void ipcc_acknowledge(enum ipcc_channel channel)
{
    IPCC_C2SCR = RECEIVE_BIT(channel);
    IPCC_C2MR &= ~RECEIVE_BIT(channel);
}

void ipcc_wait(void)
{
    /* With PRIMASK set an interrupt that comes between the look and WFI still ends WFI, and is taken after CPSIE. */
    cpu_disable_interrupts();
    while (rung == 0) {
        cpu_wait_for_interrupt();
        cpu_enable_interrupts();
        cpu_synchronize();
        cpu_disable_interrupts();
    }
    cpu_enable_interrupts();
}
