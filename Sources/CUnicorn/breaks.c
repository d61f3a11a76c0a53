// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Breakpoints, ranges that are stepped through, and watched pages, as many as are asked for.
//
// A block of instructions ends before one that has a breakpoint, so a run stops before a block, as it does elsewhere, and a block without one is as it
// would be without all of them. With the system's library a hook stops inside of the block: trap_hooks.c.
#include "adapter.h"
#include <stdlib.h>
#include <string.h>

static uint32_t filter_bit(uint32_t address) { return address >> 1 & (M4_BREAK_FILTER - 1); }

uint32_t m4_breaks_at(const m4_engine *e, uint32_t address) {
    if (!e->break_count) return 0;
    uint32_t bit = filter_bit(address), kinds = 0;
    if (!e->has_masked_breaks && !(e->break_filter[bit / 64] >> bit % 64 & 1)) return 0;
    for (uint32_t i = 0; i < e->break_count; i++)
        if (!((address ^ e->breaks[i].address) & ~e->breaks[i].ignored)) kinds |= e->breaks[i].kinds;
    return kinds;
}

bool m4_ends_block(const m4_engine *e, uint32_t address) {
    return (e->has_range && address == e->range_last + 1) || m4_breaks_at(e, address);
}

static bool is_same(const m4_break *one, const m4_break *other) { return memcmp(one, other, sizeof *one) == 0; }

static bool holds(const m4_break *breaks, uint32_t count, const m4_break *wanted) {
    for (uint32_t i = 0; i < count; i++)
        if (is_same(&breaks[i], wanted)) return true;
    return false;
}

static bool has_masked(const m4_break *breaks, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (breaks[i].ignored) return true;
    return false;
}

// Blocks with the instruction at `address` are translated anew, and end where they are to end now.
static void forget_blocks(m4_engine *e, uint32_t address) {
    const m4_region *r = m4_engine_region(e, address);
    if (r && r->host) m4_drop_translations(e, address, 2);
}

static void forget_missing(m4_engine *e, const m4_break *from, uint32_t from_count, const m4_break *in, uint32_t in_count) {
    for (uint32_t i = 0; i < from_count; i++)
        if (!holds(in, in_count, &from[i])) forget_blocks(e, from[i].address);
}

// Another block of `count` elements, or the old one where that has room; null without memory.
static void *room(void *old, uint32_t *capacity, uint32_t count, size_t size) {
    if (count <= *capacity) return old;
    uint32_t wanted = count < 16 ? 16 : count + count / 2;
    void *new = realloc(old, wanted * size);
    if (new) *capacity = wanted;
    return new;
}

static void set_filter(m4_engine *e) {
    memset(e->break_filter, 0, sizeof e->break_filter);
    for (uint32_t i = 0; i < e->break_count; i++) {
        uint32_t bit = filter_bit(e->breaks[i].address);
        e->break_filter[bit / 64] |= (uint64_t)1 << bit % 64;
    }
    e->has_masked_breaks = has_masked(e->breaks, e->break_count);
}

uc_err m4_engine_set_breaks(m4_engine *e, const m4_break *breaks, uint32_t count) {
    uint32_t old_count = e->break_count;
    if (count == old_count && (count == 0 || memcmp(breaks, e->breaks, count * sizeof *breaks) == 0)) return UC_ERR_OK;
    m4_break *old = malloc((old_count ? old_count : 1) * sizeof *old);
    if (!old) return UC_ERR_NOMEM;
    if (old_count) memcpy(old, e->breaks, old_count * sizeof *old);
    m4_break *new = room(e->breaks, &e->break_capacity, count, sizeof *new);
    if (!new && count) {
        free(old);
        return UC_ERR_NOMEM;
    }
    e->breaks = new;
    if (count) memcpy(new, breaks, count * sizeof *breaks);
    e->break_count = count;
    bool masked = e->has_masked_breaks;
    set_filter(e);
    if (!m4_breaks_at(e, e->pass_address)) e->pass_address = M4_NOWHERE;
    if (!M4_OWN_ENGINE) {
        e->pass_address = M4_NOWHERE;
        m4_engine_forget_trap_hooks(e);
    } else if (masked || e->has_masked_breaks) {
        memset(e->counts, 0, M4_COUNTS * sizeof *e->counts);
        m4_adapter_forget_all(e);
    } else {
        // What has come or gone is mostly one, wherever it is in the list.
        uint32_t first = 0, end = 0, least = count < old_count ? count : old_count;
        while (first < least && is_same(&old[first], &breaks[first])) first++;
        while (end < least - first && is_same(&old[old_count - 1 - end], &breaks[count - 1 - end])) end++;
        forget_missing(e, old + first, old_count - end - first, breaks + first, count - end - first);
        forget_missing(e, breaks + first, count - end - first, old + first, old_count - end - first);
    }
    free(old);
    return UC_ERR_OK;
}

void m4_engine_begin_range(m4_engine *e, uint32_t first, uint32_t last) {
    e->has_range = M4_OWN_ENGINE;
    e->range_first = first;
    e->range_last = last;
    forget_blocks(e, last + 1);
}

void m4_engine_end_range(m4_engine *e) {
    if (!e->has_range) return;
    e->has_range = false;
    // Blocks are as they would be without it.
    forget_blocks(e, e->range_last + 1);
}

uc_err m4_engine_set_watched(m4_engine *e, const m4_watched *watched, uint32_t count) {
    if (count == e->watched_count && (count == 0 || memcmp(watched, e->watched, count * sizeof *watched) == 0)) return UC_ERR_OK;
    m4_watched *new = room(e->watched, &e->watched_capacity, count, sizeof *new);
    if (!new && count) return UC_ERR_NOMEM;
    e->watched = new;
    if (count) memcpy(new, watched, count * sizeof *watched);
    e->watched_count = count;
    m4_engine_flush_permissions(e);
    return UC_ERR_OK;
}

bool m4_is_watched(const m4_engine *e, uint32_t page) {
    for (uint32_t i = 0; i < e->watched_count; i++) {
        uint32_t first = e->watched[i].first & ~(uint32_t)(M4_PAGE_SIZE - 1);
        if (page >= first && page <= e->watched[i].last) return true;
    }
    return false;
}
