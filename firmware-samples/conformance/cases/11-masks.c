// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* PRIMASK, FAULTMASK, BASEPRI (B1.4.3). */
#include "conformance.h"

CASE(mask_primask)
{
    on_interrupt(IRQ_A, 0, record_a);
    cpu_disable_interrupts();
    trigger(IRQ_A);
    record('-');
    observe(MRS("primask"), 1);
    cpu_enable_interrupts();
    cpu_synchronize();
    observe_events("-a");
}

CASE(mask_primask_has_one_bit)
{
    MSR("primask", 0xFFFFFFFE);
    observe(MRS("primask"), 0);
    MSR("primask", 0xFFFFFFFF);
    observe(MRS("primask"), 1);
}

CASE(mask_faultmask)
{
    on_interrupt(IRQ_A, 0, record_a);
    __asm__ volatile("cpsid f" ::: "memory");
    trigger(IRQ_A);
    record('-');
    observe(MRS("faultmask"), 1);
    __asm__ volatile("cpsie f\n\tisb" ::: "memory");
    observe_events("-a");
}

CASE(mask_basepri_is_exclusive)
{
    on_interrupt(IRQ_A, MIDDLE, record_a);
    on_interrupt(IRQ_B, MIDDLE - 0x10, record_b);
    MSR("basepri", MIDDLE);
    trigger(IRQ_A);
    trigger(IRQ_B);
    record('-');
    MSR("basepri", 0);
    cpu_synchronize();
    observe_events("b-a");
}

CASE(mask_basepri_by_group)
{
    /* Group 6 compares bit 7 only: BASEPRI 0xF0 masks all from 0x80 on. */
    SCB_AIRCR = AIRCR_KEY | 6 << 8;
    on_interrupt(IRQ_A, 0x80, record_a);
    on_interrupt(IRQ_B, 0x70, record_b);
    MSR("basepri", 0xF0);
    NVIC_ISPR(0) = BIT_A | BIT_B;
    cpu_synchronize();
    record('-');
    MSR("basepri", 0);
    cpu_synchronize();
    observe_events("b-a");
}

/* BASEPRI masks nothing once the group field of what it holds is 0 but it is not 0 itself: priority 0 still runs (B1.4.3). */
CASE(mask_basepri_leaves_priority_0)
{
    on_interrupt(IRQ_A, 0, record_a);
    MSR("basepri", 0x10);
    trigger(IRQ_A);
    record('-');
    observe_events("a-");
}

CASE(mask_basepri_max_only_raises)
{
    uint32_t after_lower, after_higher, after_zero;
    MSR("basepri", MIDDLE);
    MSR("basepri_max", LOW);
    after_lower = MRS("basepri");
    MSR("basepri_max", HIGH);
    after_higher = MRS("basepri_max");
    MSR("basepri_max", 0);
    after_zero = MRS("basepri");
    observe(after_lower, MIDDLE);
    observe(after_higher, HIGH);
    observe(after_zero, HIGH);
}

CASE(mask_basepri_max_from_zero)
{
    MSR("basepri_max", LOW);
    observe(MRS("basepri"), LOW);
}

CASE_QEMU(mask_basepri_has_four_bits, "B1.5.4: implementation defined, 4 bits on the STM32MP157 (RM0436, NVIC); QEMU has 8")
{
    MSR("basepri", 0xFF);
    observe(MRS("basepri"), 0xF0);
}

CASE_QEMU(mask_basepri_without_an_implemented_bit, "RM0436, NVIC: the low 4 bits are not there; QEMU masks by them")
{
    on_interrupt(IRQ_A, LOW, record_a);
    MSR("basepri", 0x0F);
    trigger(IRQ_A);
    observe_events("a");
}

CASE_QEMU(mask_basepri_max_without_an_implemented_bit, "RM0436, NVIC: the low 4 bits are not there; QEMU takes them for a higher priority")
{
    MSR("basepri", MIDDLE);
    MSR("basepri_max", 0x0F);
    observe(MRS("basepri"), MIDDLE);
    MSR("basepri", 0x0F);
    MSR("basepri_max", LOW);
    observe(MRS("basepri"), LOW);
}

