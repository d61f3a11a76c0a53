// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* WFI, WFE, SEV, the event register, SLEEPONEXIT, SEVONPEND (B1.5.17 to B1.5.19, A7.7.263). A case that sleeps for ever is ended
 * by the harness's SysTick. */
#include "conformance.h"

static volatile uint32_t ticks;

static void count_tick(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    ticks++;
}

static void start_systick(uint32_t reload)
{
    SYST_CSR = 0;
    ticks = 0;
    on_exception(EXCEPTION_SYSTICK, count_tick);
    SYST_RVR = reload;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_CLKSOURCE | SYST_CSR_TICKINT | SYST_CSR_ENABLE;
}

CASE(wfi_wakes_by_interrupt)
{
    start_systick(9999);
    cpu_wait_for_interrupt();
    observe(ticks, 1);
}

CASE(wfi_wakes_under_primask)
{
    cpu_disable_interrupts();
    start_systick(9999);
    cpu_wait_for_interrupt();
    observe(ticks, 0);
    observe(SCB_ICSR & SCB_ICSR_PENDSTSET, SCB_ICSR_PENDSTSET);
    SYST_CSR = 0;
    cpu_enable_interrupts();
    cpu_synchronize();
    observe(ticks, 1);
}

CASE(wfi_passes_when_pending)
{
    cpu_disable_interrupts();
    nvic_enable(IRQ_A);
    nvic_set_pending(IRQ_A);
    cpu_wait_for_interrupt();
    observe(NVIC_ISPR(0), BIT_A);
}

/* BASEPRI masks the wake-up, too: only the tick wakes, which has a higher priority (B1.5.19). */
CASE_QEMU(wfi_respects_basepri, "B1.5.19: only what would preempt but for PRIMASK wakes; QEMU wakes for what BASEPRI masks")
{
    on_interrupt(IRQ_A, LOW, record_a);
    MSR("basepri", MIDDLE);
    SCB_SHPR(EXCEPTION_SYSTICK) = HIGH;
    nvic_set_pending(IRQ_A);
    start_systick(9999);
    cpu_wait_for_interrupt();
    observe(ticks, 1);
    SYST_CSR = 0;
    observe_events("");
}

CASE(wfe_passes_after_sev)
{
    start_systick(0xFFFFF);
    __asm__ volatile("sev\n\twfe" ::: "memory");
    observe(ticks, 0);
}

/* One event, one WFE: the second sleeps until the tick. */
CASE_QEMU(wfe_clears_the_event, "A7.7.261: without an event WFE suspends; QEMU's only yields, and returns at once")
{
    __asm__ volatile("sev\n\twfe" ::: "memory");
    start_systick(9999);
    __asm__ volatile("wfe" ::: "memory");
    observe(ticks, 1);
}

/* An exception's return sets the event register (B1.5.18). */
CASE(wfe_passes_after_an_exception)
{
    on_exception(EXCEPTION_SVCALL, note);
    __asm__ volatile("sev\n\twfe\n\tsvc #0" ::: "memory");
    start_systick(0xFFFFF);
    __asm__ volatile("wfe" ::: "memory");
    observe(ticks, 0);
}

/* With SEVONPEND a disabled interrupt that becomes pending is an event (B1.5.18). */
CASE(wfe_sevonpend)
{
    SCB_SCR = SCR_SEVONPEND;
    __asm__ volatile("sev\n\twfe" ::: "memory");
    nvic_set_pending(IRQ_A);
    start_systick(0xFFFFF);
    __asm__ volatile("wfe" ::: "memory");
    observe(ticks, 0);
    observe(NVIC_ISPR(0), BIT_A);
}

/* Without it, it is none: the tick has to come. */
CASE_QEMU(wfe_without_sevonpend, "A7.7.261: without an event WFE suspends; QEMU's only yields, and returns at once")
{
    __asm__ volatile("sev\n\twfe" ::: "memory");
    nvic_set_pending(IRQ_A);
    start_systick(9999);
    __asm__ volatile("wfe" ::: "memory");
    observe(ticks, 1);
}

/* SLEEPONEXIT: the return to thread mode sleeps, so that thread code runs only once the handler has cleared it (B1.5.18). */
static void third_tick_wakes(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    if (++ticks == 3) {
        SCB_SCR = 0;
    }
}

CASE_QEMU(sleep_on_exit, "B1.5.18: the return from the last active exception sleeps; QEMU stores SLEEPONEXIT only")
{
    start_systick(9999);
    on_exception(EXCEPTION_SYSTICK, third_tick_wakes);
    SCB_SCR = SCR_SLEEPONEXIT;
    cpu_wait_for_interrupt();
    observe(ticks, 3);
}
