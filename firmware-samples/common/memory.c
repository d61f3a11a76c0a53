// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The four functions that the compiler may call in freestanding code (C17 4p6, GCC and clang manuals). */
#include "memory.h"

#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    while (count-- != 0) {
        *t++ = *f++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    if (t <= f) {
        return memcpy(to, from, count);
    }
    while (count-- != 0) {
        t[count] = f[count];
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *t = to;
    while (count-- != 0) {
        *t++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *left, const void *right, size_t count)
{
    const uint8_t *l = left, *r = right;
    for (; count != 0; count--, l++, r++) {
        if (*l != *r) {
            return *l < *r ? -1 : 1;
        }
    }
    return 0;
}

/* What the compiler calls them on Arm (RTABI 4.3.4): the suffix promises an alignment, and memset's value comes last. */
#define SAME_AS(function) __attribute__((alias(#function)))

void __aeabi_memcpy(void *, const void *, size_t) SAME_AS(memcpy);
void __aeabi_memcpy4(void *, const void *, size_t) SAME_AS(memcpy);
void __aeabi_memcpy8(void *, const void *, size_t) SAME_AS(memcpy);
void __aeabi_memmove(void *, const void *, size_t) SAME_AS(memmove);
void __aeabi_memmove4(void *, const void *, size_t) SAME_AS(memmove);
void __aeabi_memmove8(void *, const void *, size_t) SAME_AS(memmove);

void __aeabi_memset(void *to, size_t count, int value) { memset(to, value, count); }
void __aeabi_memset4(void *, size_t, int) SAME_AS(__aeabi_memset);
void __aeabi_memset8(void *, size_t, int) SAME_AS(__aeabi_memset);

void __aeabi_memclr(void *to, size_t count) { memset(to, 0, count); }
void __aeabi_memclr4(void *, size_t) SAME_AS(__aeabi_memclr);
void __aeabi_memclr8(void *, size_t) SAME_AS(__aeabi_memclr);
