// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* What bench/main.c runs: one of the files beside it. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>

/* Does the work and returns a value that depends on all of it. */
uint32_t kernel_run(void);

/* That value, found with the same source on another machine: a fast wrong answer is no benchmark. */
extern const uint32_t kernel_expected;

#endif
