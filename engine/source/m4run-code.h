// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* Where translated code lies. */
#ifndef M4RUN_CODE_H
#define M4RUN_CODE_H

#include <stdint.h>
#include <sys/mman.h>
#include "unicorn/unicorn.h"

/*
 * Translated code calls the engine's helpers directly when it lies within 2 GiB of them, and through a register from further away, which
 * on current x86-64 costs about as much as the rest of a short block. The kernel puts a large anonymous mapping far from a statically
 * linked engine. So room is looked for close below the engine's own code; where there is none, the kernel decides.
 */
static void *m4run_map_code(size_t length, int protection, int flags)
{
#if defined(__x86_64__) && defined(MAP_FIXED_NOREPLACE)
    enum { MEGABYTE = 1 << 20, GAP = 64 * MEGABYTE };   /* left free below the program, for what is loaded there */
    const uintptr_t reach = (uintptr_t)7 << 28;         /* 1.75 GiB */
    uintptr_t step = (length + MEGABYTE - 1) & ~(uintptr_t)(MEGABYTE - 1);
    uintptr_t top = ((uintptr_t)&uc_open & ~(uintptr_t)(MEGABYTE - 1)) - GAP;
    for (uintptr_t used = step; length > 0 && length < reach && used < reach && used < top; used += step) {
        void *wanted = (void *)(top - used);
        void *place = mmap(wanted, length, protection, flags | MAP_FIXED_NOREPLACE, -1, 0);
        if (place == wanted) {
            return place;
        }
        if (place != MAP_FAILED) {
            /* A kernel before 4.17 takes the address for a hint. */
            munmap(place, length);
            break;
        }
        if (errno != EEXIST) {
            break;
        }
    }
#endif
    return mmap(NULL, length, protection, flags, -1, 0);
}

#endif
