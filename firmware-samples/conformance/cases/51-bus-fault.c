// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* BusFault and what becomes of it: precise, fetch, stacking, unstacking, vector reads; CCR.BFHFNMIGN (B1.5.14, B3.2.15 to B3.2.18). */
#include "conformance.h"

static void expect_bus_fault(void) { expect_fault(EXCEPTION_BUS_FAULT, ALL_FAULTS); }

CASE(bus_read)
{
    expect_bus_fault();
    FAULTING("ldr r0, [%[hole]]", [hole] "r"(HOLE + 0x124));
    observe(seen.exception, EXCEPTION_BUS_FAULT);
    observe(seen.cfsr, CFSR_PRECISERR | CFSR_BFARVALID);
    observe(seen.bfar, HOLE + 0x124);
    observe(seen.shcsr, ALL_FAULTS | SHCSR_BUSFAULTACT);
}

CASE(bus_read_device_memory)
{
    expect_bus_fault();
    FAULTING("ldrb r0, [%[hole], #3]", [hole] "r"(DEVICE_HOLE));
    observe(seen.cfsr, CFSR_PRECISERR | CFSR_BFARVALID);
    observe(seen.bfar, DEVICE_HOLE + 3);
}

CASE(bus_read_escalates)
{
    expect_fault(EXCEPTION_HARD_FAULT, 0);
    FAULTING("ldr r0, [%[hole]]", [hole] "r"(HOLE));
    observe(seen.exception, EXCEPTION_HARD_FAULT);
    observe(seen.hfsr, HFSR_FORCED);
    observe(seen.cfsr, CFSR_PRECISERR | CFSR_BFARVALID);
    observe(seen.bfar, HOLE);
}

CASE(bus_fetch)
{
    expect_bus_fault();
    FAULTING("bx %[hole]", [hole] "r"(HOLE + 0x201));
    observe(seen.exception, EXCEPTION_BUS_FAULT);
    observe(seen.cfsr, CFSR_IBUSERR);
    observe(seen.frame[PC], HOLE + 0x200);
}

CASE(bus_stacks_the_loading_instruction)
{
    expect_bus_fault();
    uint32_t before = 0;
    FAULTING("adr r1, 1f\n\tstr r1, [%[here]]\n\tmovs r3, #9\n\t.p2align 2\n\t1: ldr r3, [%[hole]]", [hole] "r"(HOLE), [here] "r"(&before));
    observe(seen.frame[PC] - (before & ~1u), 0);
    observe(seen.frame[R3], 9);
}

/* The store is precise in this model; on a chip it may be buffered: then IMPRECISERR. Either is a bus fault (B1.5.14). */
CASE(bus_write)
{
    expect_bus_fault();
    FAULTING("str r0, [%[hole]]\n\tdsb", [hole] "r"(HOLE));
    observe(seen.exception, EXCEPTION_BUS_FAULT);
    observe((seen.cfsr & (CFSR_PRECISERR | 1u << 10)) != 0, 1);
}

/* A handler may not touch `frame`: it is in the hole. */
static void observe_stacking(uint32_t *frame, uint32_t exc_return)
{
    (void)frame;
    observe(SCB_CFSR & 0xFF00 & ~CFSR_BFARVALID, CFSR_STKERR);
    observe(MRS("ipsr"), EXCEPTION_BUS_FAULT);
    observe(exc_return, EXC_RETURN_THREAD_PSP);
    /* The SVC is still pending. */
    observe(SCB_SHCSR & SHCSR_SVCALLPENDED, SHCSR_SVCALLPENDED);
    end_case();
}

CASE(bus_stacking)
{
    on_exception(EXCEPTION_SVCALL, record_a);
    on_exception(EXCEPTION_BUS_FAULT, observe_stacking);
    SCB_SHCSR = ALL_FAULTS;
    SCB_SHPR(EXCEPTION_SVCALL) = LOW;
    /* Entry cannot stack to the process stack, so the bus fault comes first, then the SVC; both return to the frame in the hole,
     * which fails again, so the case is left from the first handler. */
    MSR("psp", HOLE + 0x100);
    MSR("control", CONTROL_SPSEL);
    __asm__ volatile("svc #0" ::: "memory");
}

static void return_into_the_hole(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    MSR("psp", HOLE);
    leave_with(EXC_RETURN_THREAD_PSP);
}

static void observe_unstacking(uint32_t *frame, uint32_t exc_return)
{
    (void)frame;
    observe(SCB_CFSR & 0xFF00 & ~CFSR_BFARVALID, CFSR_UNSTKERR);
    observe(exc_return, EXC_RETURN_THREAD_PSP);
    observe(SCB_SHCSR & (SHCSR_SVCALLACT | SHCSR_BUSFAULTACT), SHCSR_BUSFAULTACT);
    end_case();
}

CASE(bus_unstacking)
{
    on_exception(EXCEPTION_SVCALL, return_into_the_hole);
    on_exception(EXCEPTION_BUS_FAULT, observe_unstacking);
    SCB_SHCSR = ALL_FAULTS;
    __asm__ volatile("svc #0" ::: "memory");
}

/* CCR.BFHFNMIGN: data bus faults at priority -1 and -2 are ignored, though recorded (B3.2.8). */
static void ignore_bus_faults(uint32_t *frame, uint32_t exc_return)
{
    resume(frame, exc_return);
    SCB_CCR |= CCR_BFHFNMIGN;
    cpu_synchronize();
    uint32_t value;
    __asm__ volatile("ldr %0, [%1]\n\tdsb" : "=r"(value) : "r"(HOLE + 8) : "memory");
    observe(SCB_CFSR, CFSR_PRECISERR | CFSR_BFARVALID);
    observe(SCB_BFAR, HOLE + 8);
    SCB_CFSR = 0xFFFFFFFF;
}

