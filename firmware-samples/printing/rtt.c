// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "rtt.h"

#include "cortex_m4.h"

/* Small, so that a longer text goes round it. */
enum { UP_BYTES = 48, DOWN_BYTES = 16 };
enum { MODE_BLOCK_IF_FULL = 2 };

struct channel {
    const char *name;
    char *buffer;
    uint32_t size;
    volatile uint32_t write, read;
    uint32_t flags;
};

struct control_block {
    volatile char id[16];
    int32_t up_count, down_count;
    struct channel up[1], down[1];
};

static char up_buffer[UP_BYTES], down_buffer[DOWN_BYTES];

/* Debuggers look for this name. */
struct control_block _SEGGER_RTT;

void rtt_init(void)
{
    _SEGGER_RTT.up_count = 1;
    _SEGGER_RTT.down_count = 1;
    _SEGGER_RTT.up[0] = (struct channel) { "Terminal", up_buffer, UP_BYTES, 0, 0, MODE_BLOCK_IF_FULL };
    _SEGGER_RTT.down[0] = (struct channel) { "Terminal", down_buffer, DOWN_BYTES, 0, 0, 0 };
    cpu_synchronize();
    /* Last, and backwards: who searches memory finds the whole of it, and not this string. */
    static const char reversed[] = "TTR REGGES";
    for (unsigned i = 0; i < sizeof reversed - 1; i++) {
        _SEGGER_RTT.id[i] = reversed[sizeof reversed - 2 - i];
    }
}

void rtt_write(const char *text)
{
    struct channel *up = &_SEGGER_RTT.up[0];
    for (; *text; text++) {
        uint32_t next = up->write + 1 == up->size ? 0 : up->write + 1;
        while (next == up->read) {
        }
        up->buffer[up->write] = *text;
        cpu_synchronize();
        up->write = next;
    }
}

int rtt_read(void)
{
    struct channel *down = &_SEGGER_RTT.down[0];
    if (down->read == down->write) {
        return -1;
    }
    int character = down->buffer[down->read];
    down->read = down->read + 1 == down->size ? 0 : down->read + 1;
    return character;
}
