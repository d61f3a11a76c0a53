// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* A file with debugging information: opened, its sections and units. */
#include "library.h"

#include <stdlib.h>
#include <string.h>

enum {
    most_units = 1 << 16,
    /* All sections together, decompressed: what a file says that it has is allocated before it is looked at. */
    most_decompressed = 1 << 29,
    /* Room behind the file, so that a number whose last byte says that it goes on ends there. */
    padding = 64,
};
static const uint64_t most_entries = 4 << 20, most_ranges = 4 << 20;

/* Whether what is compressed says that it becomes more than anybody's debugging information. */
static bool is_sane(Elf *elf) {
    uint64_t total = 0;
    size_t names;
    if (m4_libdw.elf_getshdrstrndx(elf, &names) != 0) {
        return false;
    }
    for (Elf_Scn *section = NULL; (section = m4_libdw.elf_nextscn(elf, section));) {
        GElf_Shdr header;
        if (!m4_libdw.gelf_getshdr(section, &header)) {
            return false;
        }
        if (header.sh_flags & SHF_COMPRESSED) {
            GElf_Chdr compression;
            if (!m4_libdw.gelf_getchdr(section, &compression)) {
                return false;
            }
            total += compression.ch_size > most_decompressed ? most_decompressed : compression.ch_size;
        } else {
            const char *name = m4_libdw.elf_strptr(elf, names, header.sh_name);
            if (name && !strncmp(name, ".zdebug", 7)) {
                const Elf_Data *data = m4_libdw.elf_getdata(section, NULL);
                /* "ZLIB", then the size in eight bytes, the highest first. */
                if (!data || data->d_size < 12) {
                    return false;
                }
                uint64_t size = 0;
                for (int i = 4; i < 12; i++) {
                    size = size << 8 | ((const uint8_t *)data->d_buf)[i];
                }
                total += size > most_decompressed ? most_decompressed : size;
            }
        }
        if (total >= most_decompressed) {
            return false;
        }
    }
    return true;
}

static bool number(const uint8_t **at, const uint8_t *end, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; *at < end; shift += 7) {
        uint8_t byte = *(*at)++;
        *value |= shift < 64 ? (uint64_t)(byte & 0x7f) << shift : 0;
        if (!(byte & 0x80)) {
            return true;
        }
    }
    return false;
}

/* Whether each abbreviation from `at` on has few attributes that take no byte of an entry: of those there may be any number, and each entry is looked
 * through for each question. */
static bool is_short(const uint8_t *at, const uint8_t *end, uint64_t *left) {
    enum { most_attributes = 512, most_empty = 64 };
    uint64_t code, tag, name, form;
    while (number(&at, end, &code) && code != 0) {
        if (!number(&at, end, &tag) || at++ >= end) {
            return true;
        }
        for (unsigned attributes = 0, empty = 0; number(&at, end, &name) && number(&at, end, &form) && (name | form);) {
            if (form == DW_FORM_implicit_const && !number(&at, end, &name)) {
                return true;
            }
            empty += form == DW_FORM_implicit_const || form == DW_FORM_flag_present;
            if (++attributes > most_attributes || empty > most_empty || --*left == 0) {
                return false;
            }
        }
    }
    return true;
}

static bool has_short_abbreviations(m4_dwarf *file) {
    const uint8_t *bytes;
    size_t count, header, seen = 0;
    if (!m4_dwarf_section(file, ".debug_abbrev", &bytes, &count)) {
        return true;
    }
    uint64_t left = 16 << 20, last = UINT64_MAX;
    Dwarf_Off unit = 0, next, abbreviations;
    while (seen++ < most_units && m4_libdw.dwarf_next_unit(file->dwarf, unit, &next, &header, NULL, &abbreviations, NULL, NULL, NULL, NULL) == 0) {
        if (abbreviations != last && abbreviations < count && !is_short(bytes + abbreviations, bytes + count, &left)) {
            return false;
        }
        last = abbreviations;
        if (next <= unit) {
            return false;
        }
        unit = next;
    }
    return true;
}

static bool read_units(m4_dwarf *file) {
    size_t room = 64;
    file->units = malloc(room * sizeof *file->units);
    Dwarf_CU *unit = NULL;
    Dwarf_Half version;
    uint8_t type;
    Dwarf_Die entry, inner;
    size_t seen = 0;
    while (file->units && seen++ < most_units && m4_libdw.dwarf_get_units(file->dwarf, unit, &unit, &version, &type, &entry, &inner) == 0) {
        /* A cleared entry is of a version that nobody knows. Types' units of DWARF 4 lie in a section of their own, with offsets of their own. */
        if (!entry.cu || (type == DW_UT_type && version < 5)) {
            continue;
        }
        if (file->unit_count == room) {
            Dwarf_Die *more = realloc(file->units, 2 * room * sizeof *more);
            if (!more) {
                return false;
            }
            file->units = more;
            room *= 2;
        }
        file->units[file->unit_count++] = entry;
    }
    return file->units != NULL;
}

