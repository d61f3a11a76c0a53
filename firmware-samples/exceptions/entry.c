/* Exception entry and return: stacking, EXC_RETURN, stack pointers, privilege, order (DDI 0403 B1.5.6 to B1.5.8). */
#include <stddef.h>

#include "check.h"

#define CONTROL_NPRIV (1u << 0)
#define CONTROL_SPSEL (1u << 1)
#define EXC_RETURN_THREAD_MSP 0xFFFFFFF9u
#define EXC_RETURN_THREAD_PSP 0xFFFFFFFDu
#define EXC_RETURN_HANDLER 0xFFFFFFF1u

static uint32_t seen_exc_return, seen_ipsr, seen_icsr;
static uint32_t seen_frame[8];
static uintptr_t seen_frame_address;

static void note(uint32_t *frame, uint32_t exc_return)
{
    seen_exc_return = exc_return;
    seen_ipsr = ipsr();
    seen_icsr = SCB_ICSR;
    seen_frame_address = (uintptr_t)frame;
    for (size_t i = 0; i < 8; i++) {
        seen_frame[i] = frame[i];
    }
}

/* The SVC number is in the instruction before the stacked return address; the answer goes into the stacked r0. */
static void answer_svc(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    uint8_t number = *(const uint8_t *)(uintptr_t)(frame[FRAME_PC] - 2);
    frame[FRAME_R0] = frame[FRAME_R0] + number;
}

static enum outcome svc(void)
{
    on_exception(EXCEPTION_SVCALL, answer_svc);
    register uint32_t r0 __asm__("r0") = 100;
    __asm__ volatile("svc #42" : "+r"(r0)::"memory");
    return r0 == 142 && seen_ipsr == EXCEPTION_SVCALL && ipsr() == 0;
}

static enum outcome stacked_registers(void)
{
    on_exception(EXCEPTION_SVCALL, note);
    uint32_t r12_after;
    __asm__ volatile("movs r0, #1\n\t"
                     "movs r1, #2\n\t"
                     "movs r2, #3\n\t"
                     "movs r3, #4\n\t"
                     "mov.w r12, #5\n\t"
                     "mov.w lr, #6\n\t"
                     "svc #0\n\t"
                     "mov %0, r12"
                     : "=r"(r12_after)
                     :
                     : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory");
    for (uint32_t i = FRAME_R0; i <= FRAME_LR; i++) {
        if (seen_frame[i] != i + 1) {
            return FAIL;
        }
    }
    return r12_after == 5 && (seen_frame[FRAME_XPSR] & (1u << 24)) != 0;
}

static enum outcome flags_restored(void)
{
    on_exception(EXCEPTION_SVCALL, note);
    uint32_t before, after;
    __asm__ volatile("mov.w r0, #0xF0000000\n\t"
                     "msr apsr_nzcvq, r0\n\t"
                     "mrs %0, apsr\n\t"
                     "svc #0\n\t"
                     "mrs %1, apsr"
                     : "=&r"(before), "=r"(after)
                     :
                     : "r0", "cc", "memory");
    return (before >> 28) == 0xF && (before & 0xF8000000u) == (after & 0xF8000000u);
}

static void clobber_ge(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    __asm__ volatile("uadd8 r0, %0, %0" ::"r"(0) : "r0");
}

static enum outcome ge_restored(void)
{
    on_exception(EXCEPTION_SVCALL, clobber_ge);
    uint32_t picked;
    /* Carries out of bytes 0 and 2 only: SEL takes these from the first operand. */
    __asm__ volatile("uadd8 r2, %1, %1\n\t"
                     "svc #0\n\t"
                     "sel %0, %2, %3"
                     : "=r"(picked)
                     : "r"(0x00FF00FFu), "r"(0x11111111u), "r"(0x22222222u)
                     : "r2", "memory");
    return picked == 0x22112211u;
}

static enum outcome it_block_resumes(void)
{
    on_exception(EXCEPTION_SVCALL, note);
    uint32_t then_count = 0, else_count = 0;
    __asm__ volatile("cmp %0, %0\n\t"
                     "ittee eq\n\t"
                     "svceq #0\n\t"
                     "addeq %0, %0, #1\n\t"
                     "addne %1, %1, #1\n\t"
                     "addne %1, %1, #1"
                     : "+r"(then_count), "+r"(else_count)
                     :
                     : "cc", "memory");
    return then_count == 1 && else_count == 0;
}

static enum outcome exc_return_msp(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, note);
    trigger(IRQ_A);
    return seen_exc_return == EXC_RETURN_THREAD_MSP && seen_ipsr == EXCEPTION_IRQ0 + IRQ_A;
}

