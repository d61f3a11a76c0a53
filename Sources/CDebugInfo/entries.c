// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Entries of units: functions, inlined calls, structures. */
#include "library.h"

#include <string.h>

enum {
    /* Deeper entries are left out. */
    most_depth = 64,
    most_ranges = 1 << 16,
    most_members = 1 << 12,
};

static size_t ranges_of(m4_dwarf *file, Dwarf_Die *entry, m4_range *into, size_t room) {
    size_t count = 0;
    Dwarf_Addr base, start, end;
    ptrdiff_t place = 0;
    for (size_t seen = 0; seen < most_ranges && file->ranges_left > 0 && (place = m4_libdw.dwarf_ranges(entry, place, &base, &start, &end)) > 0; seen++) {
        file->ranges_left--;
        if (start >= end || end > UINT32_MAX) {
            continue;
        }
        if (count < room) {
            into[count] = (m4_range){(uint32_t)start & ~1u, (uint32_t)end};
        }
        count++;
    }
    return count;
}

size_t m4_unit_ranges(m4_dwarf *file, size_t unit, m4_range *into, size_t room) {
    return unit < file->unit_count ? ranges_of(file, &file->units[unit], into, room) : 0;
}

size_t m4_entry_ranges(const m4_entry *entry, m4_range *into, size_t room) { return ranges_of(entry->file, entry->entry, into, room); }

static m4_entry_kind kind_of(Dwarf_Die *entry) {
    switch (m4_libdw.dwarf_tag(entry)) {
    case DW_TAG_subprogram: return M4_ENTRY_FUNCTION;
    case DW_TAG_inlined_subroutine: return M4_ENTRY_INLINED;
    case DW_TAG_lexical_block: case DW_TAG_try_block: case DW_TAG_catch_block: return M4_ENTRY_BLOCK;
    case DW_TAG_namespace: case DW_TAG_module: case DW_TAG_class_type: case DW_TAG_structure_type: case DW_TAG_union_type: case DW_TAG_interface_type:
    case DW_TAG_enumeration_type: return M4_ENTRY_SCOPE;
    default: return M4_ENTRY_OTHER;
    }
}

static uint64_t origin_of(Dwarf_Die *entry) {
    Dwarf_Attribute found;
    Dwarf_Die other;
    for (int i = 0; i < 2; i++) {
        if (m4_libdw.dwarf_attr(entry, i ? DW_AT_specification : DW_AT_abstract_origin, &found) && m4_libdw.dwarf_formref_die(&found, &other)) {
            return m4_libdw.dwarf_dieoffset(&other);
        }
    }
    return 0;
}

static void describe(m4_dwarf *file, Dwarf_Die *entry, unsigned depth, m4_entry_kind kind, m4_entry *found) {
    uint64_t number;
    *found = (m4_entry){.kind = kind, .depth = depth, .offset = m4_libdw.dwarf_dieoffset(entry), .file = file, .entry = entry};
    found->name = m4_dwarf_text(entry, DW_AT_name);
    if (kind == M4_ENTRY_BLOCK) {
        return;
    }
    found->origin = origin_of(entry);
    Dwarf_Attribute start;
    Dwarf_Addr address;
    if (m4_libdw.dwarf_attr(entry, DW_AT_entry_pc, &start) && m4_libdw.dwarf_formaddr(&start, &address) == 0 && address <= UINT32_MAX) {
        found->start = (uint32_t)address & ~1u;
        found->has_start = true;
    }
    if (kind == M4_ENTRY_INLINED) {
        found->call_file = m4_dwarf_number(entry, DW_AT_call_file, &number) && number <= UINT32_MAX ? (uint32_t)number : 0;
        found->call_line = m4_dwarf_number(entry, DW_AT_call_line, &number) && number <= UINT32_MAX ? (uint32_t)number : 0;
    }
}

