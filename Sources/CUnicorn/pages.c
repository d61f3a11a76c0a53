// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// What a page of the engine's TLB is filled with: memory, registers, or nothing, as the map, privilege and the MPU have it.
//
// A page in which a region of the MPU begins or ends is divided: its granules of 32 bytes differ in what they allow. Filled as
// memory it could only be open or closed. So its loads and stores are sent to a shadow of it, registers to the engine, which
// calls a hook with the instruction's state exact and then a callback for each access: they check the bytes and do what memory
// or the true register would have done. Code that touches no divided page does not notice. Pages whose accesses are recorded
// (recorder.c) take the same way.
#include "hooks.h"
#include <string.h>

#if M4_OWN_ENGINE

/// Where shadows lie among the engine's physical addresses, clear of everything a Cortex-M4 has there. Two sets, since what a
/// page allows depends on privilege and a hook is told the physical address only.
static const uint32_t register_shadow[2] = {0x80000000u, 0x60000000u}, memory_shadow[2] = {0xE8000000u, 0xA0000000u};
static const uint32_t memory_shadow_end[2] = {0xF9000000u, 0xC0000000u}, system_shadow = 0xF9000000u;

/// Without an MPU: peripherals, external devices and the system's addresses. Source: ARMv7-M ARM, B3.1.
static bool is_execute_never(uint32_t address) { return address >= 0xA0000000u || address - 0x40000000u < 0x20000000u; }

static bool is_privileged(const m4_engine *e) {
    return m4_reg_read(e, UC_ARM_REG_IPSR) != 0 || !(m4_reg_read(e, UC_ARM_REG_CONTROL) & 1);
}

/// Whether the instruction at PC, which is exact in a fill, is a LDRT or STRT of some size. Source: ARMv7-M ARM, A5.3.7 to A5.3.10.
static bool accesses_as_user(const m4_engine *e) {
    thumb_instruction i;
    return m4_read_instruction(e, m4_reg_read(e, UC_ARM_REG_PC), &i) && i.as_user;
}

/// With what privilege a page is accessed. The engine keeps what an unprivileged access was answered to itself.
static bool is_access_privileged(const m4_engine *e, uint32_t wanted) {
    return is_privileged(e) && (wanted == M4_EXECUTE || !accesses_as_user(e));
}

static inline uint32_t granule(uint32_t address) { return 1u << (address >> 5 & 31); }
static inline bool is_mixed(uint32_t granules) { return granules != 0 && granules != ~0u; }

/// What the page at `address` allows, from the table or else from the MPU.
static const m4_division *division(m4_engine *e, uint32_t address, bool privileged) {
    uint32_t page = address & ~(uint32_t)(M4_PAGE_SIZE - 1), key = page | 2 | privileged;
    struct m4_divided *known = &e->divided[(page >> M4_PAGE_SHIFT ^ (uint32_t)privileged << 4) % M4_DIVIDED];
    if (known->key != key) {
        known->key = key;
        if (e->page_permission) e->page_permission(e->core, page, privileged, &known->allows);
    }
    return &known->allows;
}

/// What unprivileged code reaches of the private peripheral bus: stimulus ports of the ITM, eight to a granule, and STIR.
/// Source: ARMv7-M ARM, B3.1.1, B3.2.26 and C1.7.5.
static const m4_division *system_division(m4_engine *e, uint32_t address) {
    uint32_t page = address & ~(uint32_t)(M4_PAGE_SIZE - 1), key = page | 2;
    struct m4_divided *known = &e->divided[(page >> M4_PAGE_SHIFT) % M4_DIVIDED];
    if (known->key != key) {
        known->key = key;
        uint32_t ports = page == 0xE0000000u ? e->user_ports & 15 : 0, trigger = page == 0xE000EC00u && e->user_stir ? 1u << 24 : 0;
        known->allows = (m4_division){.read = ports, .write = ports | trigger, .execute = 0};
    }
    return &known->allows;
}

