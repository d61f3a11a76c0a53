#include "CSTM32MP157.h"
#include <string.h>

int32_t mp1_register_at(uint32_t peripheral, uint32_t offset) {
    if (peripheral >= mp1_peripheral_count) return -1;
    uint32_t low = mp1_peripherals[peripheral].first_register;
    uint32_t high = low + mp1_peripherals[peripheral].register_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t word = mp1_register_offset(&mp1_registers[middle]) & ~3u;
        if (word == (offset & ~3u)) return (int32_t)middle;
        if (word < offset) low = middle + 1;
        else high = middle;
    }
    return -1;
}

int32_t mp1_peripheral_named(const char *name) {
    for (uint32_t i = 0; i < mp1_peripheral_count; i++)
        if (strcmp(mp1_name(mp1_peripherals[i].name), name) == 0) return (int32_t)i;
    return -1;
}
