// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Which exception runs when: priorities, groups, preemption, tail-chaining, late arrival (B1.5.4). */
#include "conformance.h"

static void a_triggers_b(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    trigger(IRQ_B);
    record('A');
}

static void b_triggers_c(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('b');
    trigger(IRQ_C);
    record('B');
}

static void a_triggers_b_and_c(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    NVIC_ISPR(0) = BIT_B | BIT_C;
    cpu_synchronize();
    record('A');
}

static void set_prigroup(uint32_t group) { SCB_AIRCR = AIRCR_KEY | group << 8; }

CASE(order_higher_preempts)
{
    on_interrupt(IRQ_A, LOW, a_triggers_b);
    on_interrupt(IRQ_B, HIGH, record_b);
    trigger(IRQ_A);
    observe_events("abA");
}

CASE(order_equal_waits)
{
    on_interrupt(IRQ_A, LOW, a_triggers_b);
    on_interrupt(IRQ_B, LOW, record_b);
    trigger(IRQ_A);
    observe_events("aAb");
}

CASE(order_lower_waits)
{
    on_interrupt(IRQ_A, HIGH, a_triggers_b);
    on_interrupt(IRQ_B, LOW, record_b);
    trigger(IRQ_A);
    observe_events("aAb");
}

CASE(order_three_levels)
{
    on_interrupt(IRQ_A, LOW, a_triggers_b);
    on_interrupt(IRQ_B, MIDDLE, b_triggers_c);
    on_interrupt(IRQ_C, HIGH, record_c);
    trigger(IRQ_A);
    observe_events("abcBA");
}

CASE(order_lower_number_first)
{
    on_interrupt(IRQ_A, LOW, record_a);
    on_interrupt(IRQ_B, LOW, record_b);
    cpu_disable_interrupts();
    trigger(IRQ_B);
    trigger(IRQ_A);
    cpu_enable_interrupts();
    cpu_synchronize();
    observe_events("ab");
}

CASE(order_priority_before_number)
{
    on_interrupt(IRQ_A, LOW, record_a);
    on_interrupt(IRQ_B, MIDDLE, record_b);
    on_interrupt(IRQ_C, HIGH, record_c);
    cpu_disable_interrupts();
    NVIC_ISPR(0) = BIT_A | BIT_B | BIT_C;
    cpu_enable_interrupts();
    cpu_synchronize();
    observe_events("cba");
}

CASE(order_tail_chains_by_priority)
{
    on_interrupt(IRQ_A, HIGH, a_triggers_b_and_c);
    on_interrupt(IRQ_B, LOW, record_b);
    on_interrupt(IRQ_C, MIDDLE, record_c);
    trigger(IRQ_A);
    observe_events("aAcb");
}

static uint32_t frames[2];

static void keep_frame(uint32_t *frame, uint32_t exc_return)
{
    (void)exc_return;
    frames[seen.count++ & 1] = (uint32_t)(uintptr_t)frame;
}

/* Tail-chaining neither unstacks nor stacks: the second handler has the first one's frame (B1.5.12). */
CASE(order_tail_chain_keeps_the_frame)
{
    on_interrupt(IRQ_A, LOW, keep_frame);
    on_interrupt(IRQ_B, LOW, keep_frame);
    cpu_disable_interrupts();
    NVIC_ISPR(0) = BIT_A | BIT_B;
    cpu_enable_interrupts();
    cpu_synchronize();
    observe(seen.count, 2);
    observe(frames[0] - frames[1], 0);
}

CASE(order_prigroup_7_never_preempts)
{
    set_prigroup(7);
    on_interrupt(IRQ_A, LOW, a_triggers_b);
    on_interrupt(IRQ_B, HIGH, record_b);
    trigger(IRQ_A);
    observe_events("aAb");
}

CASE(order_prigroup_splits)
{
    /* Group 6: bit 7 is the group, bits 6 to 4 the subpriority. */
    set_prigroup(6);
    on_interrupt(IRQ_A, LOW, a_triggers_b);
    on_interrupt(IRQ_B, MIDDLE, b_triggers_c);
    on_interrupt(IRQ_C, HIGH, record_c);
    trigger(IRQ_A);
    observe_events("aAbcB");
}

CASE(order_subpriority_decides_among_pending)
{
    set_prigroup(7);
    on_interrupt(IRQ_A, LOW, record_a);
    on_interrupt(IRQ_B, HIGH, record_b);
    cpu_disable_interrupts();
    NVIC_ISPR(0) = BIT_A | BIT_B;
    cpu_enable_interrupts();
    cpu_synchronize();
    observe_events("ba");
}