/// Clears what a hook leaves behind inside an IT block: the block's IT state in the core, where the next would start with it.
static void forget_it_state(uc_engine *uc) {
    uint32_t clear = 0x01000000;
    uc_reg_write(uc, UC_ARM_REG_EPSR, &clear);
}

static void note_fault(m4_engine *e, uint32_t address, bool write, m4_refusal refusal) {
    if (e->stopped) return;
    e->fault_address = address;
    e->fault_exact = false;
    e->fault_write = write;
    e->fault_refusal = refusal;
}

static uint16_t *place_of(m4_engine *e, uint32_t page) {
    uint16_t *place = &e->filled.table[(page >> M4_PAGE_SHIFT ^ page >> 22) % M4_FILLED_TABLE];
    return *place && *place <= e->filled.count && e->filled.pages[*place - 1].page != page ? NULL : place;
}

/// Notes a page as filled. Two with one place in the table may be noted more than once.
static void note_fill(m4_engine *e, uint32_t page) {
    m4_filled *f = &e->filled;
    uint16_t *place = place_of(e, page);
    if (place && *place && *place <= f->count) {
        f->pages[*place - 1].wide |= e->wide;
        return;
    }
    if (f->count >= M4_FILLED) {
        f->count = M4_FILLED + 1;
        return;
    }
    f->pages[f->count].page = page;
    f->pages[f->count++].wide = e->wide;
    if (place) *place = (uint16_t)f->count;
}

static bool on_fill(uc_engine *uc, uint64_t address64, uc_mem_type type, uc_tlb_entry *entry, void *user) {
    m4_engine *e = user;
    uint32_t page = (uint32_t)address64 & ~(uint32_t)(M4_PAGE_SIZE - 1);
    const m4_region *r = m4_engine_region(e, page);
    if (e->forgetting && r && r->host) {
        entry->paddr = r->physical + (page - r->start);
        entry->perms = UC_PROT_EXEC;
        return true;
    }
    // An instruction was given up before this access, in a block that the engine cannot leave in its middle.
    if (e->stopped) return false;
    uint32_t wanted = type == UC_MEM_FETCH ? M4_EXECUTE : type == UC_MEM_WRITE ? M4_WRITE : M4_READ;
    uint32_t allowed = r ? r->permissions : 0;
    m4_refusal refusal = M4_REFUSED_UNMAPPED;
    if (r && !(allowed & wanted)) refusal = wanted == M4_EXECUTE ? M4_REFUSED_EXECUTE : M4_REFUSED_PROTECTION;
    bool privileged = true, divides = false;
    if (allowed & wanted && (e->page_permission || allowed & M4_PRIVILEGED)) {
        privileged = is_access_privileged(e, wanted);
        if (allowed & M4_PRIVILEGED) {
            const m4_division *d = system_division(e, page);
            divides = !privileged && (d->read | d->write);
            if (!privileged && !divides) allowed = 0;
        } else {
            const m4_division *d = division(e, page, privileged);
            divides = is_mixed(d->read) || is_mixed(d->write);
            allowed &= (d->read ? M4_READ : 0) | (d->write ? M4_WRITE : 0) | (d->execute ? M4_EXECUTE : 0);
            refusal = M4_REFUSED_PROTECTION;
            // A fetch has to come here, whatever a load or store has filled before.
            if (wanted != M4_EXECUTE && is_mixed(d->execute)) allowed &= ~(uint32_t)M4_EXECUTE;
            if (wanted == M4_EXECUTE && is_mixed(d->execute)) {
                // Counts of its blocks are kept no more, so that each block comes to the careful part of the block hook.
                e->mixed_code |= m4_page_bit(page);
                m4_set_limit(e, 0);
                memset(&e->counts[m4_count_index(page)], 0, (M4_PAGE_SIZE / 2) * sizeof *e->counts);
            }
        }
    }
    if (!r && e->page_permission) {
        // The MPU is asked before the bus.
        const m4_division *d = division(e, page, is_access_privileged(e, wanted));
        if (!(wanted == M4_EXECUTE ? d->execute : wanted == M4_WRITE ? d->write : d->read)) refusal = M4_REFUSED_PROTECTION;
    }
    if (allowed & M4_EXECUTE && !e->page_permission && is_execute_never(page)) {
        allowed &= ~(uint32_t)M4_EXECUTE;
        if (wanted == M4_EXECUTE) refusal = M4_REFUSED_EXECUTE;
    }
    if (allowed & M4_EXECUTE && e->page_permission && is_execute_never(page)) e->region_executes = true;
    if (e->watched_count && !e->watched_open && m4_is_watched(e, page)) {
        if (allowed & wanted & (M4_READ | M4_WRITE)) refusal = M4_REFUSED_WATCHED;
        allowed &= M4_EXECUTE;
    }
    if (!(allowed & wanted)) {
        note_fault(e, page, wanted == M4_WRITE, refusal);
        m4_record(e, wanted == M4_EXECUTE ? M4_STOP_FETCH_FAULT : M4_STOP_DATA_FAULT);
        return false;
    }
    note_fill(e, page);
    uint32_t offset = page - r->start;
    if (e->recorded_count && r->host && m4_is_recorded(e, r->physical + offset)) divides = true;
    if (divides && wanted != M4_EXECUTE) {
        // Both, since one page has one place; the hook knows which of them is allowed.
        entry->paddr = e->shadows[r - e->regions][privileged].base + offset;
        entry->perms = UC_PROT_READ | UC_PROT_WRITE;
        return true;
    }
    if (divides) allowed = M4_EXECUTE;
    if (r->fetched) {
        uint8_t *fetched = &r->fetched[offset >> M4_PAGE_SHIFT];
        if (wanted == M4_EXECUTE && !*fetched) {
            *fetched = 1;
            // Pages filled before as plain data, through an alias too, must be filled again as code.
            uc_ctl_flush_tlb(uc);
        }
        // Data pages without execute keep the engine's store fast path.
        if (!*fetched) allowed &= ~(uint32_t)M4_EXECUTE;
    }
    entry->paddr = r->physical + offset;
    entry->perms = (allowed & M4_READ ? UC_PROT_READ : 0) | (allowed & M4_WRITE ? UC_PROT_WRITE : 0)
        | (allowed & M4_EXECUTE ? UC_PROT_EXEC : 0);
    return true;
}