bool m4_unit_walk(m4_dwarf *file, size_t unit, void *context, bool (*visit)(void *context, const m4_entry *)) {
    Dwarf_Die open[most_depth];
    unsigned depth = 0;
    if (unit >= file->unit_count) {
        return false;
    }
    open[0] = file->units[unit];
    bool descends = true;
    for (;;) {
        Dwarf_Die next;
        if (file->entries_left == 0) {
            return false;
        }
        file->entries_left--;
        if (descends && depth + 1 < most_depth && m4_libdw.dwarf_child(&open[depth], &next) == 0) {
            open[++depth] = next;
        } else {
            while (depth > 0 && m4_libdw.dwarf_siblingof(&open[depth], &next) != 0) {
                depth--;
            }
            if (depth == 0) {
                return true;
            }
            open[depth] = next;
        }
        m4_entry_kind kind = kind_of(&open[depth]);
        descends = kind != M4_ENTRY_OTHER;
        if (descends) {
            m4_entry found;
            describe(file, &open[depth], depth, kind, &found);
            if (!visit(context, &found)) {
                return false;
            }
        }
    }
}

/* Behind typedefs and qualifiers. */
static bool peeled(Dwarf_Die *entry, Dwarf_Die *type) {
    Dwarf_Attribute found;
    Dwarf_Die named;
    return m4_libdw.dwarf_attr_integrate(entry, DW_AT_type, &found) && m4_libdw.dwarf_formref_die(&found, &named)
        && m4_libdw.dwarf_peel_type(&named, type) == 0;
}

static bool is_structure(int tag) { return tag == DW_TAG_structure_type || tag == DW_TAG_class_type || tag == DW_TAG_union_type; }

/* A number, or an expression that adds one to the structure's address. */
static bool member_offset(Dwarf_Die *member, uint64_t *offset) {
    Dwarf_Attribute found;
    Dwarf_Word number;
    if (!m4_libdw.dwarf_attr(member, DW_AT_data_member_location, &found)) {
        *offset = 0;
        return true;
    }
    if (m4_libdw.dwarf_formudata(&found, &number) == 0) {
        *offset = number;
        return true;
    }
    Dwarf_Op *operations;
    size_t count;
    if (m4_libdw.dwarf_getlocation(&found, &operations, &count) != 0 || count != 1 || operations[0].atom != DW_OP_plus_uconst) {
        return false;
    }
    *offset = operations[0].number;
    return true;
}

static void visit_members(m4_dwarf *file, Dwarf_Die *structure, void *context, void (*visit)(void *context, const m4_member *)) {
    Dwarf_Die entry, next;
    if (m4_libdw.dwarf_child(structure, &entry) != 0) {
        return;
    }
    for (size_t seen = 0; seen < most_members && file->entries_left > 0; seen++) {
        file->entries_left--;
        m4_member member = {.name = m4_dwarf_text(&entry, DW_AT_name)};
        if (m4_libdw.dwarf_tag(&entry) == DW_TAG_member && member.name && member_offset(&entry, &member.offset)) {
            Dwarf_Die type;
            Dwarf_Word size;
            if (peeled(&entry, &type) && m4_libdw.dwarf_aggregate_size(&type, &size) == 0) {
                member.size = size;
            }
            visit(context, &member);
        }
        if (m4_libdw.dwarf_siblingof(&entry, &next) != 0) {
            return;
        }
        entry = next;
    }
}

bool m4_dwarf_structure(m4_dwarf *file, const char *name, uint64_t *size, void *context, void (*visit)(void *context, const m4_member *)) {
    for (size_t unit = 0; unit < file->unit_count; unit++) {
        Dwarf_Die entry, next;
        if (m4_libdw.dwarf_child(&file->units[unit], &entry) != 0) {
            continue;
        }
        while (file->entries_left > 0) {
            file->entries_left--;
            int tag = m4_libdw.dwarf_tag(&entry);
            if (is_structure(tag) || tag == DW_TAG_typedef) {
                const char *found = m4_dwarf_text(&entry, DW_AT_name);
                Dwarf_Die structure = entry;
                uint64_t bytes;
                if (found && !strcmp(found, name) && (tag != DW_TAG_typedef || (peeled(&entry, &structure) && is_structure(m4_libdw.dwarf_tag(&structure))))
                    && m4_dwarf_number(&structure, DW_AT_byte_size, &bytes)) {
                    *size = bytes;
                    visit_members(file, &structure, context, visit);
                    return true;
                }
            }
            if (m4_libdw.dwarf_siblingof(&entry, &next) != 0) {
                break;
            }
            entry = next;
        }
    }
    return false;
}
