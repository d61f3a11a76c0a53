// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/* What becomes of calls into the engine for which there is no memory: each allocation in turn fails, and all behind it. Licence: GPL-2.0.
 *
 *   memory     opens a core, runs a few instructions and closes it, with the first allocation failing, then the second, ... until none does
 *
 * Linked with --wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=posix_memalign. Each try has to end with what the instructions do, or with
 * UC_ERR_NOMEM or UC_ERR_RESOURCE. The line at the end counts. */
#include "CUnicorn.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMORY = 64 << 10 };

static long left = -1;  /* allocations that succeed; -1 for all */

static bool has_memory(void) {
    if (left < 0) return true;
    if (left == 0) return false;
    left--;
    return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
int __real_posix_memalign(void **result, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size) { return has_memory() ? __real_malloc(size) : NULL; }
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size) { return has_memory() ? __real_calloc(count, size) : NULL; }
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size) { return has_memory() ? __real_realloc(old, size) : NULL; }
int __wrap_posix_memalign(void **result, size_t alignment, size_t size);
int __wrap_posix_memalign(void **result, size_t alignment, size_t size) { return has_memory() ? __real_posix_memalign(result, alignment, size) : 12; }

static uint32_t read_register(void *context, uint32_t address, uint32_t size) { return (void)context, (void)address, (void)size, 7; }
static void write_register(void *context, uint32_t address, uint32_t size, uint32_t value) { (void)context, (void)address, (void)size, (void)value; }

static uint8_t memory[MEMORY] __attribute__((aligned(4096))), fetched[MEMORY >> M4_PAGE_SHIFT];

/* Loads a register of a device, adds 35 in a loop that calls, and sleeps. */
static const uint16_t program[] = {
    0x2040,         /*     movs r0, #0x40 */
    0x0600,         /*     lsls r0, r0, #24 */
    0x6801,         /*     ldr  r1, [r0] */
    0x2205,         /*     movs r2, #5 */
    0xF000, 0xF803, /* 1:  bl   2f */
    0x3A01,         /*     subs r2, #1 */
    0xD1FB,         /*     bne  1b */
    0xBF30,         /*     wfi */
    0x3107,         /* 2:  adds r1, #7 */
    0x4770,         /*     bx   lr */
};

static uc_err attempt(m4_engine **made) {
    uc_err error;
    m4_engine *e = *made = m4_engine_open(&error);
    if (!e) return error;
    e->read_register = read_register;
    e->write_register = write_register;
    const m4_region regions[] = {
        {.start = 0, .size = MEMORY, .physical = 0, .permissions = M4_READ | M4_WRITE | M4_EXECUTE, .host = memory, .fetched = fetched},
        {.start = 0x40000000, .size = 1 << 20, .physical = 0x40000000, .permissions = M4_READ | M4_WRITE},
        {.start = 0xE0000000, .size = 1 << 20, .physical = 0xE0000000, .permissions = M4_READ | M4_WRITE | M4_PRIVILEGED},
    };
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++)
        if ((error = m4_engine_add_region(e, regions[i])) != UC_ERR_OK) return error;
    if ((error = m4_engine_arm(e)) != UC_ERR_OK) return error;
    e->deadline = UINT64_MAX;
    m4_stop stop = m4_engine_run(e, 1);
    return stop == M4_STOP_ENGINE ? e->engine_error : stop == M4_STOP_WFI && m4_core_register(e, 1) == 42 ? UC_ERR_OK : UC_ERR_EXCEPTION;
}

int main(void) {
    memcpy(memory, program, sizeof program);
    for (long allowed = 0;; allowed++) {
        memset(fetched, 0, sizeof fetched);
        left = allowed;
        m4_engine *e = NULL;
        uc_err error = attempt(&e);
        bool all = left > 0;
        left = -1;
        m4_engine_close(e);
        if (error != UC_ERR_OK && error != UC_ERR_NOMEM && error != UC_ERR_RESOURCE) {
            fprintf(stderr, "memory: with %ld allocations: %s\n", allowed, uc_strerror(error));
            return 1;
        }
        if (all) {
            if (error == UC_ERR_OK) printf("memory: each of %ld allocations failed in turn\n", allowed);
            return error != UC_ERR_OK;
        }
    }
}