/// Whether `size` bytes from `address` on may be accessed; else `refused` is the first that may not.
static bool allows(m4_engine *e, const struct m4_shadow *s, uint32_t address, uint32_t size, bool write, uint32_t *refused) {
    if (!s->is_system && !e->page_permission) return true;
    const m4_division *d = s->is_system ? system_division(e, address) : division(e, address, s->privileged);
    uint32_t granules = write ? d->write : d->read;
    uint32_t last = address + size - 1;
    // What lies in the next page comes by itself.
    if ((last ^ address) & ~(uint32_t)(M4_PAGE_SIZE - 1)) last = address | (M4_PAGE_SIZE - 1);
    *refused = granules & granule(address) ? last & ~31u : address;
    return (granules & granule(address)) && (granules & granule(last));
}

static bool on_shadow(uc_engine *uc, uc_mem_type type, uint64_t address64, int size, int64_t value, void *user) {
    (void)value;
    struct m4_shadow *s = user;
    m4_engine *e = s->engine;
    if (e->stopped) return false;
    bool write = type == UC_MEM_WRITE_PROT;
    uint32_t refused, address = s->start + ((uint32_t)address64 - s->base);
    if (allows(e, s, address, (uint32_t)size, write, &refused)) {
        forget_it_state(uc);
        if (e->recorded_count && s->host) m4_record_access(e, address, (uint32_t)size, write);
        return true;
    }
    note_fault(e, refused, write, s->is_system ? M4_REFUSED_UNMAPPED : M4_REFUSED_PROTECTION);
    e->fault_located = true;
    // A load is given up at once. The engine goes on behind a store: it is put back to here at the end.
    if (write) m4_abandon(e, M4_STOP_DATA_FAULT);
    else m4_record(e, M4_STOP_DATA_FAULT);
    return false;
}

