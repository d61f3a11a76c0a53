// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The three ways to print that need no UART: ITM, RTT and semihosting; and a line read back over RTT.
 *
 * Runs bare (`m4run exec`) and under Linux (`m4run run --boot elf`). Ends with semihosting's exit code 0, or 1 when the line
 * `quit` arrives. */
#include <stdint.h>

#include "cortex_m4.h"
#include "itm.h"
#include "rtt.h"
#include "semihosting.h"

/* How long a line is waited for, in cycles: 5 ms. */
enum { PATIENCE = 320000 };

static _Bool read_line(char *line, uint32_t size)
{
    uint32_t length = 0, begin = DWT_CYCCNT;
    while (DWT_CYCCNT - begin < PATIENCE) {
        int character = rtt_read();
        if (character == '\n') {
            line[length] = 0;
            return 1;
        }
        if (character >= 0 && length + 1 < size) {
            line[length++] = (char)character;
        }
    }
    return 0;
}

static _Bool equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

int main(void)
{
    itm_enable(1u << 0 | 1u << 1);
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    rtt_init();

    itm_write(0, "a line on port 0\n");
    /* Four and two characters at a time, low byte first; port 2 is off, and port 1 is another channel. */
    ITM_STIM(1) = 'w' | 'o' << 8 | 'r' << 16 | (uint32_t)'d' << 24;
    *(volatile uint16_t *)(uintptr_t)0xE0000004u = 's' | '\n' << 8;
    ITM_STIM8(2) = '?';
    semihosting_write("a line over semihosting\n");
    rtt_write("a line over RTT, which is longer than the ring that it has to go through\n");

    char line[32];
    if (!read_line(line, sizeof line)) {
        rtt_write("nothing came\n");
        semihosting_exit(1);
    }
    rtt_write("got: ");
    rtt_write(line);
    rtt_write("\n");
    semihosting_exit(!equal(line, "quit"));
}
