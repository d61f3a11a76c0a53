// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Everything that firmware can name or print, full of what a terminal would obey: colours, titles, newlines, right-to-left overrides,
// C1 controls, and bytes that are not UTF-8. None of it may reach a terminal as a command.
#include "ipcc.h"
#include "rpmsg.h"
#include "semihosting.h"
#include "trace.h"

#define ESCAPES "\x1b[31m\x1b]0;title\x07"
#define RIGHT_TO_LEFT "\xe2\x80\xae"
#define C1 "\xc2\x9b" "31m"

static void echo(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source) {
    rpmsg_send(endpoint, source, payload, length);
    rpmsg_send(endpoint, source, ESCAPES C1 "\xff\r\b", 20);
    // A name that is announced again is an error line of Linux's.
    rpmsg_announce(endpoint);
}

static struct rpmsg_endpoint endpoints[] = {
    {.name = "rpmsg-tty", .address = 1024, .receive = echo},
    {.name = ESCAPES, .address = 1025, .receive = echo},
    {.name = "../../../../etc/x", .address = 1026, .receive = echo},
    {.name = "a/b\n[    0.000000] forged\t\"q\\", .address = 1027, .receive = echo},
    {.name = "\xff\xfe\xc3", .address = 1028, .receive = echo},
    {.name = RIGHT_TO_LEFT "rtl" C1, .address = 1029, .receive = echo},
    // The name before that one but for one bit, as text in the same escapes, and an accent spelt in two ways.
    {.name = "\xff\xfe\xc2", .address = 1030, .receive = echo},
    {.name = "\\xff\\xfe\\xc3", .address = 1031, .receive = echo},
    {.name = "caf\xc3\xa9", .address = 1032, .receive = echo},
    {.name = "cafe\xcc\x81", .address = 1033, .receive = echo},
};

int main(void) {
    ipcc_init();
    rpmsg_init();
    trace(ESCAPES " " C1 RIGHT_TO_LEFT " \xff\xfe x\r\b\b");
    for (unsigned i = 0; i < sizeof endpoints / sizeof *endpoints; i++) rpmsg_announce(&endpoints[i]);
    semihosting_write(ESCAPES C1 " semihosting \xff\n");
    rpmsg_serve();
}
