// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Announces ST's resource manager, waits for its answer, and gives up. */
#include "echo.h"

WITH_TICK

static struct rpmsg_endpoint manager = { .name = "rproc-srm", .address = 0x400, .receive = echo };

__attribute__((noinline)) void Error_Handler(void)
{
    for (;;) {
        HAL_Delay(100);
    }
}

int main(void)
{
    start_tick();
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&manager);
    HAL_Delay(300);
    Error_Handler();
    return 0;
}
