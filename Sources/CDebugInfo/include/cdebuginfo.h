// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* What of elfutils' libdw is used to read debugging information (DWARF 2 to 5): units, entries, names of source files, types, call frames.
 *
 * The library is loaded by the first call that needs it: a run that names no line does not pay for it. The bytes may be anybody's. Whatever is damaged
 * gives nothing, and every loop here ends; nothing is thrown and nothing stays locked. A file's handle has one user at a time.
 */
#ifndef CDEBUGINFO_H
#define CDEBUGINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL when libdw can be used, else why not, for good. Any thread may call it. */
const char *m4_dwarf_load(void);

typedef struct m4_dwarf m4_dwarf;

/* Takes a copy of an ELF file. NULL, and why, where it has no debugging information that can be read. `why` lives for ever. */
m4_dwarf *m4_dwarf_open(const void *elf, size_t count, const char **why);
void m4_dwarf_close(m4_dwarf *);

/* A section's bytes, decompressed; false where it is not there. They live as long as the handle. */
bool m4_dwarf_section(m4_dwarf *, const char *name, const uint8_t **bytes, size_t *count);

/* Half open. */
typedef struct {
    uint32_t start, end;
} m4_range;

/* A unit that describes code: of one source file, or of many behind a link-time optimizer. */
typedef struct {
    /* Offset of its header's end in .debug_info: entries of the unit lie behind it and before the next unit's. */
    uint64_t offset;
    /* Where its line program is in .debug_line. */
    uint64_t lines;
    bool has_lines;
    /* Where it was compiled; NULL where it does not say. */
    const char *folder;
} m4_unit;

size_t m4_dwarf_unit_count(const m4_dwarf *);
bool m4_dwarf_unit(m4_dwarf *, size_t unit, m4_unit *);
/* The code that it says it has, in no order; how many ranges there are, of which at most `room` are stored. */
size_t m4_unit_ranges(m4_dwarf *, size_t unit, m4_range *, size_t room);
/* A source file by the number that its line program and its entries use; NULL for a number without a name. Lives as long as the handle. */
const char *m4_unit_file(m4_dwarf *, size_t unit, size_t number);

/* What an entry is, as far as names of code need it. */
typedef enum { M4_ENTRY_OTHER, M4_ENTRY_SCOPE, M4_ENTRY_FUNCTION, M4_ENTRY_INLINED, M4_ENTRY_BLOCK } m4_entry_kind;

typedef struct {
    m4_entry_kind kind;
    /* 1 below the unit's own entry. */
    unsigned depth;
    /* In .debug_info; that of the entry which has the rest of its attributes (DW_AT_abstract_origin, DW_AT_specification), or 0. */
    uint64_t offset, origin;
    /* Its own, without those of its origin; NULL for none. */
    const char *name;
    /* Where it is entered, where it says so. */
    uint32_t start;
    bool has_start;
    /* Of an inlined call: number of the file, and line. */
    uint32_t call_file, call_line;
    /* Valid during the visit. */
    m4_dwarf *file;
    void *entry;
} m4_entry;

/* Visits scopes, functions, inlined calls and blocks of a unit, each before what it contains; `visit` says whether to go on. False where the unit has
 * more than can be looked at, or was left early. */
bool m4_unit_walk(m4_dwarf *, size_t unit, void *context, bool (*visit)(void *context, const m4_entry *));
size_t m4_entry_ranges(const m4_entry *, m4_range *, size_t room);

typedef struct {
    const char *name;
    /* In bytes; a size of 0 is not known. */
    uint64_t offset, size;
} m4_member;

/* The members of a structure by its tag's or its typedef's name, in C's sense; false where no whole definition is there. */
bool m4_dwarf_structure(m4_dwarf *, const char *name, uint64_t *size, void *context, void (*visit)(void *context, const m4_member *));

/* Where a register's value at a function's entry is, with the frame's address (CFA) as the base. */
typedef enum { M4_FRAME_UNKNOWN, M4_FRAME_SAME, M4_FRAME_SAVED, M4_FRAME_VALUE, M4_FRAME_REGISTER } m4_frame_kind;
typedef struct {
    m4_frame_kind kind;
    /* M4_FRAME_SAVED: distance from the CFA to the word that has it; M4_FRAME_VALUE: to the value itself; M4_FRAME_REGISTER: number of the register. */
    int32_t offset;
} m4_frame_rule;

typedef struct {
    /* Instructions that this holds for. */
    uint32_t start, end;
    /* The CFA is that register and so many bytes. */
    unsigned cfa_register;
    int32_t cfa_offset;
    /* R0 to R12, SP, LR. */
    m4_frame_rule registers[15];
    /* Register that has the return address. */
    unsigned return_register;
} m4_frame;

/* The rules at an instruction; false where there are none, or none that is a register and a distance. */
bool m4_dwarf_frame(m4_dwarf *, uint32_t address, m4_frame *);

#endif
