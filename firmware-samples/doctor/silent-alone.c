// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Takes what it gets without a word, and has no other service. */
#define SILENT_ONLY
#include "silent.c"
