// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Who wrote and who read a word last, for a few stretches of memory.
//
// Their pages are filled as divided ones are (pages.c): each load and store of an instruction comes to a hook with PC exact. What
// is not recorded does not notice; a recorded page costs some hundred nanoseconds an access.
#include "hooks.h"
#include <stdlib.h>
#include <string.h>

static void drop(m4_engine *e) {
    for (uint32_t i = 0; i < e->recorded_count; i++) free(e->recorded[i].writers);
    e->recorded_count = 0;
}

void m4_recorder_close(m4_engine *e) { drop(e); }

uc_err m4_engine_set_recorded(m4_engine *e, const uint32_t *starts, const uint32_t *sizes, uint32_t count) {
    if (!M4_OWN_ENGINE && count) return UC_ERR_HANDLE;
    if (count > M4_MAX_RECORDED) return UC_ERR_RESOURCE;
    drop(e);
    m4_engine_flush_permissions(e);
    if (!count) return UC_ERR_OK;
    uc_err error = m4_engine_map_shadows(e);
    for (uint32_t i = 0; i < count && error == UC_ERR_OK; i++) {
        const m4_region *r = m4_engine_region(e, starts[i]);
        if (!r || !r->host || sizes[i] == 0 || sizes[i] > r->size - (starts[i] - r->start)) {
            error = UC_ERR_ARG;
            break;
        }
        uint32_t first = (r->physical + (starts[i] - r->start)) & ~3u, words = (sizes[i] + (starts[i] & 3) + 3) / 4;
        // One piece: writers, readers since the last store of another, readers ever.
        uint32_t *piece = calloc((size_t)words * 3, sizeof *piece);
        if (!piece) error = UC_ERR_NOMEM;
        else e->recorded[e->recorded_count++] = (m4_recorded){first, words * 4, piece, piece + words, piece + 2 * (size_t)words};
    }
    if (error != UC_ERR_OK) drop(e);
    return error;
}

/// The stretch with the word at `physical`, and the word's number in it.
static const m4_recorded *find(const m4_engine *e, uint32_t physical, uint32_t *word) {
    for (uint32_t i = 0; i < e->recorded_count; i++) {
        if (physical - e->recorded[i].start >= e->recorded[i].size) continue;
        *word = (physical - e->recorded[i].start) / 4;
        return &e->recorded[i];
    }
    return NULL;
}

bool m4_is_recorded(const m4_engine *e, uint32_t physical) {
    for (uint32_t i = 0; i < e->recorded_count; i++) {
        uint32_t first = e->recorded[i].start & ~(uint32_t)(M4_PAGE_SIZE - 1);
        if (physical - first < e->recorded[i].start - first + e->recorded[i].size) return true;
    }
    return false;
}

static uint32_t canonical(const m4_engine *e, uint32_t address) {
    const m4_region *r = m4_engine_region(e, address);
    return r ? r->physical + (address - r->start) : address;
}

void m4_record_access(m4_engine *e, uint32_t address, uint32_t size, bool write) {
    uint32_t physical = canonical(e, address), pc = m4_core_register(e, 15);
    for (uint32_t at = physical & ~3u; at - (physical & ~3u) < size + (physical & 3); at += 4) {
        uint32_t word;
        const m4_recorded *r = find(e, at, &word);
        if (!r) continue;
        if (write) r->writers[word] = pc;
        else r->readers[word] = r->ever[word] = pc;
    }
}

void m4_record_other_write(m4_engine *e, uint32_t address, uint32_t count) {
    uint32_t physical = canonical(e, address);
    for (uint32_t i = 0; i < e->recorded_count; i++) {
        const m4_recorded *r = &e->recorded[i];
        uint64_t low = physical > r->start ? physical : r->start, high = (uint64_t)physical + count;
        if (high > (uint64_t)r->start + r->size) high = (uint64_t)r->start + r->size;
        for (uint64_t at = low & ~(uint64_t)3; at < high; at += 4) r->writers[(at - r->start) / 4] = r->readers[(at - r->start) / 4] = 0;
    }
}

m4_accesses m4_engine_accesses(const m4_engine *e, uint32_t address) {
    uint32_t word;
    const m4_recorded *r = find(e, canonical(e, address), &word);
    return r ? (m4_accesses){r->writers[word], r->readers[word], r->ever[word]} : (m4_accesses){0, 0, 0};
}
