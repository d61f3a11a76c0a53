// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The floating-point context across exceptions, and access to the unit (B1.4.7, B1.5.7, B3.2.20 to B3.2.23). */
#include "conformance.h"

static void clobber(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    __asm__ volatile("vmov.f32 s0, #2.0\n\tvmov.f32 s15, #2.0\n\tvcmp.f32 s0, #0" ::: "s0", "s15");
    seen.fpscr = 0;
}

static uint32_t s0, s15, fpscr;

/* Puts values into the unit, takes an exception, and looks at them again. */
static void across_an_exception(exception_handler handler)
{
    on_exception(EXCEPTION_SVCALL, handler);
    /* vcmp 1.0, 1.0 leaves Z and C in FPSCR. */
    __asm__ volatile("vmov.f32 s0, #1.0\n\tvmov.f32 s15, #3.0\n\tvcmp.f32 s0, s0\n\tsvc #0\n\tvmov %0, s0\n\tvmov %1, s15\n\tvmrs %2, fpscr"
                     : "=&r"(s0), "=&r"(s15), "=&r"(fpscr)::"s0", "s15", "memory");
}

static void observe_survival(void)
{
    observe(s0, 0x3F800000);
    observe(s15, 0x40400000);
    observe(fpscr, 0x60000000);
}

CASE(fpu_registers_survive)
{
    across_an_exception(clobber);
    observe_survival();
    observe(seen.exc_return, EXC_RETURN_THREAD_MSP_FP);
}

CASE(fpu_registers_survive_eager_stacking)
{
    FPCCR = FPCCR_ASPEN;
    cpu_synchronize();
    across_an_exception(clobber);
    observe_survival();
    observe(seen.exc_return, EXC_RETURN_THREAD_MSP_FP);
    observe(seen.fpccr & FPCCR_LSPACT, 0);
}

CASE(fpu_no_automatic_state)
{
    FPCCR = 0;
    cpu_synchronize();
    across_an_exception(clobber);
    observe(s0, 0x40000000);
    observe(seen.exc_return, EXC_RETURN_THREAD_MSP);
}

static uint32_t stacked[26];

static void keep_extended_frame(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    __asm__ volatile("vmov s0, s0" ::: "s0", "memory");
    for (uint32_t i = 0; i < 26; i++) {
        stacked[i] = frame[i];
    }
}

CASE(fpu_extended_frame)
{
    across_an_exception(keep_extended_frame);
    observe(stacked[S0], 0x3F800000);
    observe(stacked[S0 + 15], 0x40400000);
    observe(stacked[FPSCR_WORD], 0x60000000);
    observe_survival();
}

static uint32_t stack_before;

CASE(fpu_extended_frame_size)
{
    on_exception(EXCEPTION_SVCALL, note);
    __asm__ volatile("vmov s0, s0\n\tmov r4, sp\n\tbic r5, r4, #7\n\tmov sp, r5\n\tsvc #0\n\tmov sp, r4\n\tmov %0, r5"
                     : "=r"(stack_before)::"r4", "r5", "s0", "memory");
    observe(stack_before - seen.frame_address, 0x68);
}

/* Lazily, S0 to S15 and FPSCR are not stacked at entry; FPCAR says where they will be (B1.5.7). */
CASE(fpu_lspact_until_first_use)
{
    across_an_exception(keep_extended_frame);
    observe(seen.fpccr & FPCCR_LSPACT, FPCCR_LSPACT);
    observe(seen.fpcar - seen.frame_address, 0x20);
    observe(FPCCR & FPCCR_LSPACT, 0);
}

static uint32_t fpccr_after_use;

static void look_after_use(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    __asm__ volatile("vmov s0, s0" ::: "s0", "memory");
    fpccr_after_use = FPCCR;
}

CASE(fpu_lspact_cleared_by_use)
{
    across_an_exception(look_after_use);
    observe(fpccr_after_use & FPCCR_LSPACT, 0);
    observe_survival();
}

static void spoil_reserved(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    /* Nothing has been written there yet, and nothing will be read from there: the handler does not use the unit. */
    frame[S0] = 0x12345678;
}

CASE(fpu_lazy_frame_never_read)
{
    across_an_exception(spoil_reserved);
    observe_survival();
    observe(FPCCR & FPCCR_LSPACT, 0);
}

static void change_stacked(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    __asm__ volatile("vmov s0, s0" ::: "s0", "memory");
    frame[S0] = 0x40800000;
}

CASE(fpu_stacked_value_comes_back)
{
    across_an_exception(change_stacked);
    observe(s0, 0x40800000);
}

CASE(fpu_basic_frame_without_use)
{
    on_exception(EXCEPTION_SVCALL, note);
    MSR("control", 0);
    __asm__ volatile("svc #0" ::: "memory");
    observe(seen.exc_return, EXC_RETURN_THREAD_MSP);
    observe(seen.control, 0);
}

CASE(fpu_fpca_follows_use)
{
    MSR("control", 0);
    observe(MRS("control"), 0);
    __asm__ volatile("vmov.f32 s0, #1.0" ::: "s0");
    observe(MRS("control"), CONTROL_FPCA);
    MSR("control", 0);
    observe(MRS("control"), 0);
}

CASE(fpu_fpca_needs_aspen)
{
    FPCCR = FPCCR_LSPEN;
    MSR("control", 0);
    __asm__ volatile("vmov.f32 s0, #1.0" ::: "s0");
    observe(MRS("control"), 0);
}

static uint32_t control_in_handler;

