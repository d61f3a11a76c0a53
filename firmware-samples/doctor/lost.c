// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Ends in an endless loop of a function whose name says nothing. */
#include "cortex_m4.h"

__attribute__((noinline)) static void step_five(void)
{
    for (;;) {
        __asm__ volatile("");
    }
}

int main(void)
{
    step_five();
    return 0;
}
