// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Exception entry and return: what is stacked, what the handler meets, what comes back (B1.5.6 to B1.5.8). */
#include "conformance.h"

/* The SVC number is in the instruction before the stacked return address; the answer goes into the stacked r0. */
static void answer_svc(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    frame[R0] += *(const uint8_t *)(uintptr_t)(frame[PC] - 2);
}

CASE(entry_svc_number_and_answer)
{
    on_exception(EXCEPTION_SVCALL, answer_svc);
    register uint32_t r0 __asm__("r0") = 100;
    __asm__ volatile("svc #42" : "+r"(r0)::"memory");
    observe(r0, 142);
    observe(seen.exception, EXCEPTION_SVCALL);
    observe(MRS("ipsr"), 0);
}

CASE(entry_stacks_registers)
{
    on_exception(EXCEPTION_SVCALL, note);
    uint32_t r12_after, after;
    __asm__ volatile("movs r0, #1\n\tmovs r1, #2\n\tmovs r2, #3\n\tmovs r3, #4\n\tmov.w r12, #5\n\tmov.w lr, #6\n\t"
                     "svc #0\n\t"
                     "1: mov %0, r12\n\tadr %1, 1b"
                     : "=&r"(r12_after), "=&r"(after)::"r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
    for (uint32_t i = R0; i <= LR; i++) {
        observe(seen.frame[i], i + 1);
    }
    observe(seen.frame[PC] & ~3u, after & ~3u);
    observe(seen.frame[XPSR] & 0x010001FF, XPSR_T);
    observe(r12_after, 5);
}

CASE(entry_flags_restored)
{
    on_exception(EXCEPTION_SVCALL, note);
    uint32_t after;
    __asm__ volatile("msr apsr_nzcvqg, %1\n\tsvc #0\n\tmrs %0, apsr" : "=r"(after) : "r"(0xF80F0000) : "cc", "memory");
    observe(after, 0xF80F0000);
    observe(seen.frame[XPSR] & 0xF80F0000, 0xF80F0000);
}

static void clobber_flags(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    MSR("apsr_nzcvqg", 0x500A0000);
}

CASE(entry_ge_flags_restored)
{
    on_exception(EXCEPTION_SVCALL, clobber_flags);
    uint32_t after;
    __asm__ volatile("msr apsr_nzcvqg, %1\n\tsvc #0\n\tmrs %0, apsr" : "=r"(after) : "r"(0xA0050000) : "cc", "memory");
    observe(after, 0xA0050000);
}

CASE(entry_it_block_resumes)
{
    on_exception(EXCEPTION_SVCALL, note);
    uint32_t then_count = 0, else_count = 0;
    __asm__ volatile("cmp %0, %0\n\tittee eq\n\tsvceq #0\n\taddeq %0, %0, #1\n\taddne %1, %1, #1\n\taddne %1, %1, #1"
                     : "+r"(then_count), "+r"(else_count)::"cc", "memory");
    observe(then_count, 1);
    observe(else_count, 0);
}

/* ITSTATE of the instruction that SVC returns to: AL-masked "then else else" of EQ, two left of the mask (B1.4.2). */
CASE(entry_it_state_stacked)
{
    on_exception(EXCEPTION_SVCALL, note);
    __asm__ volatile("cmp r0, r0\n\titte eq\n\tsvceq #0\n\tmoveq r1, r1\n\tmovne r1, r1" ::: "cc", "r1", "memory");
    /* ITTE EQ is 0000'0110; after one instruction 0000'1100. xPSR has IT[7:2] in 15:10 and IT[1:0] in 26:25. */
    observe(seen.frame[XPSR] & XPSR_IT, 0x0C00);
}

static void look_at_it(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    uint32_t executed = 0;
    __asm__ volatile("add %0, #1\n\tadd %0, #2\n\tadd %0, #4" : "+r"(executed));
    seen.count = executed;
}

CASE(entry_it_state_cleared_for_handler)
{
    on_exception(EXCEPTION_SVCALL, look_at_it);
    __asm__ volatile("cmp r0, r0\n\titee eq\n\tsvceq #0\n\tmovne r1, r1\n\tmovne r1, r1" ::: "cc", "r1", "memory");
    observe(seen.count, 7);
}

CASE(entry_it_fault_in_block)
{
    expect_fault(EXCEPTION_USAGE_FAULT, ALL_FAULTS);
    FAULTING("cmp r0, r0\n\titt eq\n\tmoveq r1, r1\n\t.inst.n 0xDE00");
    observe(seen.cfsr, CFSR_UNDEFINSTR);
    /* ITT EQ is 0000'0100, then 0000'1000 for the second. */
    observe(seen.frame[XPSR] & XPSR_IT, 0x0800);
}

CASE(entry_exc_return_msp)
{
    on_interrupt(IRQ_A, LOW, note);
    trigger(IRQ_A);
    observe(seen.exc_return, EXC_RETURN_THREAD_MSP);
    observe(seen.exception, 16 + IRQ_A);
}

static void nest_svc(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    __asm__ volatile("svc #0" ::: "memory");
}

CASE(entry_exc_return_handler)
{
    on_exception(EXCEPTION_SVCALL, note);
    on_interrupt(IRQ_A, LOW, nest_svc);
    trigger(IRQ_A);
    observe(seen.exc_return, EXC_RETURN_HANDLER);
    observe(seen.frame[XPSR] & 0x1FF, 16 + IRQ_A);
}

CASE(entry_exc_return_psp)
{
    on_interrupt(IRQ_A, LOW, note);
    use_process_stack(0);
    trigger(IRQ_A);
    uint32_t control = MRS("control");
    MSR("control", 0);
    observe(seen.exc_return, EXC_RETURN_THREAD_PSP);
    observe(PROCESS_STACK_TOP - seen.frame_address, 32);
    observe(seen.control, 0);
    observe(control, CONTROL_SPSEL);
}

static uint32_t sp_before, sp_after;

#define SVC_AT_SP_MODULO_8(offset)                                                                                         \
    __asm__ volatile("mov r4, sp\n\tbic r5, r4, #7\n\tsub r5, %[less]\n\tmov sp, r5\n\tstr r5, [%[before]]\n\t"            \
                     "svc #0\n\tmov r5, sp\n\tmov sp, r4\n\tstr r5, [%[after]]" ::[less] "i"(offset),                      \
                     [before] "r"(&sp_before), [after] "r"(&sp_after)                                                      \
                     : "r4", "r5", "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory")

CASE(entry_stack_aligned_to_8)
{
    on_exception(EXCEPTION_SVCALL, note);
    SVC_AT_SP_MODULO_8(4);
    observe(sp_before - seen.frame_address, 36);
    observe(seen.frame[XPSR] & XPSR_REALIGNED, XPSR_REALIGNED);
    observe(sp_after - sp_before, 0);
}

CASE(entry_stack_already_aligned)
{
    on_exception(EXCEPTION_SVCALL, note);
    SVC_AT_SP_MODULO_8(8);
    observe(sp_before - seen.frame_address, 32);
    observe(seen.frame[XPSR] & XPSR_REALIGNED, 0);
    observe(sp_after - sp_before, 0);
}

/* Cortex-M4 TRM: STKALIGN may be cleared; the frame is then only 4-aligned. */
CASE(entry_stack_alignment_off)
{
    on_exception(EXCEPTION_SVCALL, note);
    SCB_CCR = 0;
    SVC_AT_SP_MODULO_8(4);
    SCB_CCR = CCR_STKALIGN;
    observe(sp_before - seen.frame_address, 32);
    observe(seen.frame[XPSR] & XPSR_REALIGNED, 0);
    observe(sp_after - sp_before, 0);
}

static uint32_t new_frame[8] __attribute__((aligned(8)));

/* A context switch: the handler moves PSP to another frame, and the return unstacks that. */
static void switch_frame(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    for (uint32_t i = 0; i < 8; i++) {
        new_frame[i] = frame[i];
    }
    new_frame[R0] = 77;
    MSR("psp", new_frame);
}

CASE(entry_return_to_changed_stack)
{
    on_exception(EXCEPTION_SVCALL, switch_frame);
    use_process_stack(0);
    register uint32_t r0 __asm__("r0") = 1;
    __asm__ volatile("svc #0" : "+r"(r0)::"memory");
    uint32_t result = r0, psp = MRS("psp");
    MSR("control", 0);
    observe(result, 77);
    observe(psp - (uint32_t)(uintptr_t)new_frame, 32);
}

/* The return to thread mode may choose the other stack: SPSEL follows EXC_RETURN (B1.5.8). */
static void to_process_stack(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    for (uint32_t i = 0; i < 8; i++) {
        new_frame[i] = frame[i];
    }
    MSR("psp", new_frame);
    leave_with(EXC_RETURN_THREAD_PSP);
}

CASE(entry_return_switches_stack)
{
    on_exception(EXCEPTION_SVCALL, to_process_stack);
    uint32_t control, msp;
    __asm__ volatile("mov r4, sp\n\tsvc #0\n\tmrs %0, control\n\tmrs %1, msp\n\tsubs %1, r4, %1\n\tmovs r5, #0\n\tmsr control, r5\n\tisb\n\tmov sp, r4"
                     : "=&r"(control), "=&r"(msp)::"r0", "r1", "r2", "r3", "r4", "r5", "r12", "lr", "cc", "memory");
    observe(control & 3, CONTROL_SPSEL);
    /* The frame stays on the main stack. */
    observe(msp & ~4u, 32);
}

static void change_xpsr(uint32_t *frame, uint32_t exc_return)
{
    (void)exc_return;
    frame[XPSR] = (frame[XPSR] & ~0xF8000000u) | 0x90000000u;
}

CASE(entry_stacked_flags_can_be_changed)
{
    on_exception(EXCEPTION_SVCALL, change_xpsr);
    uint32_t after;
    __asm__ volatile("movs r0, #0\n\tsvc #0\n\tmrs %0, apsr" : "=r"(after)::"r0", "cc", "memory");
    observe(after & 0xF8000000, 0x90000000);
}

CASE(entry_reads_zero_from_epsr)
{
    observe(MRS("epsr"), 0);
    observe(MRS("iepsr"), 0);
    observe(MRS("xpsr") & 0x0700FDFF, 0);
}