/// The second half of an unaligned access reaches a callback without the hook: the core's state is that of the block's start.
static bool admits(m4_engine *e, const struct m4_shadow *s, uint32_t address, uint32_t size, bool write) {
    uint32_t refused;
    if (e->stopped) return false;
    if (allows(e, s, address, size, write, &refused)) return true;
    note_fault(e, refused, write, s->is_system ? M4_REFUSED_UNMAPPED : M4_REFUSED_PROTECTION);
    e->fault_exact = true;
    m4_abandon(e, M4_STOP_DATA_FAULT);
    return false;
}

static uint64_t read_shadow(uc_engine *uc, uint64_t offset, unsigned size, void *user) {
    (void)uc;
    struct m4_shadow *s = user;
    m4_engine *e = s->engine;
    uint32_t address = s->start + (uint32_t)offset, value = 0;
    if (!admits(e, s, address, size, false)) return 0;
    if (!s->host) {
        e->idle_loop.touched = true;
        return e->read_register(e->bus, address, size);
    }
    memcpy(&value, s->host + offset, size <= 4 ? size : 4);
    return value;
}

static void write_shadow(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user) {
    (void)uc;
    struct m4_shadow *s = user;
    m4_engine *e = s->engine;
    uint32_t address = s->start + (uint32_t)offset, word = (uint32_t)value;
    if (!admits(e, s, address, size, true)) return;
    if (!s->host) {
        e->idle_loop.touched = true;
        e->write_register(e->bus, address, size, word);
        return;
    }
    memcpy(s->host + offset, &word, size <= 4 ? size : 4);
    m4_forget_written(e, address, size);
}

static uc_err map_shadow(m4_engine *e, struct m4_shadow *s, uint32_t size) {
    uc_err error = uc_mmio_map(e->uc, s->base, size, read_shadow, s, write_shadow, s);
    // Without permissions, the engine asks before each access.
    if (error == UC_ERR_OK) error = uc_mem_protect(e->uc, s->base, size, UC_PROT_NONE);
    uc_hook handle;
    int type = UC_HOOK_MEM_READ_PROT | UC_HOOK_MEM_WRITE_PROT;
    if (error != UC_ERR_OK) return error;
    return uc_hook_add(e->uc, &handle, type, (void *)on_shadow, s, s->base, (uint64_t)s->base + size - 1);
}

static uc_err map_system_shadow(m4_engine *e) {
    for (uint32_t i = 0; i < e->region_count; i++) {
        const m4_region *r = &e->regions[i];
        if (!(r->permissions & M4_PRIVILEGED)) continue;
        struct m4_shadow *s = &e->shadows[i][false];
        *s = (struct m4_shadow){.engine = e, .base = system_shadow, .start = r->start, .is_system = true};
        return map_shadow(e, s, r->size);
    }
    return UC_ERR_OK;
}

uc_err m4_engine_map_shadows(m4_engine *e) {
    if (e->has_shadows) return UC_ERR_OK;
    for (int privileged = 0; privileged < 2; privileged++) {
        uint32_t next = memory_shadow[privileged];
        for (uint32_t i = 0; i < e->region_count; i++) {
            const m4_region *r = &e->regions[i];
            if (r->permissions & M4_PRIVILEGED) continue;
            struct m4_shadow *s = &e->shadows[i][privileged];
            *s = (struct m4_shadow){.engine = e, .base = register_shadow[privileged], .start = r->start, .host = r->host, .privileged = privileged};
            if (r->host) {
                if (r->size > memory_shadow_end[privileged] - next) return UC_ERR_RESOURCE;
                s->base = next;
                next += r->size;
            }
            uc_err error = map_shadow(e, s, r->size);
            if (error != UC_ERR_OK) return error;
        }
    }
    e->has_shadows = true;
    return UC_ERR_OK;
}

