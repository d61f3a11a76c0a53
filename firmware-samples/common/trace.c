// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "trace.h"

#include <stdarg.h>
#include <stddef.h>

char trace_buffer[TRACE_BYTES];
static size_t position;

static void put(char character)
{
    if (position == TRACE_BYTES - 1) {
        position = 0;
    }
    trace_buffer[position++] = character;
}

static void put_string(const char *string)
{
    while (*string != 0) {
        put(*string++);
    }
}

static void put_number(uint32_t value, uint32_t base)
{
    char digits[10];
    size_t count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (count != 0) {
        put(digits[--count]);
    }
}

void trace(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    for (; *format != 0; format++) {
        if (*format != '%') {
            put(*format);
            continue;
        }
        format++;
        if (*format == 0) {
            break;
        }
        switch (*format) {
        case 's':
            put_string(va_arg(arguments, const char *));
            break;
        case 'u':
            put_number(va_arg(arguments, uint32_t), 10);
            break;
        case 'x':
            put_string("0x");
            put_number(va_arg(arguments, uint32_t), 16);
            break;
        default:
            put(*format);
            break;
        }
    }
    va_end(arguments);
    put('\n');
}