CASE(order_prigroup_4_uses_three_bits)
{
    set_prigroup(4);
    on_interrupt(IRQ_A, 0x90, a_triggers_b);
    on_interrupt(IRQ_B, 0x80, record_b);
    trigger(IRQ_A);
    observe_events("aAb");
}

CASE(order_prigroup_reads_back)
{
    set_prigroup(5);
    observe(SCB_AIRCR, 0xFA050500);
    /* Without the key nothing is written. */
    SCB_AIRCR = 0x05F90300;
    observe(SCB_AIRCR, 0xFA050500);
}

static void pend_itself_once(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    if (seen.count++ == 0) {
        trigger(IRQ_A);
    }
    record('A');
}

CASE(order_pending_while_active)
{
    on_interrupt(IRQ_A, LOW, pend_itself_once);
    trigger(IRQ_A);
    observe_events("aAaA");
}

static void raise_own_priority_of_b(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    trigger(IRQ_B);
    record('-');
    NVIC_IPR(IRQ_B) = HIGH;
    cpu_synchronize();
    record('A');
}

/* A pending interrupt whose priority is raised preempts at once. */
CASE(order_priority_change_while_pending)
{
    on_interrupt(IRQ_A, MIDDLE, raise_own_priority_of_b);
    on_interrupt(IRQ_B, LOW, record_b);
    trigger(IRQ_A);
    observe_events("a-bA");
}

static void lower_own_priority(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    trigger(IRQ_B);
    record('-');
    NVIC_IPR(IRQ_A) = LOW;
    cpu_synchronize();
    record('A');
}

/* The execution priority is that of the active exception's register as it is now (B1.5.4). */
CASE(order_priority_change_while_active)
{
    on_interrupt(IRQ_A, HIGH, lower_own_priority);
    on_interrupt(IRQ_B, MIDDLE, record_b);
    trigger(IRQ_A);
    observe_events("a-bA");
}

static void a_then_pendsv(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_synchronize();
    trigger(IRQ_B);
    record('A');
}

CASE(order_pendsv_runs_last)
{
    SCB_SHPR(EXCEPTION_PENDSV) = 0xF0;
    on_exception(EXCEPTION_PENDSV, record_c);
    on_interrupt(IRQ_A, HIGH, a_then_pendsv);
    on_interrupt(IRQ_B, LOW, record_b);
    trigger(IRQ_A);
    observe_events("aAbc");
}

CASE(order_pendsv_before_systick)
{
    on_exception(EXCEPTION_PENDSV, record_a);
    on_exception(EXCEPTION_SYSTICK, record_b);
    SCB_SHPR(EXCEPTION_PENDSV) = SCB_SHPR(EXCEPTION_SYSTICK) = LOW;
    cpu_disable_interrupts();
    SCB_ICSR = SCB_ICSR_PENDSTSET;
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_enable_interrupts();
    cpu_synchronize();
    observe_events("ab");
}

static void svc_from_handler(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    __asm__ volatile("svc #0" ::: "memory");
    record('A');
}

CASE(order_svc_preempts_an_interrupt)
{
    SCB_SHPR(EXCEPTION_SVCALL) = HIGH;
    on_exception(EXCEPTION_SVCALL, record_b);
    on_interrupt(IRQ_A, LOW, svc_from_handler);
    trigger(IRQ_A);
    observe_events("abA");
}

static void nmi_inside(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    SCB_ICSR = ICSR_NMIPENDSET;
    cpu_synchronize();
    record('A');
}

CASE(order_nmi_preempts_everything)
{
    on_exception(EXCEPTION_NMI, record_b);
    on_interrupt(IRQ_A, 0, nmi_inside);
    cpu_disable_interrupts();
    SCB_ICSR = ICSR_NMIPENDSET;
    cpu_synchronize();
    record('-');
    cpu_enable_interrupts();
    trigger(IRQ_A);
    observe_events("b-abA");
}

CASE(order_nmi_state)
{
    on_exception(EXCEPTION_NMI, note);
    SCB_ICSR = ICSR_NMIPENDSET;
    cpu_synchronize();
    observe(seen.exception, 2);
    observe(seen.icsr & 0x801FF, 2);
    observe(seen.icsr >> 31, 0);
    observe(seen.exc_return | 0x10, EXC_RETURN_THREAD_MSP);
}

CASE(order_nmi_despite_faultmask)
{
    on_exception(EXCEPTION_NMI, record_a);
    __asm__ volatile("cpsid f" ::: "memory");
    SCB_ICSR = ICSR_NMIPENDSET;
    cpu_synchronize();
    record('-');
    /* Unlike any other exception, NMI does not clear FAULTMASK when it returns (B1.4.3). */
    observe(MRS("faultmask"), 1);
    observe_events("a-");
}