m4_dwarf *m4_dwarf_open(const void *elf, size_t count, const char **why) {
    if ((*why = m4_dwarf_load())) {
        return NULL;
    }
    *why = "out of memory";
    m4_dwarf *file = calloc(1, sizeof *file);
    if (!file || !(file->bytes = malloc(count + padding))) {
        m4_dwarf_close(file);
        return NULL;
    }
    memcpy(file->bytes, elf, count);
    memset((char *)file->bytes + count, 0, padding);
    file->entries_left = most_entries;
    file->ranges_left = most_ranges;
    file->elf = m4_libdw.elf_memory(file->bytes, count);
    if (!file->elf) {
        *why = "libelf cannot read the file";
    } else if (!is_sane(file->elf)) {
        *why = "the file's sections cannot be read, or its compressed ones are too large";
    } else if (!(file->dwarf = m4_libdw.dwarf_begin_elf(file->elf, DWARF_C_READ, NULL))) {
        *why = "the file has no debugging information";
    } else if (!has_short_abbreviations(file)) {
        *why = "the debugging information has entries that nobody would write";
    } else if (read_units(file)) {
        *why = NULL;
        return file;
    }
    m4_dwarf_close(file);
    return NULL;
}

void m4_dwarf_close(m4_dwarf *file) {
    if (!file) {
        return;
    }
    /* That of .debug_frame is the Dwarf's own. */
    if (file->unwind) {
        m4_libdw.dwarf_cfi_end(file->unwind);
    }
    if (file->dwarf) {
        m4_libdw.dwarf_end(file->dwarf);
    }
    if (file->elf) {
        m4_libdw.elf_end(file->elf);
    }
    free(file->units);
    free(file->bytes);
    free(file);
}

bool m4_dwarf_section(m4_dwarf *file, const char *wanted, const uint8_t **bytes, size_t *count) {
    size_t names;
    if (m4_libdw.elf_getshdrstrndx(file->elf, &names) != 0) {
        return false;
    }
    for (Elf_Scn *section = NULL; (section = m4_libdw.elf_nextscn(file->elf, section));) {
        GElf_Shdr header;
        const char *name = m4_libdw.gelf_getshdr(section, &header) ? m4_libdw.elf_strptr(file->elf, names, header.sh_name) : NULL;
        if (!name || header.sh_type == SHT_NOBITS) {
            continue;
        }
        /* Which libdw has decompressed. */
        if (strcmp(name, wanted) && !(!strncmp(name, ".z", 2) && wanted[0] == '.' && !strcmp(name + 2, wanted + 1))) {
            continue;
        }
        const Elf_Data *data = m4_libdw.elf_getdata(section, NULL);
        if (!data || !data->d_buf) {
            return false;
        }
        *bytes = data->d_buf;
        *count = data->d_size;
        return true;
    }
    return false;
}

const char *m4_dwarf_text(Dwarf_Die *entry, unsigned attribute) {
    Dwarf_Attribute found;
    return m4_libdw.dwarf_attr(entry, attribute, &found) ? m4_libdw.dwarf_formstring(&found) : NULL;
}

bool m4_dwarf_number(Dwarf_Die *entry, unsigned attribute, uint64_t *number) {
    Dwarf_Attribute found;
    Dwarf_Word value;
    if (!m4_libdw.dwarf_attr(entry, attribute, &found) || m4_libdw.dwarf_formudata(&found, &value) != 0) {
        return false;
    }
    *number = value;
    return true;
}

size_t m4_dwarf_unit_count(const m4_dwarf *file) { return file->unit_count; }

bool m4_dwarf_unit(m4_dwarf *file, size_t index, m4_unit *unit) {
    if (index >= file->unit_count) {
        return false;
    }
    Dwarf_Die *entry = &file->units[index];
    unit->offset = m4_libdw.dwarf_dieoffset(entry);
    unit->has_lines = m4_dwarf_number(entry, DW_AT_stmt_list, &unit->lines);
    unit->folder = m4_dwarf_text(entry, DW_AT_comp_dir);
    return true;
}

const char *m4_unit_file(m4_dwarf *file, size_t unit, size_t number) {
    Dwarf_Files *files;
    size_t count;
    if (unit >= file->unit_count || m4_libdw.dwarf_getsrcfiles(&file->units[unit], &files, &count) != 0 || number >= count) {
        return NULL;
    }
    return m4_libdw.dwarf_filesrc(files, number, NULL, NULL);
}
