// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// As endless-semihosting, but only after some five milliseconds: what then goes on is no start, and may be the end.
#include <stdint.h>
#include "semihosting.h"

static char text[32768];

int main(void) {
    for (int i = 0; i < 32768; i++) text[i] = 'A';
    for (volatile int i = 0; i < 200000; i++) {}
    uint32_t block[4] = {2, (uint32_t)(uintptr_t)text, sizeof text, 0};
    for (;;) semihosting_call(5, (uintptr_t)block);
}
