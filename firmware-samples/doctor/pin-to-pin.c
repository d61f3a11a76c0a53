// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Begins rpmsg and makes no endpoint; its main loop brings a pin's level to another pin. */
#include "echo.h"

__attribute__((noinline)) int MX_OPENAMP_Init(void)
{
    ipcc_init();
    rpmsg_init();
    return 0;
}

int main(void)
{
    MX_OPENAMP_Init();
    REGISTER(0x50000AA8u) = 1u;
    for (;;) {
        REGISTER(0x50002018u) = REGISTER(0x50002010u) & 1u ? 2u : 2u << 16;
    }
}