static void nest_svc(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    __asm__ volatile("svc #0" ::: "memory");
}

static enum outcome exc_return_handler(void)
{
    SCB_SHPR(EXCEPTION_SVCALL) = 0;
    on_exception(EXCEPTION_SVCALL, note);
    on_interrupt(IRQ_A, PRIORITY_LOW, nest_svc);
    trigger(IRQ_A);
    return seen_exc_return == EXC_RETURN_HANDLER;
}

static uint32_t process_stack[64] __attribute__((aligned(8)));

static void use_process_stack(uint32_t more_control)
{
    __asm__ volatile("msr psp, %0" ::"r"(process_stack + 64));
    set_control(CONTROL_SPSEL | more_control);
}

/* Back to privileged thread mode on the main stack: only a handler may drop nPRIV. */
static void leave_process(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    __asm__ volatile("msr control, %0\n\tisb" ::"r"(control() & ~CONTROL_NPRIV) : "memory");
}

static enum outcome process_stack_used(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, note);
    use_process_stack(0);
    trigger(IRQ_A);
    set_control(0);
    return seen_exc_return == EXC_RETURN_THREAD_PSP && seen_frame_address == (uintptr_t)(process_stack + 64) - 32;
}

static enum outcome unprivileged(void)
{
    on_exception(EXCEPTION_SVCALL, leave_process);
    uint32_t primask, control_inside;
    use_process_stack(CONTROL_NPRIV);
    /* Both are ignored without privilege: neither may mask interrupts or give the privilege back. */
    __asm__ volatile("cpsid i\n\t"
                     "msr control, %2\n\tisb\n\t"
                     "mrs %0, control\n\t"
                     "svc #0\n\t"
                     "mrs %1, primask"
                     : "=&r"(control_inside), "=r"(primask)
                     : "r"(0)
                     : "memory");
    uint32_t control_after = control();
    set_control(0);
    return (control_inside & 3) == 3 && primask == 0 && (control_after & 3) == 2;
}

static enum outcome stack_aligned(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, note);
    uint32_t sp_before, sp_after;
    /* CCR.STKALIGN is set out of reset: the frame is 8-aligned, and xPSR bit 9 says that it was moved. */
    __asm__ volatile("mov r4, sp\n\t"
                     "bic r5, r4, #7\n\t"
                     "subs r5, #4\n\t"
                     "mov sp, r5\n\t"
                     "mov %0, sp\n\t"
                     "str %2, [%3]\n\t"
                     "dsb\n\tisb\n\t"
                     "mov %1, sp\n\t"
                     "mov sp, r4"
                     : "=&r"(sp_before), "=&r"(sp_after)
                     : "r"(1u << IRQ_A), "r"(0xE000E200u)
                     : "r4", "r5", "cc", "memory");
    return (seen_frame_address & 7) == 0 && (seen_frame[FRAME_XPSR] & (1u << 9)) != 0 && sp_before == sp_after;
}

static enum outcome icsr_in_handler(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, note);
    trigger(IRQ_A);
    bool active = (seen_icsr & 0x1FF) == EXCEPTION_IRQ0 + IRQ_A;
    bool return_to_base = (seen_icsr & (1u << 11)) != 0;
    return active && return_to_base && (SCB_ICSR & 0x1FF) == 0;
}

static enum outcome exclusive_cleared(void)
{
    on_exception(EXCEPTION_SVCALL, note);
    uint32_t word = 1, value, failed;
    __asm__ volatile("ldrex %0, [%2]\n\t"
                     "svc #0\n\t"
                     "strex %1, %0, [%2]"
                     : "=&r"(value), "=&r"(failed)
                     : "r"(&word)
                     : "memory");
    return failed == 1 && word == 1;
}

const struct check entry_checks[] = {
    { "svc", svc },
    { "stacked-registers", stacked_registers },
    { "flags-restored", flags_restored },
    { "ge-restored", ge_restored },
    { "it-block-resumes", it_block_resumes },
    { "exc-return-msp", exc_return_msp },
    { "exc-return-handler", exc_return_handler },
    { "process-stack", process_stack_used },
    { "unprivileged", unprivileged },
    { "stack-aligned", stack_aligned },
    { "icsr-in-handler", icsr_in_handler },
    { "exclusive-cleared", exclusive_cleared },
    { NULL, NULL },
};
