// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The loop of bench/busy.c under a SysTick of 10 kHz: what a periodic interrupt costs. */
#define WITH_TICK 1
#include "busy.h"
