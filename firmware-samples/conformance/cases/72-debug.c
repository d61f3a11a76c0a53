// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Debug and trace as software uses them: DEMCR, the cycle counter, DebugMonitor, ITM, DFSR (C1.4 to C1.8). */
#include "conformance.h"

#define DHCSR REGISTER(0xE000EDF0u)
#define DWT_CPICNT REGISTER(0xE0001008u)
#define ITM_STIM8(port) (*(volatile uint8_t *)(uintptr_t)(0xE0000000u + 4u * (port)))
#define ITM_STIM(port) REGISTER(0xE0000000u + 4u * (port))
#define ITM_TER REGISTER(0xE0000E00u)
#define ITM_TPR REGISTER(0xE0000E40u)
#define ITM_TCR REGISTER(0xE0000E80u)
#define DEMCR_MON_EN (1u << 16)
#define DEMCR_MON_PEND (1u << 17)
#define DWT_COMP(n) REGISTER(0xE0001020u + 16u * (n))
#define DWT_MASK(n) REGISTER(0xE0001024u + 16u * (n))
#define DWT_FUNCTION(n) REGISTER(0xE0001028u + 16u * (n))
#define FUNCTION_PC_MATCH 4u
#define FUNCTION_READ 5u
#define FUNCTION_WRITE 6u
#define DFSR_BKPT 2u
#define DFSR_DWTTRAP 4u

#define NO_DWT "C1.8: QEMU has no DWT, its registers read zero"
#define NO_DEMCR "C1.6.5: QEMU has no DEMCR, and no DebugMonitor exception"
#define NO_ITM "C1.7: QEMU has no ITM, its registers read zero"

static void spin(uint32_t loops) { __asm__ volatile("1: subs %0, #1\n\tbne 1b" : "+r"(loops)::"cc"); }

CASE_QEMU(dwt_ctrl, NO_DWT)
{
    DCB_DEMCR = DCB_DEMCR_TRCENA;
    /* Four comparators, with a cycle counter and profiling counters: Cortex-M4 TRM, 9.3.1. */
    observe(DWT_CTRL & 0xFF000000, 0x40000000);
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    observe(DWT_CTRL & 1, 1);
    DWT_CTRL &= ~DWT_CTRL_CYCCNTENA;
    observe(DWT_CTRL & 1, 0);
}

CASE_QEMU(dwt_cycle_counter, NO_DWT)
{
    DCB_DEMCR = DCB_DEMCR_TRCENA;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    uint32_t first = DWT_CYCCNT;
    spin(100);
    uint32_t second = DWT_CYCCNT;
    DWT_CTRL &= ~DWT_CTRL_CYCCNTENA;
    observe(second - first >= 200 && second - first < 1000, 1);
}

CASE_QEMU(dwt_cycle_counter_stops_and_is_written, NO_DWT)
{
    DCB_DEMCR = DCB_DEMCR_TRCENA;
    DWT_CTRL &= ~DWT_CTRL_CYCCNTENA;
    DWT_CYCCNT = 0x12345678;
    spin(10);
    observe(DWT_CYCCNT, 0x12345678);
}

CASE_QEMU(demcr_bits, NO_DEMCR)
{
    DCB_DEMCR = DCB_DEMCR_TRCENA;
    observe(DCB_DEMCR & 0x010F0000, DCB_DEMCR_TRCENA);
    DCB_DEMCR = 0x00080000;
    observe(DCB_DEMCR & 0x010F0000, 0x00080000);
    DCB_DEMCR = 0;
    observe(DCB_DEMCR & 0x010F0000, 0);
}

static void note_monitor(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    seen.hfsr = SCB_DFSR;
    DCB_DEMCR = 0;
    DWT_FUNCTION(0) = 0;
    SCB_DFSR = 0x1F;
}

CASE_QEMU(debug_monitor_pended, NO_DEMCR)
{
    on_exception(EXCEPTION_DEBUG_MONITOR, note_monitor);
    DCB_DEMCR = DEMCR_MON_EN;
    DCB_DEMCR = DEMCR_MON_EN | DEMCR_MON_PEND;
    cpu_synchronize();
    observe(seen.exception, EXCEPTION_DEBUG_MONITOR);
    observe(seen.count, 1);
}

static void skip_breakpoint(uint32_t *frame, uint32_t exc_return)
{
    note_monitor(frame, exc_return);
    frame[PC] += 2;
}