bool m4_refuses_code(m4_engine *e, uint32_t address, uint32_t size) {
    if (!(e->mixed_code & m4_page_bit(address)) || !e->page_permission) return false;
    uint32_t granules = division(e, address, is_privileged(e))->execute, last = address + size - 1;
    if ((last ^ address) & ~(uint32_t)(M4_PAGE_SIZE - 1)) last = address;
    return !(granules & granule(address)) || !(granules & granule(last));
}

uc_err m4_install_fill(m4_engine *e) {
    uc_hook handle;
    uc_err error = map_system_shadow(e);
    if (error != UC_ERR_OK) return error;
    return uc_hook_add(e->uc, &handle, UC_HOOK_TLB_FILL, (void *)on_fill, e, 1, 0);
}

#else
uc_err m4_engine_map_shadows(m4_engine *e) { (void)e; return UC_ERR_OK; }
bool m4_refuses_code(m4_engine *e, uint32_t address, uint32_t size) { (void)e, (void)address, (void)size; return false; }
uc_err m4_install_fill(m4_engine *e) { (void)e; return UC_ERR_OK; }
#endif

void m4_abandon(m4_engine *e, m4_stop stop) {
    if (e->stopped) return;
    m4_record(e, stop);
    e->abandoned = uc_context_save(e->uc, e->abandoned_at) == UC_ERR_OK;
    m4_set_limit(e, 0);
    // What is left of the block can reach memory and registers through a fill only, which is refused.
    uc_ctl_flush_tlb(e->uc);
    uc_emu_stop(e->uc);
}

static void forget_filled(m4_engine *e) {
    e->filled.count = 0;
    memset(e->filled.table, 0, sizeof e->filled.table);
}

void m4_engine_flush_permissions(m4_engine *e) {
    e->mixed_code = 0;
    e->wide = false;
    e->region_executes = false;
    memset(e->divided, 0, sizeof e->divided);
    forget_filled(e);
#if M4_OWN_ENGINE
    // In 2.0, which knows no permissions, this drops all translations.
    uc_ctl_flush_tlb(e->uc);
#endif
}

#if M4_OWN_ENGINE
static bool is_in(const m4_watched *ranges, uint32_t count, uint32_t page) {
    for (uint32_t i = 0; i < count; i++)
        if (page <= ranges[i].last && page + (M4_PAGE_SIZE - 1) >= ranges[i].first) return true;
    return false;
}
#endif

void m4_engine_permissions_changed(m4_engine *e, const m4_watched *ranges, uint32_t count) {
#if M4_OWN_ENGINE
    m4_filled *f = &e->filled;
    // What is divided must be looked at while it is, and only then.
    if (f->count <= M4_FILLED && !e->mixed_code) {
        e->wide = false;
        memset(e->divided, 0, sizeof e->divided);
        uint32_t kept = 0, all = f->count;
        for (uint32_t i = 0; i < all; i++) {
            if (f->pages[i].wide || is_in(ranges, count, f->pages[i].page)) m4run_flush_page(e->uc, f->pages[i].page);
            else f->pages[kept++] = f->pages[i];
        }
        if (kept == all) return;
        forget_filled(e);
        for (uint32_t i = 0; i < kept; i++) {
            uint16_t *place = place_of(e, f->pages[i].page);
            f->count = i + 1;
            if (place) *place = (uint16_t)f->count;
        }
        return;
    }
#else
    (void)ranges, (void)count;
#endif
    m4_engine_flush_permissions(e);
}

void m4_engine_permissions_widened(m4_engine *e) {
    if (e->region_executes) m4_engine_flush_permissions(e);
    e->wide = true;
    memset(e->divided, 0, sizeof e->divided);
}