CASE_QEMU(bus_fault_in_hard_fault_ignored,
    "B3.2.8: at priority -1 and -2 data bus faults are only recorded; QEMU stores BFHFNMIGN and locks up")
{
    on_exception(EXCEPTION_HARD_FAULT, ignore_bus_faults);
    FAULTING("udf #0");
    observe(seen.count, 1);
}

CASE_QEMU(bus_fault_under_faultmask_ignored,
    "B3.2.8: at priority -1 and -2 data bus faults are only recorded; QEMU stores BFHFNMIGN and locks up")
{
    SCB_CCR |= CCR_BFHFNMIGN;
    __asm__ volatile("cpsid f" ::: "memory");
    uint32_t value;
    __asm__ volatile("ldr %0, [%1]\n\tdsb" : "=r"(value) : "r"(HOLE + 16) : "memory");
    __asm__ volatile("cpsie f" ::: "memory");
    observe(SCB_CFSR, CFSR_PRECISERR | CFSR_BFARVALID);
    observe(SCB_HFSR, 0);
}

CASE(bus_bfar_holds_after_clearing)
{
    expect_bus_fault();
    FAULTING("ldr r0, [%[hole]]", [hole] "r"(HOLE + 0x40));
    observe(SCB_CFSR, 0);
    SCB_BFAR = 0x1234;
    observe(SCB_BFAR, 0x1234);
}

CASE(bus_load_multiple_keeps_base)
{
    expect_bus_fault();
    FAULTING("mov r3, %[hole]\n\tldmia r3!, {r0, r1}", [hole] "r"(HOLE + 0x80));
    observe(seen.frame[R3], HOLE + 0x80);
    observe(seen.bfar, HOLE + 0x80);
}

static void svc_bus_fault(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('s');
    FAULTING("ldr r0, [%[hole]]", [hole] "r"(HOLE));
    record('S');
}

static void resume_and_record(uint32_t *frame, uint32_t exc_return)
{
    resume(frame, exc_return);
    record('f');
}

/* A fault whose priority is not higher than the running handler's escalates (B1.5.14). */
CASE(escalation_by_priority)
{
    SCB_SHPR(EXCEPTION_SVCALL) = MIDDLE;
    SCB_SHPR(EXCEPTION_BUS_FAULT) = MIDDLE;
    on_exception(EXCEPTION_SVCALL, svc_bus_fault);
    on_exception(EXCEPTION_HARD_FAULT, resume_and_record);
    SCB_SHCSR = ALL_FAULTS;
    __asm__ volatile("svc #0" ::: "memory");
    observe(seen.exception, EXCEPTION_HARD_FAULT);
    observe(seen.hfsr, HFSR_FORCED);
    observe(seen.exc_return, EXC_RETURN_HANDLER);
    observe_events("sfS");
}

CASE(escalation_not_with_higher_priority)
{
    SCB_SHPR(EXCEPTION_SVCALL) = MIDDLE;
    SCB_SHPR(EXCEPTION_BUS_FAULT) = HIGH;
    on_exception(EXCEPTION_SVCALL, svc_bus_fault);
    on_exception(EXCEPTION_BUS_FAULT, resume_and_record);
    SCB_SHCSR = ALL_FAULTS;
    __asm__ volatile("svc #0" ::: "memory");
    observe(seen.exception, EXCEPTION_BUS_FAULT);
    observe(seen.hfsr, 0);
    observe_events("sfS");
}

static void svc_from_svc(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    record('s');
    FAULTING("svc #1");
    record('S');
}

CASE(escalation_svc_in_svc)
{
    on_exception(EXCEPTION_SVCALL, svc_from_svc);
    on_exception(EXCEPTION_HARD_FAULT, resume_and_record);
    __asm__ volatile("svc #0" ::: "memory");
    observe(seen.hfsr, HFSR_FORCED);
    observe_events("sfS");
}

static void fault_in_fault(uint32_t *frame, uint32_t exc_return)
{
    uint32_t at = resume_at;
    record('u');
    FAULTING("udf #1");
    record('U');
    resume_at = at;
    resume(frame, exc_return);
}

CASE(escalation_usage_fault_in_usage_fault)
{
    on_exception(EXCEPTION_USAGE_FAULT, fault_in_fault);
    on_exception(EXCEPTION_HARD_FAULT, resume_and_record);
    SCB_SHCSR = ALL_FAULTS;
    FAULTING("udf #0");
    observe_events("ufU");
}

/* HFSR.DEBUGEVT: a BKPT without a debugger (C1.4). */
CASE_QEMU(hard_fault_from_bkpt, "C1.4, B3.2.16: HFSR.DEBUGEVT, DFSR.BKPT; QEMU takes BKPT for a debug event of its own: prefetch abort")
{
    expect_fault(EXCEPTION_HARD_FAULT, 0);
    FAULTING("bkpt #1");
    observe(seen.exception, EXCEPTION_HARD_FAULT);
    observe(seen.hfsr, HFSR_DEBUGEVT);
    observe(SCB_DFSR & 2, 2);
}

CASE(hfsr_is_write_one_to_clear)
{
    SCB_HFSR = 0xFFFFFFFF;
    observe(SCB_HFSR, 0);
    SCB_HFSR = 0;
    observe(SCB_HFSR, 0);
}
