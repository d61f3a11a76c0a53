/* Priorities, nesting and masks (DDI 0403 B1.4.3, B1.5.4). */
#include <stddef.h>

#include "check.h"

static void record_a(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
}

static void record_b(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('b');
}

static void record_pendsv(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('p');
}

static void a_triggers_b(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    trigger(IRQ_B);
    record('A');
}

static void a_asks_for_pendsv(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_synchronize();
    trigger(IRQ_B);
    record('A');
}

static enum outcome pendsv(void)
{
    on_exception(EXCEPTION_PENDSV, record_pendsv);
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_synchronize();
    return recorded("p");
}

static enum outcome pendsv_runs_last(void)
{
    SCB_SHPR(EXCEPTION_PENDSV) = 0xF0;
    on_exception(EXCEPTION_PENDSV, record_pendsv);
    on_interrupt(IRQ_A, PRIORITY_HIGH, a_asks_for_pendsv);
    on_interrupt(IRQ_B, PRIORITY_LOW, record_b);
    trigger(IRQ_A);
    return recorded("aAbp");
}

static enum outcome higher_preempts(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, a_triggers_b);
    on_interrupt(IRQ_B, PRIORITY_HIGH, record_b);
    trigger(IRQ_A);
    return recorded("abA");
}

static enum outcome equal_waits(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, a_triggers_b);
    on_interrupt(IRQ_B, PRIORITY_LOW, record_b);
    trigger(IRQ_A);
    return recorded("aAb");
}

static enum outcome group_priority(void)
{
    /* PRIGROUP 7: no bit of the priority decides preemption, all of it is subpriority. */
    uint32_t before = SCB_AIRCR & 0x700u;
    SCB_AIRCR = 0x05FA0000u | 7u << 8;
    on_interrupt(IRQ_A, PRIORITY_LOW, a_triggers_b);
    on_interrupt(IRQ_B, PRIORITY_HIGH, record_b);
    trigger(IRQ_A);
    SCB_AIRCR = 0x05FA0000u | before;
    return recorded("aAb");
}

static enum outcome lower_number_first(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, record_a);
    on_interrupt(IRQ_B, PRIORITY_LOW, record_b);
    cpu_disable_interrupts();
    trigger(IRQ_B);
    trigger(IRQ_A);
    cpu_enable_interrupts();
    cpu_synchronize();
    return recorded("ab");
}

static enum outcome primask(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, record_a);
    cpu_disable_interrupts();
    trigger(IRQ_A);
    record('-');
    cpu_enable_interrupts();
    cpu_synchronize();
    return recorded("-a");
}

static enum outcome faultmask(void)
{
    on_interrupt(IRQ_A, 0, record_a);
    __asm__ volatile("cpsid f" ::: "memory");
    trigger(IRQ_A);
    record('-');
    __asm__ volatile("cpsie f\n\tisb" ::: "memory");
    return recorded("-a");
}

static enum outcome basepri(void)
{
    on_interrupt(IRQ_A, PRIORITY_MIDDLE, record_a);
    on_interrupt(IRQ_B, PRIORITY_HIGH, record_b);
    set_basepri(PRIORITY_MIDDLE);
    trigger(IRQ_A);
    trigger(IRQ_B);
    record('-');
    set_basepri(0);
    cpu_synchronize();
    return recorded("b-a");
}

static enum outcome basepri_max(void)
{
    uint32_t after_lower, after_higher;
    set_basepri(PRIORITY_MIDDLE);
    /* BASEPRI_MAX only ever raises the mask: a lower number. */
    __asm__ volatile("msr basepri_max, %2\n\t"
                     "mrs %0, basepri\n\t"
                     "msr basepri_max, %3\n\t"
                     "mrs %1, basepri"
                     : "=&r"(after_lower), "=&r"(after_higher)
                     : "r"(PRIORITY_LOW), "r"(PRIORITY_HIGH));
    set_basepri(0);
    return after_lower == PRIORITY_MIDDLE && after_higher == PRIORITY_HIGH;
}

static uint32_t repeats;

static void pend_itself_once(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    if (repeats++ == 0) {
        trigger(IRQ_A);
    }
    record('A');
}

static enum outcome pending_while_active(void)
{
    repeats = 0;
    on_interrupt(IRQ_A, PRIORITY_LOW, pend_itself_once);
    trigger(IRQ_A);
    return recorded("aAaA");
}

static enum outcome disabled_stays_pending(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, record_a);
    nvic_disable(IRQ_A);
    trigger(IRQ_A);
    bool pending = (NVIC_ISPR(0) & (1u << IRQ_A)) != 0;
    record('-');
    nvic_enable(IRQ_A);
    cpu_synchronize();
    return pending && recorded("-a") && (NVIC_ISPR(0) & (1u << IRQ_A)) == 0;
}

static enum outcome stir(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, record_a);
    REGISTER(0xE000EF00u) = IRQ_A;
    cpu_synchronize();
    return recorded("a");
}

const struct check masking_checks[] = {
    { "pendsv", pendsv },
    { "pendsv-runs-last", pendsv_runs_last },
    { "higher-preempts", higher_preempts },
    { "equal-waits", equal_waits },
    { "group-priority", group_priority },
    { "lower-number-first", lower_number_first },
    { "primask", primask },
    { "faultmask", faultmask },
    { "basepri", basepri },
    { "basepri-max", basepri_max },
    { "pending-while-active", pending_while_active },
    { "disabled-stays-pending", disabled_stays_pending },
    { "stir", stir },
    { NULL, NULL },
};