static void look_at_fpca(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    control_in_handler = MRS("control");
}

CASE(fpu_fpca_cleared_on_entry)
{
    on_exception(EXCEPTION_SVCALL, look_at_fpca);
    __asm__ volatile("vmov.f32 s0, #1.0\n\tsvc #0" ::: "s0", "memory");
    observe(control_in_handler, 0);
    observe(MRS("control"), CONTROL_FPCA);
}

static uint32_t handler_fpscr;

static void look_at_fpscr(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    __asm__ volatile("vmrs %0, fpscr" : "=r"(handler_fpscr));
}

/* A new context begins with FPDSCR (B1.5.7, B3.2.23). */
CASE(fpu_fpdscr_in_handler)
{
    FPDSCR = 0x03400000;
    cpu_synchronize();
    across_an_exception(look_at_fpscr);
    observe(handler_fpscr, 0x03400000);
    /* The thread's own context began with it, too. */
    observe(fpscr, 0x63400000);
}

CASE(fpu_fpdscr_after_fpca_cleared)
{
    FPDSCR = 0x01000000;
    __asm__ volatile("vmsr fpscr, %0" ::"r"(0x02000000));
    MSR("control", 0);
    uint32_t value;
    __asm__ volatile("vmrs %0, fpscr" : "=r"(value));
    observe(value, 0x01000000);
}

CASE(fpu_fpdscr_bits)
{
    FPDSCR = 0xFFFFFFFF;
    observe(FPDSCR, 0x07C00000);
}

CASE(fpu_fpccr_reset_and_bits)
{
    observe(FPCCR & 0xC0000001, FPCCR_ASPEN | FPCCR_LSPEN);
    FPCCR = 0;
    observe(FPCCR & 0xC0000001, 0);
}

/* FPCCR keeps what entry found: thread mode, privilege, which faults could have been taken (B3.2.21). */
CASE(fpu_fpccr_state_bits)
{
    SCB_SHCSR = ALL_FAULTS;
    across_an_exception(note);
    /* MONRDY is free of chance only with DebugMonitor off: 0. BFRDY, MMRDY, HFRDY, THREAD, not USER. */
    observe(seen.fpccr & 0x17B, 0x079);
}

CASE(fpu_fpcar_bits)
{
    FPCAR = 0xFFFFFFFF;
    observe(FPCAR, 0xFFFFFFF8);
}

CASE(fpu_cpacr_bits)
{
    SCB_CPACR = 0xFFFFFFFF;
    observe(SCB_CPACR, 0x00F00000);
    SCB_CPACR = 0x00500000;
    observe(SCB_CPACR, 0x00500000);
}

CASE(fpu_off_is_nocp)
{
    expect_fault(EXCEPTION_USAGE_FAULT, ALL_FAULTS);
    SCB_CPACR = 0;
    cpu_synchronize();
    FAULTING("vmov.f32 s0, #1.0");
    observe(seen.cfsr, CFSR_NOCP);
    observe(seen.exception, EXCEPTION_USAGE_FAULT);
}

CASE(fpu_off_load_is_nocp)
{
    expect_fault(EXCEPTION_USAGE_FAULT, ALL_FAULTS);
    SCB_CPACR = 0;
    cpu_synchronize();
    FAULTING("vldr s0, [sp]");
    observe(seen.cfsr, CFSR_NOCP);
}

CASE(fpu_off_not_executed_in_it_block)
{
    expect_fault(EXCEPTION_USAGE_FAULT, ALL_FAULTS);
    SCB_CPACR = 0;
    cpu_synchronize();
    FAULTING("cmp r0, r0\n\tit ne\n\tvmovne s0, s1");
    /* An instruction whose condition fails does nothing, and may not even be checked (A7.3.1): no fault is the rule. */
    observe(seen.count, 0);
}

CASE(fpu_privileged_only)
{
    expect_fault(EXCEPTION_USAGE_FAULT, ALL_FAULTS);
    SCB_CPACR = 0x00500000;
    cpu_synchronize();
    MSR("control", CONTROL_NPRIV);
    FAULTING("vmov.f32 s0, #1.0");
    observe(seen.cfsr, CFSR_NOCP);
    uint32_t value;
    __asm__ volatile("vmov.f32 s0, #1.0\n\tvmov %0, s0" : "=r"(value)::"s0");
    observe(value, 0x3F800000);
}

CASE(fpu_other_coprocessor_is_nocp)
{
    expect_fault(EXCEPTION_USAGE_FAULT, ALL_FAULTS);
    FAULTING(".inst.w 0xEE010F10");
    observe(seen.cfsr, CFSR_NOCP);
}

static void look_at_nesting(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    __asm__ volatile("vmov.f32 s0, #4.0" ::: "s0");
}

static void use_and_nest(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    __asm__ volatile("vmov.f32 s0, #8.0" ::: "s0");
    trigger(IRQ_B);
    uint32_t value;
    __asm__ volatile("vmov %0, s0" : "=r"(value));
    seen.fpscr = value;
}

CASE(fpu_nested_contexts)
{
    SCB_SHPR(EXCEPTION_SVCALL) = LOW;
    on_interrupt(IRQ_B, HIGH, look_at_nesting);
    across_an_exception(use_and_nest);
    observe(seen.fpscr, 0x41000000);
    observe(seen.exc_return, 0xFFFFFFE1);
    observe_survival();
}

CASE(fpu_mvfr)
{
    observe(REGISTER(0xE000EF40), 0x10110021);
    observe(REGISTER(0xE000EF44), 0x11000011);
}
