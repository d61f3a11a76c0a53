// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// A chip's peripherals, registers and interrupts as its coprocessor sees them, as constant tables: nothing is built at start-up. A chip's
// tables are generated (CSTM32MP157 by scripts/generate-registers.py); what reads them is here, once for all chips.
#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

enum { REGISTER_READ_WRITE = 0, REGISTER_READ_ONLY = 1, REGISTER_WRITE_ONLY = 2 };

/// A field of a register: see the accessors for what `packed` holds.
typedef struct {
    uint32_t packed;
} register_map_field;

/// A register of a block: see the accessors for what `packed` holds. Its fields are those from `first_field` on.
typedef struct {
    uint32_t reset_value;
    uint32_t packed;
    uint16_t name;
    uint16_t first_field;
} register_map_register;

/// A block of registers (or, with none, of memory), at `base`, decoding `size` bytes.
typedef struct {
    uint32_t base;
    uint32_t size;
    uint16_t name;
    uint16_t group;
    uint16_t first_register;
    uint16_t register_count;
} register_map_peripheral;

/// Bit `bit` of the reset and clock controller's register at `offset` resets, or clocks, the peripheral with index `peripheral`.
typedef struct {
    uint16_t offset;
    uint8_t bit;
    uint8_t peripheral;
} register_map_line;

/// A row of 4 KiB pages: 1 + the index of the first block in each, or 0.
typedef struct {
    uint8_t first_block[16];
} register_map_pages;

/// With alternate function `function`, a pin is the signal `name`. The pin is its port's place in A to K, Z, times 16, and its number.
typedef struct {
    uint16_t name;
    uint8_t pin;
    uint8_t function;
} register_map_alternate;

/// A chip's pins, sorted by pin and function; a function may be several signals.
typedef struct {
    /// Zero-terminated names; the table holds offsets into it.
    const char *names;
    const register_map_alternate *alternates;
    uint32_t alternate_count;
} register_map_pins;

/// A chip's tables.
typedef struct {
    /// First and last address of the region in which the peripherals lie.
    uint32_t first, last;
    /// 64 KiB regions from `first` on, to rows of `pages`.
    const uint8_t *regions;
    const register_map_pages *pages;
    /// Sorted by base; no two overlap.
    const register_map_peripheral *peripherals;
    /// Registers of each distinct block, sorted by offset within a block.
    const register_map_register *registers;
    /// Zero-terminated names; the tables hold offsets into it.
    const char *names;
    /// Fields of registers by their lowest bits, and their names. Registers with the same fields share them; fields may overlap.
    const register_map_field *fields;
    const char *field_names;
    /// Offset of each line's name; an empty name is a reserved line.
    const uint16_t *interrupt_names;
    /// The lines that reset blocks, and the coprocessor's clock gates, sorted by offset.
    const register_map_line *reset_lines, *clock_gates;
    uint32_t peripheral_count, interrupt_count, reset_line_count, clock_gate_count;
    const register_map_pins *pins;
} register_map;

static inline uint32_t register_map_offset(const register_map_register *r) { return r->packed & 0xFFFFFu; }
static inline uint32_t register_map_access(const register_map_register *r) { return r->packed >> 20 & 3u; }
/// 1, 2 or 4.
static inline uint32_t register_map_bytes(const register_map_register *r) { return r->packed >> 22 & 7u; }
static inline uint32_t register_map_field_count(const register_map_register *r) { return r->packed >> 25; }

/// In `field_names`.
static inline uint32_t register_map_field_name(register_map_field f) { return f.packed & 0x1FFFFFu; }
/// The lowest bit, 0 to 31.
static inline uint32_t register_map_field_bit(register_map_field f) { return f.packed >> 21 & 31u; }
/// Bits, 1 to 32.
static inline uint32_t register_map_field_width(register_map_field f) { return (f.packed >> 26 & 31u) + 1; }
static inline uint32_t register_map_field_is_read_only(register_map_field f) { return f.packed >> 31; }
static inline uint32_t register_map_field_mask(register_map_field f) {
    return (0xFFFFFFFFu >> (32u - register_map_field_width(f))) << register_map_field_bit(f);
}

/// The block that decodes `address`, or -1.
static inline int32_t register_map_peripheral_at(const register_map *map, uint32_t address) {
    uint32_t offset = address - map->first;
    if (offset > map->last - map->first) return -1;
    uint32_t entry = map->pages[map->regions[offset >> 16]].first_block[offset >> 12 & 15u];
    if (entry == 0) return -1;
    // At most three blocks share a page (ADC1, ADC2 and their common registers).
    for (uint32_t i = entry - 1; i < map->peripheral_count && map->peripherals[i].base <= address; i++)
        if (address - map->peripherals[i].base < map->peripherals[i].size) return (int32_t)i;
    return -1;
}

/// The index in `registers` of the register of `peripheral` whose 32-bit word is at `offset`, or -1.
int32_t register_map_register_at(const register_map *map, uint32_t peripheral, uint32_t offset);
/// The index of the block called `name`, or -1.
int32_t register_map_peripheral_named(const register_map *map, const char *name);
/// The index in `registers` of the register of `peripheral` called `name`, or -1.
int32_t register_map_register_named(const register_map *map, uint32_t peripheral, const char *name);
/// The first place from `from` on in the pins' table of the signal `name`, or -1.
int32_t register_map_alternate_named(const register_map *map, const char *name, uint32_t from);
/// The interrupt line called `name`, or -1.
int32_t register_map_interrupt_named(const register_map *map, const char *name);

#pragma clang assume_nonnull end
