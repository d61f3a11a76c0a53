// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Ends at once: what is left is the time that a machine takes to start and to stop. */
#include "kernel.h"

const uint32_t kernel_expected = 0;

uint32_t kernel_run(void)
{
    return 0;
}