static void faultmask_inside(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    __asm__ volatile("cpsid f" ::: "memory");
}

/* FAULTMASK is cleared by the return from every exception but NMI (B1.5.8, ExceptionReturn). */
CASE(mask_faultmask_cleared_by_return)
{
    on_interrupt(IRQ_A, LOW, faultmask_inside);
    trigger(IRQ_A);
    observe(MRS("faultmask"), 0);
}

static void primask_inside(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    cpu_disable_interrupts();
    MSR("basepri", LOW);
}

CASE(mask_primask_survives_return)
{
    on_interrupt(IRQ_A, MIDDLE, primask_inside);
    trigger(IRQ_A);
    observe(MRS("primask"), 1);
    observe(MRS("basepri"), LOW);
}

static void try_faultmask(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    __asm__ volatile("cpsid f" ::: "memory");
    seen.count = MRS("faultmask");
    SCB_CFSR = CFSR_UNDEFINSTR;
    SCB_HFSR = HFSR_FORCED;
    frame[PC] = resume_at & ~1u;
}

/* At the priority of HardFault or higher FAULTMASK cannot be set (B5.2.3, MSR). */
CASE_QEMU(mask_faultmask_ignored_in_hard_fault, "B5.2.1, CPS: FAULTMASK is set only when the execution priority is above -1; QEMU sets it")
{
    on_exception(EXCEPTION_HARD_FAULT, try_faultmask);
    FAULTING("udf #0");
    observe(seen.count, 0);
}

static void write_faultmask(uint32_t *frame, uint32_t exc_return)
{
    MSR("faultmask", 1);
    try_faultmask(frame, exc_return);
}

CASE_QEMU(mask_faultmask_not_written_in_hard_fault, "B5.2.3, MSR: FAULTMASK is written only when the execution priority is above -1; QEMU writes it")
{
    on_exception(EXCEPTION_HARD_FAULT, write_faultmask);
    FAULTING("udf #0");
    observe(seen.count, 0);
    __asm__ volatile("cpsid f" ::: "memory");
    observe(MRS("faultmask"), 1);
}

/* PRIMASK raises the priority to 0: a fault of configurable priority escalates (B1.5.14). */
CASE(mask_primask_escalates_faults)
{
    on_exception(EXCEPTION_HARD_FAULT, resume);
    SCB_SHCSR = ALL_FAULTS;
    cpu_disable_interrupts();
    FAULTING("udf #0");
    observe(seen.exception, EXCEPTION_HARD_FAULT);
    observe(seen.hfsr, HFSR_FORCED);
    observe(seen.cfsr, CFSR_UNDEFINSTR);
}

CASE(mask_svc_under_primask_is_hard_fault)
{
    on_exception(EXCEPTION_HARD_FAULT, resume);
    cpu_disable_interrupts();
    FAULTING("svc #0");
    observe(seen.exception, EXCEPTION_HARD_FAULT);
    observe(seen.hfsr, HFSR_FORCED);
    observe(seen.cfsr, 0);
}

CASE(mask_svc_under_basepri_is_hard_fault)
{
    SCB_SHPR(EXCEPTION_SVCALL) = MIDDLE;
    on_exception(EXCEPTION_HARD_FAULT, resume);
    MSR("basepri", MIDDLE);
    FAULTING("svc #0");
    observe(seen.exception, EXCEPTION_HARD_FAULT);
    observe(seen.hfsr, HFSR_FORCED);
}

CASE(mask_cps_both)
{
    __asm__ volatile("cpsid if" ::: "memory");
    observe(MRS("primask") << 1 | MRS("faultmask"), 3);
    __asm__ volatile("cpsie if" ::: "memory");
    observe(MRS("primask") << 1 | MRS("faultmask"), 0);
}
