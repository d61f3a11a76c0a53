// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "CRegisterMap.h"
#include <string.h>

int32_t register_map_register_at(const register_map *map, uint32_t peripheral, uint32_t offset) {
    if (peripheral >= map->peripheral_count) return -1;
    uint32_t low = map->peripherals[peripheral].first_register;
    uint32_t high = low + map->peripherals[peripheral].register_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        uint32_t word = register_map_offset(&map->registers[middle]) & ~3u;
        if (word == (offset & ~3u)) return (int32_t)middle;
        if (word < offset) low = middle + 1;
        else high = middle;
    }
    return -1;
}

int32_t register_map_peripheral_named(const register_map *map, const char *name) {
    for (uint32_t i = 0; i < map->peripheral_count; i++)
        if (strcmp(&map->names[map->peripherals[i].name], name) == 0) return (int32_t)i;
    return -1;
}

int32_t register_map_register_named(const register_map *map, uint32_t peripheral, const char *name) {
    if (peripheral >= map->peripheral_count) return -1;
    const register_map_peripheral *block = &map->peripherals[peripheral];
    for (uint32_t i = block->first_register; i < (uint32_t)block->first_register + block->register_count; i++)
        if (strcmp(&map->names[map->registers[i].name], name) == 0) return (int32_t)i;
    return -1;
}

int32_t register_map_interrupt_named(const register_map *map, const char *name) {
    // An empty name is a reserved line's, of which there are several.
    if (name[0] == 0) return -1;
    for (uint32_t i = 0; i < map->interrupt_count; i++)
        if (strcmp(&map->names[map->interrupt_names[i]], name) == 0) return (int32_t)i;
    return -1;
}

int32_t register_map_alternate_named(const register_map *map, const char *name, uint32_t from) {
    for (uint32_t i = from; i < map->pins->alternate_count; i++)
        if (strcmp(&map->pins->names[map->pins->alternates[i].name], name) == 0) return (int32_t)i;
    return -1;
}
