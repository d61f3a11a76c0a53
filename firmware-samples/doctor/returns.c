// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Forgets its endless loop. */
#include "cortex_m4.h"

int main(void)
{
    REGISTER(0x50000AA8u) = 1u << 3;
    return 0;
}
