// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Runs the conformance cases, one line each on the semihosting console:
 *
 *     NAME|seen words|demanded words|what the engine needs|why QEMU differs
 *
 * Words are 8 hexadecimal digits. A case that did not end by itself has ` !EXCEPTION PC CFSR` behind the words that it saw.
 * The name is written before the case runs, so that a case which takes the machine down is the last name in the output.
 *
 * Words of the command line behind the first choose cases by the beginning of their names; `-NAME` starts behind that case. */
#include <stdbool.h>

#include "harness.h"
#include "semihosting.h"
#include "trace.h"

extern const struct conformance_case __cases_start[], __cases_end[];

static char line[640];
static size_t length;

static void put(char character)
{
    if (length < sizeof line - 1) {
        line[length++] = character;
        line[length] = 0;
    }
}

static void put_text(const char *text)
{
    while (*text != 0) {
        put(*text++);
    }
}

static void put_hex(uint32_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        put("0123456789abcdef"[value >> shift & 15]);
    }
}

static void put_words(const uint32_t *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i != 0) {
            put(' ');
        }
        put_hex(words[i]);
    }
}

static void flush(void)
{
    semihosting_write(line);
    length = 0;
    line[0] = 0;
}

/* Cases are named as C functions, and shown as everything else here is: with hyphens. */
static void put_name(const char *name)
{
    for (; *name != 0; name++) {
        put(*name == '_' ? '-' : *name);
    }
}

static bool same(char name, char wanted) { return (name == '_' ? '-' : name) == wanted; }

static bool begins_with(const char *name, const char *beginning, bool whole)
{
    for (; *beginning != 0 && *beginning != ' '; name++, beginning++) {
        if (!same(*name, *beginning)) {
            return false;
        }
    }
    return !whole || *name == 0;
}

static char command_line[256];

static const char *next_word(const char *at)
{
    while (*at != 0 && *at != ' ') {
        at++;
    }
    while (*at == ' ') {
        at++;
    }
    return at;
}

static void read_command_line(void)
{
    uint32_t block[2] = { (uint32_t)(uintptr_t)command_line, sizeof command_line - 1 };
    if (semihosting_call(SEMIHOSTING_SYS_GET_CMDLINE, (uintptr_t)block) != 0) {
        command_line[0] = 0;
    }
}

static bool chosen(const char *name)
{
    bool any = false;
    for (const char *word = next_word(command_line); *word != 0; word = next_word(word)) {
        if (*word != '-') {
            any = true;
            if (begins_with(name, word, false)) {
                return true;
            }
        }
    }
    return !any;
}

/* The first case to run: behind the one that a word `-NAME` names. */
static const struct conformance_case *first_case(void)
{
    for (const char *word = next_word(command_line); *word != 0; word = next_word(word)) {
        if (*word == '-') {
            for (const struct conformance_case *entry = __cases_start; entry != __cases_end; entry++) {
                if (begins_with(entry->name, word + 1, true)) {
                    return entry + 1;
                }
            }
        }
    }
    return __cases_start;
}

static bool run_and_report(const struct conformance_case *entry)
{
    put_name(entry->name);
    put('|');
    flush();
    run_case(entry);
    bool good = report.abandoned == 0 && report.count != 0;
    for (uint32_t i = 0; i < report.count; i++) {
        good = good && report.seen[i] == report.demanded[i];
    }
    put_words(report.seen, report.count);
    if (report.abandoned != 0) {
        put_text(" !");
        put_hex(report.abandoned);
        put(' ');
        put_hex(report.pc);
        put(' ');
        put_hex(report.cfsr);
    }
    put('|');
    put_words(report.demanded, report.count);
    put('|');
    put_text(entry->needs == NULL ? "" : entry->needs);
    put('|');
    put_text(entry->peer == NULL ? "" : entry->peer);
    put('\n');
    flush();
    if (!good) {
        trace("differs: %s", entry->name);
    }
    return good;
}

int main(void)
{
    uint32_t good = 0, bad = 0;
    read_command_line();
    for (const struct conformance_case *entry = first_case(); entry != __cases_end; entry++) {
        if (chosen(entry->name)) {
            if (run_and_report(entry)) {
                good++;
            } else {
                bad++;
            }
        }
    }
    trace("RESULT as demanded=%u otherwise=%u", good, bad);
    semihosting_exit(bad == 0);
}
