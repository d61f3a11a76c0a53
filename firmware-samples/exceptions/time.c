/* SysTick, WFI and the cycle counter (DDI 0403 B3.3, B1.5.19, C1.8). */
#include <stddef.h>

#include "check.h"

#define NUMCOMP_SHIFT 28

static volatile uint32_t ticks;

static void count_tick(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    ticks++;
}

static void start_systick(uint32_t reload, uint32_t control)
{
    ticks = 0;
    on_exception(EXCEPTION_SYSTICK, count_tick);
    SYST_RVR = reload;
    SYST_CVR = 0;
    SYST_CSR = control | SYST_CSR_CLKSOURCE | SYST_CSR_ENABLE;
}

static enum outcome systick_interrupts(void)
{
    start_systick(9999, SYST_CSR_TICKINT);
    while (ticks < 3) {
        cpu_wait_for_interrupt();
    }
    uint32_t value = SYST_CVR;
    return value <= 9999;
}

static enum outcome systick_countflag(void)
{
    start_systick(999, 0);
    while ((SYST_CSR & SYST_CSR_COUNTFLAG) == 0) {
    }
    /* Reading it has cleared it, and writing the counter clears it too. */
    bool first = (SYST_CSR & SYST_CSR_COUNTFLAG) == 0;
    SYST_CVR = 0;
    return first && ticks == 0;
}

static enum outcome systick_counts_down(void)
{
    start_systick(0xFFFFFF, 0);
    /* The counter reloads on the first tick of its clock, not on the write. */
    while (SYST_CVR == 0) {
    }
    uint32_t first = SYST_CVR;
    for (volatile uint32_t i = 0; i < 100; i++) {
    }
    uint32_t second = SYST_CVR;
    return second < first && first <= 0xFFFFFF;
}

static enum outcome systick_reload(void)
{
    start_systick(0, 0);
    for (volatile uint32_t i = 0; i < 100; i++) {
    }
    return SYST_CVR == 0 && (SYST_CSR & SYST_CSR_COUNTFLAG) == 0;
}

static enum outcome wfi_wakes_when_masked(void)
{
    cpu_disable_interrupts();
    start_systick(9999, SYST_CSR_TICKINT);
    cpu_wait_for_interrupt();
    bool untouched = ticks == 0 && (SCB_ICSR & SCB_ICSR_PENDSTSET) != 0;
    cpu_enable_interrupts();
    cpu_synchronize();
    return untouched && ticks == 1;
}

static enum outcome cycle_counter(void)
{
    DCB_DEMCR |= DCB_DEMCR_TRCENA;
    if (DWT_CTRL >> NUMCOMP_SHIFT == 0) {
        return SKIP;
    }
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    DWT_CYCCNT = 0;
    uint32_t first = DWT_CYCCNT;
    for (volatile uint32_t i = 0; i < 100; i++) {
    }
    uint32_t second = DWT_CYCCNT;
    return second - first >= 300 && second < 100000;
}

const struct check time_checks[] = {
    { "systick-interrupts", systick_interrupts },
    { "systick-countflag", systick_countflag },
    { "systick-counts-down", systick_counts_down },
    { "systick-reload-0", systick_reload },
    { "wfi-wakes-when-masked", wfi_wakes_when_masked },
    { "cycle-counter", cycle_counter },
    { NULL, NULL },
};
