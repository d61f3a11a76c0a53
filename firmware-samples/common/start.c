// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Vector table and start-up. Everything a handler is not defined for ends in Default_Handler: a loop, as in ST's
 * start-up, so that a fault shows as a core that stopped answering. */
#include <stdint.h>

#include "stm32mp157.h"

/* From the linker script. */
extern uint8_t __stack_end[], __data_load[], __data_start[], __data_end[], __bss_start[], __bss_end[];

int main(void);

__attribute__((used)) void Default_Handler(void)
{
    for (;;) {
    }
}

#define WEAK_HANDLER(name) __attribute__((weak, alias("Default_Handler"))) void name(void)

WEAK_HANDLER(NMI_Handler);
WEAK_HANDLER(HardFault_Handler);
WEAK_HANDLER(MemManage_Handler);
WEAK_HANDLER(BusFault_Handler);
WEAK_HANDLER(UsageFault_Handler);
WEAK_HANDLER(SVC_Handler);
WEAK_HANDLER(DebugMon_Handler);
WEAK_HANDLER(PendSV_Handler);
WEAK_HANDLER(SysTick_Handler);
WEAK_HANDLER(IPCC_RX1_Handler);

/* Runs before .data and .bss exist, so it touches neither. */
__attribute__((noreturn)) void Reset_Handler(void)
{
    SCB_CPACR |= SCB_CPACR_FPU_FULL_ACCESS;
    cpu_synchronize();

    /* Sections are 4-aligned and padded to 4 by the linker script. */
    const uint32_t *from = (const uint32_t *)(uintptr_t)__data_load;
    for (uint32_t *to = (uint32_t *)(uintptr_t)__data_start; to < (uint32_t *)(uintptr_t)__data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = (uint32_t *)(uintptr_t)__bss_start; to < (uint32_t *)(uintptr_t)__bss_end; to++) {
        *to = 0;
    }

    main();
    for (;;) {
        cpu_wait_for_interrupt();
    }
}

typedef void (*vector)(void);

/* 16 system exceptions and the M4's 150 interrupts: 0x298 bytes. */
__attribute__((section(".vectors"), used)) const vector vectors[166] = {
    (vector)(uintptr_t)__stack_end,
    Reset_Handler,
    NMI_Handler,
    HardFault_Handler,
    MemManage_Handler,
    BusFault_Handler,
    UsageFault_Handler,
    [11] = SVC_Handler,
    DebugMon_Handler,
    [14] = PendSV_Handler,
    SysTick_Handler,
    [16 ... 165] = Default_Handler,
    [16 + IRQ_IPCC_RX1] = IPCC_RX1_Handler,
};
