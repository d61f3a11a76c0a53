// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Runs one kernel and tells the host through semihosting how it ended. */
#include "kernel.h"
#include "semihosting.h"

int main(void)
{
    semihosting_exit(kernel_run() == kernel_expected);
}
