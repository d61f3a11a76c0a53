// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* SysTick (B3.3). */
#include "conformance.h"

static volatile uint32_t ticks;

static void count_tick(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    ticks++;
}

static void start(uint32_t reload, uint32_t control)
{
    SYST_CSR = 0;
    ticks = 0;
    on_exception(EXCEPTION_SYSTICK, count_tick);
    SYST_RVR = reload;
    SYST_CVR = 0;
    SYST_CSR = control | SYST_CSR_CLKSOURCE | SYST_CSR_ENABLE;
}

static void spin(uint32_t loops)
{
    __asm__ volatile("1: subs %0, #1\n\tbne 1b" : "+r"(loops)::"cc");
}

CASE(systick_interrupts)
{
    start(9999, SYST_CSR_TICKINT);
    while (ticks < 3) {
    }
    observe(ticks, 3);
    observe(SYST_CVR <= 9999, 1);
}

CASE(systick_countflag_cleared_by_reading)
{
    start(999, 0);
    while ((SYST_CSR & SYST_CSR_COUNTFLAG) == 0) {
    }
    observe(SYST_CSR & SYST_CSR_COUNTFLAG, 0);
    observe(ticks, 0);
}

CASE(systick_countflag_cleared_by_writing_the_count)
{
    start(99, 0);
    spin(1000);
    SYST_CVR = 5;
    observe(SYST_CSR, SYST_CSR_CLKSOURCE | SYST_CSR_ENABLE);
}

CASE(systick_counts_down)
{
    start(0xFFFFFF, 0);
    while (SYST_CVR == 0) {
    }
    uint32_t first = SYST_CVR;
    spin(100);
    uint32_t second = SYST_CVR;
    observe(second < first, 1);
    observe(first <= 0xFFFFFF, 1);
}

CASE(systick_write_clears_the_count)
{
    start(0xFFFFFF, 0);
    spin(100);
    SYST_CSR = SYST_CSR_CLKSOURCE;
    SYST_CVR = 0x123456;
    observe(SYST_CVR, 0);
}

CASE(systick_reload_0_stops)
{
    start(0, SYST_CSR_TICKINT);
    spin(100);
    observe(SYST_CVR, 0);
    observe(SYST_CSR & SYST_CSR_COUNTFLAG, 0);
    observe(ticks, 0);
}

CASE(systick_reload_has_24_bits)
{
    SYST_CSR = 0;
    SYST_RVR = 0xFFFFFFFF;
    observe(SYST_RVR, 0x00FFFFFF);
}

CASE(systick_control_bits)
{
    SYST_CSR = 0;
    SYST_CVR = 0;
    SYST_CSR = 0xFFFFFFFE;
    observe(SYST_CSR, SYST_CSR_CLKSOURCE | SYST_CSR_TICKINT);
}

/* Stopped, it keeps its count; and no tick comes (B3.3.3). */
CASE(systick_stopped_keeps_the_count)
{
    start(100000, 0);
    spin(100);
    SYST_CSR = SYST_CSR_CLKSOURCE;
    uint32_t first = SYST_CVR;
    spin(100);
    observe(SYST_CVR - first, 0);
}

/* Writing the count pends nothing; only counting to 0 does (B3.3.1). */
CASE(systick_write_pends_nothing)
{
    cpu_disable_interrupts();
    start(0xFFFFFF, SYST_CSR_TICKINT);
    spin(50);
    SYST_CVR = 1;
    spin(50);
    observe(SCB_ICSR & SCB_ICSR_PENDSTSET, 0);
}

CASE(systick_pends_without_being_taken)
{
    cpu_disable_interrupts();
    start(99, SYST_CSR_TICKINT);
    spin(1000);
    observe(SCB_ICSR & SCB_ICSR_PENDSTSET, SCB_ICSR_PENDSTSET);
    SYST_CSR = 0;
    cpu_enable_interrupts();
    cpu_synchronize();
    observe(ticks, 1);
}

CASE(systick_pended_by_software)
{
    SYST_CSR = 0;
    ticks = 0;
    on_exception(EXCEPTION_SYSTICK, count_tick);
    SCB_ICSR = SCB_ICSR_PENDSTSET;
    cpu_synchronize();
    observe(ticks, 1);
    observe(SYST_CSR, 0);
}

CASE(systick_a_new_reload_value_waits)
{
    start(0xFFFF, 0);
    spin(10);
    SYST_RVR = 10;
    observe(SYST_CVR > 10, 1);
}

CASE(systick_priority)
{
    SCB_SHPR(EXCEPTION_SYSTICK) = MIDDLE;
    MSR("basepri", MIDDLE);
    start(99, SYST_CSR_TICKINT);
    spin(1000);
    observe(ticks, 0);
    SYST_CSR = 0;
    MSR("basepri", 0);
    cpu_synchronize();
    observe(ticks, 1);
}
