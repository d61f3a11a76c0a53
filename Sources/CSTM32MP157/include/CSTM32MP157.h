// The STM32MP157's peripherals, registers and interrupts as its Cortex-M4 sees them (RM0436, memory map and NVIC), as constant
// tables: nothing is built at start-up. Written by scripts/generate-registers.py.
#pragma once
#include <stdint.h>

#pragma clang assume_nonnull begin

/// First and last address of the peripheral region.
#define MP1_PERIPHERALS_FIRST 0x40000000u
#define MP1_PERIPHERALS_LAST 0x5FFFFFFFu
/// NVIC lines of the Cortex-M4.
#define MP1_INTERRUPT_COUNT 150

enum { MP1_READ_WRITE = 0, MP1_READ_ONLY = 1, MP1_WRITE_ONLY = 2 };

/// A register of a block: see the accessors for what `packed` holds.
typedef struct {
    uint32_t reset_value;
    uint32_t packed;
    uint16_t name;
} mp1_register;

/// A block of registers (or, with none, of memory), at `base`, decoding `size` bytes.
typedef struct {
    uint32_t base;
    uint32_t size;
    uint16_t name;
    uint16_t group;
    uint16_t first_register;
    uint16_t register_count;
} mp1_peripheral;

/// Bit `bit` of the RCC register at `offset` resets, or clocks, the peripheral with index `peripheral`.
typedef struct {
    uint16_t offset;
    uint8_t bit;
    uint8_t peripheral;
} mp1_rcc_line;

/// Zero-terminated names; the tables hold offsets into it.
extern const char mp1_names[];
/// Registers of each distinct block, sorted by offset within a block.
extern const mp1_register mp1_registers[];
/// Sorted by base; no two overlap.
extern const mp1_peripheral mp1_peripherals[];
extern const unsigned mp1_peripheral_count;
/// Offset of each line's name; an empty name is a reserved line.
extern const uint16_t mp1_interrupt_names[MP1_INTERRUPT_COUNT];
/// 64 KiB regions to rows of `mp1_pages`, whose 4 KiB pages hold 1 + the index of the first block in the page, or 0.
extern const uint8_t mp1_regions[8192];
extern const uint8_t mp1_pages[][16];
/// xxxRSTSETR lines, and the M4's MC_xxxENSETR gates, sorted by offset.
extern const mp1_rcc_line mp1_reset_lines[];
extern const unsigned mp1_reset_line_count;
extern const mp1_rcc_line mp1_clock_gates[];
extern const unsigned mp1_clock_gate_count;

// Swift imports no arrays of unknown length, hence these.
static inline const mp1_peripheral *mp1_peripheral_entry(uint32_t index) { return &mp1_peripherals[index]; }
static inline const mp1_register *mp1_register_entry(uint32_t index) { return &mp1_registers[index]; }
static inline const mp1_rcc_line *mp1_reset_line_entry(uint32_t index) { return &mp1_reset_lines[index]; }
static inline const mp1_rcc_line *mp1_clock_gate_entry(uint32_t index) { return &mp1_clock_gates[index]; }
static inline const char *mp1_name(uint32_t offset) { return &mp1_names[offset]; }
static inline const char *mp1_interrupt_name(uint32_t line) {
    return &mp1_names[line < MP1_INTERRUPT_COUNT ? mp1_interrupt_names[line] : 0];
}

static inline uint32_t mp1_register_offset(const mp1_register *r) { return r->packed & 0xFFFFFu; }
static inline uint32_t mp1_register_access(const mp1_register *r) { return r->packed >> 20 & 3u; }
/// 1, 2 or 4.
static inline uint32_t mp1_register_bytes(const mp1_register *r) { return r->packed >> 22; }

/// The block that decodes `address`, or -1.
static inline int32_t mp1_peripheral_at(uint32_t address) {
    uint32_t offset = address - MP1_PERIPHERALS_FIRST;
    if (offset > MP1_PERIPHERALS_LAST - MP1_PERIPHERALS_FIRST) return -1;
    uint32_t entry = mp1_pages[mp1_regions[offset >> 16]][offset >> 12 & 15u];
    if (entry == 0) return -1;
    // At most three blocks share a page (ADC1, ADC2 and their common registers).
    for (uint32_t i = entry - 1; i < mp1_peripheral_count && mp1_peripherals[i].base <= address; i++)
        if (address - mp1_peripherals[i].base < mp1_peripherals[i].size) return (int32_t)i;
    return -1;
}

/// The index in `mp1_registers` of the register of `peripheral` whose 32-bit word is at `offset`, or -1.
int32_t mp1_register_at(uint32_t peripheral, uint32_t offset);
/// The index of the block called `name`, or -1.
int32_t mp1_peripheral_named(const char *name);

#pragma clang assume_nonnull end
