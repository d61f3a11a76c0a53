// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* A loop of arithmetic without an interrupt: what bench/tick.c is compared with. */
#define WITH_TICK 0
#include "busy.h"
