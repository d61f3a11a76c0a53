// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Stacks, CONTROL, and code without privilege (B1.4, B5.2). */
#include "conformance.h"

CASE(stack_both_pointers_word_aligned)
{
    MSR("psp", 0x20001003);
    observe(MRS("psp"), 0x20001000);
}

/* The pointer in use, too. */
CASE(stack_in_use_word_aligned)
{
    uint32_t before, after;
    __asm__ volatile("mov %0, sp\n\tadds r2, %0, #3\n\tmsr msp, r2\n\tmov %1, sp" : "=&r"(before), "=&r"(after)::"r2", "cc", "memory");
    observe(after - before, 0);
}

CASE(stack_spsel_selects_r13)
{
    uint32_t sp, psp;
    use_process_stack(0);
    __asm__ volatile("mov %0, sp\n\tmrs %1, psp" : "=r"(sp), "=r"(psp));
    MSR("control", 0);
    observe(sp - psp, 0);
    observe(MRS("control"), 0);
}

static uint32_t control_in_handler;

static void set_spsel(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    MSR("control", CONTROL_SPSEL);
    control_in_handler = MRS("control");
}

/* SPSEL cannot be set in handler mode (B1.4.4). */
CASE(stack_spsel_ignored_in_handler)
{
    on_exception(EXCEPTION_SVCALL, set_spsel);
    __asm__ volatile("svc #0" ::: "memory");
    observe(control_in_handler, 0);
    observe(MRS("control"), 0);
}

static uint32_t handler_msp, handler_sp;

static void look_at_stacks(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    handler_msp = MRS("msp");
    __asm__ volatile("mov %0, sp" : "=r"(handler_sp));
}

CASE(stack_handlers_use_main)
{
    on_exception(EXCEPTION_SVCALL, look_at_stacks);
    use_process_stack(0);
    __asm__ volatile("svc #0" ::: "memory");
    MSR("control", 0);
    observe(handler_msp - handler_sp, 0);
    observe(seen.frame_address, PROCESS_STACK_TOP - 32);
}

/* Back to privilege on the main stack: only a handler may. */
static void become_privileged(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    MSR("control", MRS("control") & ~CONTROL_NPRIV);
}

CASE(unprivileged_control_and_masks)
{
    on_exception(EXCEPTION_SVCALL, become_privileged);
    uint32_t primask, basepri, control;
    use_process_stack(CONTROL_NPRIV);
    __asm__ volatile("cpsid i\n\tmsr control, %3\n\tisb\n\tmsr basepri, %4\n\tmrs %0, control\n\tsvc #0\n\tmrs %1, primask\n\tmrs %2, basepri"
                     : "=&r"(control), "=&r"(primask), "=&r"(basepri)
                     : "r"(0), "r"(0x40)
                     : "memory");
    uint32_t after = MRS("control");
    MSR("control", 0);
    observe(control & 3, 3);
    observe(primask, 0);
    observe(basepri, 0);
    observe(seen.control & 3, CONTROL_NPRIV);
    observe(after & 3, CONTROL_SPSEL);
}

/* Without privilege the stack pointers and masks read zero, IPSR and EPSR too; APSR and CONTROL are read (B5.2.2). */
CASE(unprivileged_reads)
{
    on_exception(EXCEPTION_SVCALL, become_privileged);
    MSR("basepri", 0x80);
    SCB_SHPR(EXCEPTION_SVCALL) = 0x40;
    MSR("control", CONTROL_NPRIV);
    uint32_t msp = MRS("msp"), psp = MRS("psp"), basepri = MRS("basepri"), primask = MRS("primask");
    uint32_t apsr;
    __asm__ volatile("msr apsr_nzcvq, %1\n\tmrs %0, apsr" : "=r"(apsr) : "r"(0x90000000) : "cc");
    __asm__ volatile("svc #0" ::: "memory");
    observe(msp, 0);
    observe(psp, 0);
    observe(basepri, 0);
    observe(primask, 0);
    observe(apsr & 0xF8000000, 0x90000000);
}

