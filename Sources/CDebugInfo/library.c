// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Loads libdw when it is first needed. */
#include "library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>

m4_libdw_library m4_libdw;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static char reason[256];

static void load(void) {
    void *library = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        snprintf(reason, sizeof reason, "libdw cannot be loaded: %.150s; Debian's package is libdw1", why ? why : "no reason given");
        return;
    }
    /* libelf's functions are found, too: libdw needs that library. */
#define M4_FIND(name) \
    m4_libdw.name = (__typeof__(name) *)dlsym(library, #name); \
    if (!m4_libdw.name) { \
        snprintf(reason, sizeof reason, "libdw (libdw.so.1) has no " #name "; 0.176 or later is needed"); \
        return; \
    }
    M4_LIBDW_FUNCTIONS(M4_FIND)
    if (m4_libdw.elf_version(EV_CURRENT) == EV_NONE) {
        snprintf(reason, sizeof reason, "libelf does not know ELF version %d", EV_CURRENT);
    }
}

const char *m4_dwarf_load(void) {
    pthread_once(&once, load);
    return reason[0] ? reason : NULL;
}