/* With MON_EN a BKPT is DebugMonitor, not HardFault (C1.4). */
CASE_QEMU(debug_monitor_by_bkpt, NO_DEMCR)
{
    on_exception(EXCEPTION_DEBUG_MONITOR, skip_breakpoint);
    DCB_DEMCR = DEMCR_MON_EN;
    __asm__ volatile("bkpt #3" ::: "memory");
    observe(seen.exception, EXCEPTION_DEBUG_MONITOR);
    observe(seen.hfsr & DFSR_BKPT, DFSR_BKPT);
}

static volatile uint32_t watched;

CASE_BOTH(dwt_watchpoint_on_write, NO_DWT, WATCHPOINTS)
{
    on_exception(EXCEPTION_DEBUG_MONITOR, note_monitor);
    DCB_DEMCR = DCB_DEMCR_TRCENA | DEMCR_MON_EN;
    DWT_COMP(0) = (uint32_t)(uintptr_t)&watched;
    DWT_MASK(0) = 2;
    DWT_FUNCTION(0) = FUNCTION_WRITE;
    cpu_synchronize();
    (void)watched;
    observe(seen.count, 0);
    watched = 7;
    cpu_synchronize();
    observe(seen.count, 1);
    observe(seen.exception, EXCEPTION_DEBUG_MONITOR);
    observe(seen.hfsr & DFSR_DWTTRAP, DFSR_DWTTRAP);
    observe(watched, 7);
}

CASE_BOTH(dwt_watchpoint_on_read, NO_DWT, WATCHPOINTS)
{
    on_exception(EXCEPTION_DEBUG_MONITOR, note_monitor);
    DCB_DEMCR = DCB_DEMCR_TRCENA | DEMCR_MON_EN;
    DWT_COMP(0) = (uint32_t)(uintptr_t)&watched;
    DWT_MASK(0) = 2;
    DWT_FUNCTION(0) = FUNCTION_READ;
    cpu_synchronize();
    watched = 1;
    cpu_synchronize();
    observe(seen.count, 0);
    (void)watched;
    cpu_synchronize();
    observe(seen.count, 1);
}

/* MATCHED is set by a match, and cleared by reading it (C1.8.17). */
CASE_BOTH(dwt_matched_bit, NO_DWT, WATCHPOINTS)
{
    DCB_DEMCR = DCB_DEMCR_TRCENA;
    DWT_COMP(0) = (uint32_t)(uintptr_t)&watched;
    DWT_MASK(0) = 2;
    DWT_FUNCTION(0) = FUNCTION_WRITE;
    cpu_synchronize();
    watched = 3;
    cpu_synchronize();
    uint32_t first = DWT_FUNCTION(0), second = DWT_FUNCTION(0);
    DWT_FUNCTION(0) = 0;
    SCB_DFSR = 0x1F;
    observe(first >> 24 & 1, 1);
    observe(second >> 24 & 1, 0);
}

/* A comparator that matches by the count of cycles: comparator 0 only (C1.8.17, CYCMATCH). */
CASE_QEMU(dwt_comparators_read_back, NO_DWT)
{
    DCB_DEMCR = DCB_DEMCR_TRCENA;
    for (uint32_t i = 0; i < 4; i++) {
        DWT_COMP(i) = 0x20000000 + i;
        observe(DWT_COMP(i), 0x20000000 + i);
        DWT_MASK(i) = i;
        observe(DWT_MASK(i), i);
        DWT_MASK(i) = 0;
        DWT_COMP(i) = 0;
    }
}

CASE_QEMU(itm_enable_registers, NO_ITM)
{
    DCB_DEMCR = DCB_DEMCR_TRCENA;
    ITM_TCR = 1;
    observe(ITM_TCR & 1, 1);
    ITM_TER = 0x80000001;
    observe(ITM_TER, 0x80000001);
    ITM_TPR = 0xF;
    observe(ITM_TPR, 0xF);
    ITM_TER = 0;
    ITM_TPR = 0;
    ITM_TCR = 0;
}

/* A port reads 1 when it can take another word (C1.7.1). */
CASE_QEMU(itm_port_ready, NO_ITM)
{
    DCB_DEMCR = DCB_DEMCR_TRCENA;
    ITM_TCR = 1;
    ITM_TER = 2;
    observe(ITM_STIM(1) & 1, 1);
    ITM_TER = 0;
    ITM_TCR = 0;
}

CASE(debug_halting_is_off) { observe(DHCSR & 3, 0); }

/* DBGMCU or not, ID registers of the ROM table are read-only zeros or constants; reading them is no fault (C1.2). */
CASE(debug_registers_are_reached)
{
    (void)REGISTER(0xE00FF000u);
    (void)REGISTER(0xE0002000u);
    observe(seen.count, 0);
}