CASE(unprivileged_stack_writes_ignored)
{
    on_exception(EXCEPTION_SVCALL, become_privileged);
    MSR("psp", 0x20001000);
    MSR("control", CONTROL_NPRIV);
    MSR("psp", 0x20002000);
    __asm__ volatile("svc #0" ::: "memory");
    observe(MRS("psp"), 0x20001000);
}

CASE(unprivileged_handler_is_privileged)
{
    on_exception(EXCEPTION_SVCALL, become_privileged);
    MSR("control", CONTROL_NPRIV);
    __asm__ volatile("svc #0" ::: "memory");
    observe(seen.control, CONTROL_NPRIV);
    /* It read ICSR, which lies in the private peripheral bus. */
    observe(seen.icsr & 0x1FF, EXCEPTION_SVCALL);
}

/* Unprivileged accesses to the system control space are bus faults (B3.1.1). */
CASE_NEEDS(unprivileged_ppb_read, PERMISSIONS)
{
    expect_fault(EXCEPTION_BUS_FAULT, ALL_FAULTS);
    MSR("control", CONTROL_NPRIV);
    FAULTING("ldr r0, [%[scb]]", [scb] "r"(0xE000ED00));
    observe(seen.exception, EXCEPTION_BUS_FAULT);
    observe(seen.cfsr, CFSR_PRECISERR | CFSR_BFARVALID);
    observe(seen.bfar, 0xE000ED00);
}

CASE_NEEDS(unprivileged_ppb_write, PERMISSIONS)
{
    expect_fault(EXCEPTION_BUS_FAULT, ALL_FAULTS);
    MSR("control", CONTROL_NPRIV);
    FAULTING("str %[bit], [%[ispr]]\n\tdsb", [bit] "r"(BIT_A), [ispr] "r"(0xE000E200));
    observe(seen.exception, EXCEPTION_BUS_FAULT);
    observe(NVIC_ISPR(0), 0);
}

CASE_NEEDS(unprivileged_ppb_systick, PERMISSIONS)
{
    expect_fault(EXCEPTION_HARD_FAULT, 0);
    MSR("control", CONTROL_NPRIV);
    FAULTING("ldr r0, [%[csr]]", [csr] "r"(0xE000E010));
    observe(seen.exception, EXCEPTION_HARD_FAULT);
    observe(seen.hfsr, HFSR_FORCED);
}

/* LDRT and STRT are unprivileged accesses of privileged code (A7.7.67). */
CASE_NEEDS(privileged_ldrt_is_unprivileged, PERMISSIONS)
{
    expect_fault(EXCEPTION_BUS_FAULT, ALL_FAULTS);
    FAULTING("ldrt r0, [%[scb]]", [scb] "r"(0xE000ED00));
    observe(seen.exception, EXCEPTION_BUS_FAULT);
    observe(seen.cfsr & CFSR_PRECISERR, CFSR_PRECISERR);
}

CASE(unprivileged_interrupts_are_taken)
{
    on_exception(EXCEPTION_SVCALL, become_privileged);
    on_exception(EXCEPTION_PENDSV, note);
    MSR("control", CONTROL_NPRIV);
    __asm__ volatile("svc #0" ::: "memory");
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_synchronize();
    observe(seen.exception, EXCEPTION_PENDSV);
    observe(seen.count, 2);
}

CASE(unprivileged_returns_unprivileged)
{
    on_interrupt(IRQ_A, LOW, note);
    on_exception(EXCEPTION_SVCALL, become_privileged);
    cpu_disable_interrupts();
    NVIC_ISPR(0) = BIT_A;
    cpu_enable_interrupts();
    MSR("control", CONTROL_NPRIV);
    uint32_t control = MRS("control");
    __asm__ volatile("svc #0" ::: "memory");
    observe(control & 1, 1);
    observe(seen.count, 2);
}
