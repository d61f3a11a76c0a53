// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* libdw's and libelf's functions by name, once m4_dwarf_load has found them. */
#ifndef M4_DWARF_LIBRARY_H
#define M4_DWARF_LIBRARY_H

#if !__has_include(<elfutils/libdw.h>)
#error "libdw's headers are not there: Debian's package is libdw-dev"
#endif
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <gelf.h>

#include "cdebuginfo.h"

#define M4_LIBDW_FUNCTIONS(X) \
    X(elf_version) X(elf_memory) X(elf_end) X(elf_nextscn) X(elf_getdata) X(elf_getshdrstrndx) X(elf_strptr) X(gelf_getshdr) X(gelf_getchdr) \
    X(dwarf_begin_elf) X(dwarf_end) X(dwarf_next_unit) X(dwarf_get_units) X(dwarf_child) X(dwarf_siblingof) X(dwarf_tag) X(dwarf_dieoffset) X(dwarf_attr) \
    X(dwarf_attr_integrate) X(dwarf_formstring) X(dwarf_formudata) X(dwarf_formaddr) X(dwarf_formref_die) X(dwarf_whatform) X(dwarf_ranges) X(dwarf_getsrcfiles) \
    X(dwarf_filesrc) X(dwarf_aggregate_size) X(dwarf_peel_type) X(dwarf_getlocation) X(dwarf_getcfi) X(dwarf_getcfi_elf) X(dwarf_cfi_end) X(dwarf_cfi_addrframe) \
    X(dwarf_frame_info) X(dwarf_frame_cfa) X(dwarf_frame_register)

typedef struct {
#define M4_FIELD(name) __typeof__(name) *name;
    M4_LIBDW_FUNCTIONS(M4_FIELD)
#undef M4_FIELD
} m4_libdw_library;

/* Its fields are NULL until m4_dwarf_load has succeeded. */
extern m4_libdw_library m4_libdw;

struct m4_dwarf {
    void *bytes;
    Elf *elf;
    Dwarf *dwarf;
    /* The entry of each unit. */
    Dwarf_Die *units;
    size_t unit_count;
    /* NULL where there is none, or it has not been asked for. */
    Dwarf_CFI *frames, *unwind;
    bool has_looked_for_frames;
    /* Entries that may still be visited in this file, and ranges: loops of damaged references end with them. */
    uint64_t entries_left, ranges_left;
};

/* A string that an entry itself has; NULL for none. */
const char *m4_dwarf_text(Dwarf_Die *, unsigned attribute);
/* A number that an entry itself has; false for none. */
bool m4_dwarf_number(Dwarf_Die *, unsigned attribute, uint64_t *);

#endif
