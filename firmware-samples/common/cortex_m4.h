// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The core's own registers and instructions, as far as the samples use them.
 * Armv7-M Architecture Reference Manual (DDI 0403) B3.2 to B3.4, C1.8. */
#ifndef CORTEX_M4_H
#define CORTEX_M4_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

/* SysTick, B3.3 */
#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define SYST_CSR_ENABLE (1u << 0)
#define SYST_CSR_TICKINT (1u << 1)
#define SYST_CSR_CLKSOURCE (1u << 2)
#define SYST_CSR_COUNTFLAG (1u << 16)

/* NVIC, B3.4 */
#define NVIC_ISER(n) REGISTER(0xE000E100u + 4u * (n))
#define NVIC_ICER(n) REGISTER(0xE000E180u + 4u * (n))
#define NVIC_ISPR(n) REGISTER(0xE000E200u + 4u * (n))
#define NVIC_ICPR(n) REGISTER(0xE000E280u + 4u * (n))
#define NVIC_IPR(irq) (*(volatile uint8_t *)(uintptr_t)(0xE000E400u + (irq)))

/* System control block, B3.2 */
#define SCB_CPUID REGISTER(0xE000ED00u)
#define SCB_ICSR REGISTER(0xE000ED04u)
#define SCB_VTOR REGISTER(0xE000ED08u)
#define SCB_AIRCR REGISTER(0xE000ED0Cu)
#define SCB_CCR REGISTER(0xE000ED14u)
#define SCB_SHPR(exception) (*(volatile uint8_t *)(uintptr_t)(0xE000ED14u + (exception)))
#define SCB_SHCSR REGISTER(0xE000ED24u)
#define SCB_CFSR REGISTER(0xE000ED28u)
#define SCB_HFSR REGISTER(0xE000ED2Cu)
#define SCB_BFAR REGISTER(0xE000ED38u)
#define SCB_CPACR REGISTER(0xE000ED88u)
#define SCB_ICSR_PENDSTCLR (1u << 25)
#define SCB_ICSR_PENDSTSET (1u << 26)
#define SCB_ICSR_PENDSVSET (1u << 28)
#define SCB_CCR_UNALIGN_TRP (1u << 3)
#define SCB_CCR_DIV_0_TRP (1u << 4)
#define SCB_SHCSR_MEMFAULTENA (1u << 16)
#define SCB_SHCSR_BUSFAULTENA (1u << 17)
#define SCB_SHCSR_USGFAULTENA (1u << 18)
#define SCB_CPACR_FPU_FULL_ACCESS (0xFu << 20)

/* Debug: DEMCR C1.6.5, DWT C1.8 */
#define DCB_DEMCR REGISTER(0xE000EDFCu)
#define DCB_DEMCR_TRCENA (1u << 24)
#define DWT_CTRL REGISTER(0xE0001000u)
#define DWT_CYCCNT REGISTER(0xE0001004u)
#define DWT_CTRL_CYCCNTENA (1u << 0)

/* Exception numbers, B1.5.2; external interrupt n is exception 16 + n. */
enum {
    EXCEPTION_HARD_FAULT = 3,
    EXCEPTION_SVCALL = 11,
    EXCEPTION_PENDSV = 14,
    EXCEPTION_SYSTICK = 15,
    EXCEPTION_IRQ0 = 16,
};

static inline void cpu_disable_interrupts(void) { __asm__ volatile("cpsid i" ::: "memory"); }
static inline void cpu_enable_interrupts(void) { __asm__ volatile("cpsie i" ::: "memory"); }
static inline void cpu_wait_for_interrupt(void) { __asm__ volatile("dsb\n\twfi" ::: "memory"); }
static inline void cpu_data_memory_barrier(void) { __asm__ volatile("dmb" ::: "memory"); }
static inline void cpu_synchronize(void) { __asm__ volatile("dsb\n\tisb" ::: "memory"); }

static inline void nvic_enable(uint32_t irq) { NVIC_ISER(irq >> 5) = 1u << (irq & 31); }
static inline void nvic_disable(uint32_t irq) { NVIC_ICER(irq >> 5) = 1u << (irq & 31); }
static inline void nvic_set_pending(uint32_t irq) { NVIC_ISPR(irq >> 5) = 1u << (irq & 31); }

#endif
