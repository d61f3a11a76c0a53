// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* EXC_RETURN's checks and their INVPC faults (B1.5.8, ExceptionReturn). */
#include "conformance.h"

static uint32_t bad_value, stacked_ipsr;

static void leave_badly(uint32_t *frame, uint32_t exc_return)
{
    (void)exc_return;
    if (stacked_ipsr != 0) {
        frame[XPSR] = (frame[XPSR] & ~0x1FFu) | (stacked_ipsr & 0x1FF);
    }
    record('s');
    leave_with(bad_value);
}

static void invalid_return(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    SCB_CFSR = seen.cfsr;
    SCB_HFSR = seen.hfsr;
    record('u');
    /* Nothing was unstacked: the first frame is still there. */
    uint32_t *first = (uint32_t *)(uintptr_t)MRS("msp");
    (void)first;
    leave_with(EXC_RETURN_THREAD_MSP);
}

static void return_with(uint32_t value)
{
    bad_value = value;
    stacked_ipsr = 0;
    on_exception(EXCEPTION_SVCALL, leave_badly);
    on_exception(EXCEPTION_USAGE_FAULT, invalid_return);
    SCB_SHCSR = ALL_FAULTS;
    cpu_synchronize();
    __asm__ volatile("svc #0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
}

static void observe_invpc(uint32_t exc_return)
{
    observe(seen.cfsr, CFSR_INVPC);
    observe(seen.exc_return, exc_return);
    observe(SCB_SHCSR, ALL_FAULTS);
    observe_events("su");
}

CASE(invpc_reserved_value_0)
{
    return_with(0xFFFFFFF0);
    observe_invpc(0xFFFFFFF0);
}

CASE(invpc_reserved_value_3)
{
    return_with(0xFFFFFFF3);
    observe_invpc(0xFFFFFFF3);
}

CASE(invpc_reserved_value_b)
{
    return_with(0xFFFFFFFB);
    observe_invpc(0xFFFFFFFB);
}

/* To handler mode with nothing else active: what is unstacked has IPSR 0. */
CASE(invpc_handler_from_base)
{
    return_with(EXC_RETURN_HANDLER);
    observe(seen.cfsr, CFSR_INVPC);
    observe(seen.exc_return, EXC_RETURN_HANDLER);
}

/* To thread mode with a stacked IPSR that is not 0. */
static void repair_frame(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    SCB_CFSR = seen.cfsr;
    ((uint32_t *)(uintptr_t)seen.frame_address)[XPSR] &= ~0x1FFu;
    record('u');
}

CASE(invpc_thread_with_ipsr)
{
    bad_value = EXC_RETURN_THREAD_MSP;
    stacked_ipsr = 5;
    on_exception(EXCEPTION_SVCALL, leave_badly);
    on_exception(EXCEPTION_USAGE_FAULT, repair_frame);
    SCB_SHCSR = ALL_FAULTS;
    cpu_synchronize();
    __asm__ volatile("svc #0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
    observe(seen.cfsr, CFSR_INVPC);
    observe(seen.exc_return, EXC_RETURN_THREAD_MSP);
    observe_events("su");
}

static void leave_nested(uint32_t *frame, uint32_t exc_return)
{
    (void)exc_return;
    record('s');
    frame[XPSR] &= ~0x1FFu;
    leave_with(EXC_RETURN_THREAD_MSP);
}

static void svc_inside(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    __asm__ volatile("svc #0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
    record('A');
}

static void nested_invalid_return(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    SCB_CFSR = seen.cfsr;
    frame[XPSR] = (frame[XPSR] & ~0x1FFu) | (16 + IRQ_A);
    record('u');
    leave_with(EXC_RETURN_HANDLER);
}

/* To thread mode while another exception is active, without NONBASETHRDENA. */
CASE(invpc_thread_while_nested)
{
    on_exception(EXCEPTION_SVCALL, leave_nested);
    on_exception(EXCEPTION_USAGE_FAULT, nested_invalid_return);
    SCB_SHCSR = ALL_FAULTS;
    on_interrupt(IRQ_A, LOW, svc_inside);
    trigger(IRQ_A);
    observe(seen.cfsr, CFSR_INVPC);
    observe(seen.exc_return, EXC_RETURN_THREAD_MSP);
    observe_events("asuA");
}

/* With it thread code runs while the outer exception stays active, and its priority masks (B1.5.8, CCR: B3.2.8). */
static uint32_t thread_ipsr, thread_active;

static void back_to_handler(uint32_t *frame, uint32_t exc_return)
{
    (void)exc_return;
    frame[XPSR] = (frame[XPSR] & ~0x1FFu) | (16 + IRQ_A);
    leave_with(EXC_RETURN_HANDLER);
}

static void leave_to_thread(uint32_t *frame, uint32_t exc_return)
{
    (void)exc_return;
    record('s');
    frame[XPSR] &= ~0x1FFu;
    on_exception(EXCEPTION_SVCALL, back_to_handler);
    leave_with(EXC_RETURN_THREAD_MSP);
}

static void visit_thread_mode(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('a');
    __asm__ volatile("svc #0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
    thread_ipsr = MRS("ipsr");
    thread_active = NVIC_IABR(0);
    __asm__ volatile("svc #0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
    record('A');
}

CASE(nonbasethrdena_thread_while_active)
{
    SCB_CCR |= CCR_NONBASETHRDENA;
    thread_ipsr = 0xFFFFFFFF;
    on_exception(EXCEPTION_SVCALL, leave_to_thread);
    on_interrupt(IRQ_A, LOW, visit_thread_mode);
    trigger(IRQ_A);
    observe(thread_ipsr, 0);
    observe(thread_active, BIT_A);
    observe(MRS("ipsr"), 0);
    observe(NVIC_IABR(0), 0);
    observe_events("asA");
}

/* In thread mode such a value is only an address: Execute Never memory (B3.1, B1.5.8). */
CASE(exc_return_in_thread_mode_is_an_address)
{
    expect_fault(EXCEPTION_MEM_MANAGE, ALL_FAULTS);
    FAULTING("bx %[target]", [target] "r"(EXC_RETURN_THREAD_MSP));
    observe(seen.exception, EXCEPTION_MEM_MANAGE);
    observe(seen.cfsr, CFSR_IACCVIOL);
    observe(seen.frame[PC], 0xFFFFFFF8);
}

static void leave_through_pop(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    SCB_HFSR = seen.hfsr;
    SCB_CFSR = seen.cfsr;
    leave_with(EXC_RETURN_THREAD_MSP);
}

/* Without UsageFault enabled the failed check is a hard fault. */
CASE(invpc_escalates)
{
    bad_value = 0xFFFFFFF7;
    stacked_ipsr = 0;
    on_exception(EXCEPTION_SVCALL, leave_badly);
    on_exception(EXCEPTION_HARD_FAULT, leave_through_pop);
    __asm__ volatile("svc #0" ::: "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
    observe(seen.exception, EXCEPTION_HARD_FAULT);
    observe(seen.hfsr, HFSR_FORCED);
    observe(seen.cfsr, CFSR_INVPC);
}

/* EPSR.T comes from the stack: without it the first instruction faults (B1.5.8, B1.4.2). */
static void clear_t(uint32_t *frame, uint32_t exc_return)
{
    (void)exc_return;
    frame[XPSR] &= ~XPSR_T;
}

CASE(return_without_thumb_bit)
{
    on_exception(EXCEPTION_SVCALL, clear_t);
    expect_fault(EXCEPTION_USAGE_FAULT, ALL_FAULTS);
    /* Behind the SVC comes an address that is a multiple of 4: QEMU looks at the alignment of A32 code first. */
    FAULTING(".p2align 2\n\tnop\n\tsvc #0\n\tnop");
    observe(seen.cfsr, CFSR_INVSTATE);
    observe(seen.frame[XPSR] & XPSR_T, 0);
}
