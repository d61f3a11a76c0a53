// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Waits for a flag of a block that m4run has no model of: I2C5. */
#include "echo.h"

#define I2C5 0x40015000u
#define I2C_CR1 REGISTER(I2C5)
#define I2C_ISR REGISTER(I2C5 + 0x18u)
#define I2C_ISR_TC (1u << 6)

__attribute__((noinline)) static void wait_for_transfer(void)
{
    I2C_CR1 = 1;
    while ((I2C_ISR & I2C_ISR_TC) == 0) {
    }
}

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = echo };

int main(void)
{
    wait_for_transfer();
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&tty);
    rpmsg_serve();
}
