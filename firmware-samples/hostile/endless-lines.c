// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// A line each ten thousand rounds of a loop, for ever: enough to fill any pipe that nobody reads, and little enough to go on under.
#include <stdint.h>
#include "semihosting.h"

int main(void) {
    for (;;) {
        semihosting_call(SEMIHOSTING_SYS_WRITE0, (uintptr_t)"one more line that somebody should read, of a firmware that has no end\n");
        for (volatile int i = 0; i < 10000; i++) {}
    }
}
