// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Running one case and what came of it. */
#ifndef HARNESS_H
#define HARNESS_H

#include "conformance.h"

#define WORDS 24u

struct report {
    uint32_t count;
    uint32_t seen[WORDS], demanded[WORDS];
    /* An exception that the case did not ask for ended it: its number, the instruction, CFSR. SysTick: it took too long. */
    uint32_t abandoned, pc, cfsr;
};
extern struct report report;

void run_case(const struct conformance_case *entry);

#endif
