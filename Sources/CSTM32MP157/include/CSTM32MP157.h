// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// The STM32MP157's peripherals, registers and interrupts as its Cortex-M4 sees them (RM0436, memory map and NVIC), and its pins.
// Written by scripts/generate-registers.py.
#pragma once
#include "CRegisterMap.h"

#pragma clang assume_nonnull begin

extern const register_map stm32mp157_register_map;
extern const register_map_pins stm32mp157_pins;
// A pointer to it, which stays what it is; Swift has no address of a constant.
static inline const register_map *stm32mp157_registers(void) { return &stm32mp157_register_map; }

#pragma clang assume_nonnull end
