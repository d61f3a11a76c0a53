// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* UsageFault: its kinds, and the frame that it leaves (B1.5.14, B3.2.15). */
#include "conformance.h"

static uint32_t words[8] __attribute__((aligned(16)));
#define ODD_BY(n) ((uintptr_t)words + (n))

static void expect_usage_fault(void) { expect_fault(EXCEPTION_USAGE_FAULT, ALL_FAULTS); }

static void observe_usage_fault(uint32_t cfsr)
{
    observe(seen.exception, EXCEPTION_USAGE_FAULT);
    observe(seen.cfsr, cfsr);
    observe(seen.hfsr, 0);
    observe(SCB_CFSR, 0);
}

CASE(usage_undefined_16)
{
    expect_usage_fault();
    FAULTING("udf #0");
    observe_usage_fault(CFSR_UNDEFINSTR);
}

CASE(usage_undefined_32)
{
    expect_usage_fault();
    FAULTING("udf.w #0");
    observe_usage_fault(CFSR_UNDEFINSTR);
}

static uint32_t fault_at;

CASE(usage_stacks_the_faulting_instruction)
{
    expect_usage_fault();
    FAULTING("movs r1, #7\n\tadr r0, 1f\n\tstr r0, [%[here]]\n\t.p2align 2\n\t1: udf #0\n\tmovs r1, #8", [here] "r"(&fault_at));
    observe(seen.frame[PC] - (fault_at & ~1u), 0);
    observe(seen.frame[R1], 7);
    observe(seen.frame[XPSR] & 0x010001FF, XPSR_T);
}

CASE_NEEDS(usage_divide_by_zero, OPERANDS)
{
    expect_usage_fault();
    SCB_CCR |= SCB_CCR_DIV_0_TRP;
    cpu_synchronize();
    FAULTING("udiv r0, %[one], %[zero]", [one] "r"(1), [zero] "r"(0));
    observe_usage_fault(CFSR_DIVBYZERO);
}

CASE_NEEDS(usage_signed_divide_by_zero, OPERANDS)
{
    expect_usage_fault();
    SCB_CCR |= SCB_CCR_DIV_0_TRP;
    cpu_synchronize();
    FAULTING("sdiv r0, %[one], %[zero]", [one] "r"(-1), [zero] "r"(0));
    observe_usage_fault(CFSR_DIVBYZERO);
}

CASE(usage_divide_trap_passes_others)
{
    expect_usage_fault();
    SCB_CCR |= SCB_CCR_DIV_0_TRP;
    cpu_synchronize();
    uint32_t quotient;
    __asm__ volatile("udiv %0, %1, %2" : "=r"(quotient) : "r"(42), "r"(6));
    observe(quotient, 7);
    observe(seen.count, 0);
}

#define UNALIGNED_CASE(id, trap, instruction, offset) UNALIGNED_CASE_QEMU(id, NULL, trap, instruction, offset)
#define UNALIGNED_CASE_QEMU(id, why, trap, instruction, offset)                                                            \
    CASE_BOTH(id, why, OPERANDS)                                                                                           \
    {                                                                                                                      \
        expect_usage_fault();                                                                                              \
        SCB_CCR |= (trap);                                                                                                 \
        cpu_synchronize();                                                                                                 \
        FAULTING(instruction, [address] "r"(ODD_BY(offset)));                                                              \
        SCB_CCR = CCR_STKALIGN;                                                                                            \
        observe_usage_fault(CFSR_UNALIGNED);                                                                               \
    }

/* These fault whatever CCR says (A3.2.1). */
UNALIGNED_CASE(unaligned_ldm, 0, "ldmia %[address], {r0, r1}", 2)
UNALIGNED_CASE(unaligned_stm, 0, "stmia %[address], {r0, r1}", 1)
UNALIGNED_CASE(unaligned_ldmdb, 0, "ldmdb %[address], {r0, r1}", 18)
UNALIGNED_CASE(unaligned_ldrd, 0, "ldrd r0, r1, [%[address]]", 2)
UNALIGNED_CASE(unaligned_strd, 0, "strd r0, r1, [%[address], #4]", 2)
UNALIGNED_CASE(unaligned_ldrex, 0, "ldrex r0, [%[address]]", 2)
UNALIGNED_CASE(unaligned_ldrexh, 0, "ldrexh r0, [%[address]]", 1)
UNALIGNED_CASE_QEMU(unaligned_strex, "A3.4.1, ExclusiveMonitorsPass: checks the alignment first; QEMU only if the monitor is set", 0, "strex r0, r1, [%[address]]", 1)
UNALIGNED_CASE(unaligned_vldr, 0, "vldr s0, [%[address]]", 2)
UNALIGNED_CASE(unaligned_vstr, 0, "vstr s0, [%[address]]", 1)
UNALIGNED_CASE(unaligned_vldm, 0, "vldmia %[address], {s0-s1}", 2)
UNALIGNED_CASE(unaligned_vstm, 0, "vstmia %[address], {s0-s3}", 3)

/* These under UNALIGN_TRP only (B3.2.8). */
UNALIGNED_CASE(unaligned_trap_ldr, SCB_CCR_UNALIGN_TRP, "ldr r0, [%[address]]", 1)
UNALIGNED_CASE(unaligned_trap_ldr_offset, SCB_CCR_UNALIGN_TRP, "ldr r0, [%[address], #3]", 4)
UNALIGNED_CASE(unaligned_trap_ldrh, SCB_CCR_UNALIGN_TRP, "ldrh r0, [%[address]]", 1)
UNALIGNED_CASE(unaligned_trap_ldrsh, SCB_CCR_UNALIGN_TRP, "ldrsh r0, [%[address]]", 3)
UNALIGNED_CASE(unaligned_trap_str, SCB_CCR_UNALIGN_TRP, "str r0, [%[address]]", 2)
UNALIGNED_CASE(unaligned_trap_strh, SCB_CCR_UNALIGN_TRP, "strh r0, [%[address]]", 1)
UNALIGNED_CASE(unaligned_trap_register_offset, SCB_CCR_UNALIGN_TRP, "movs r1, #1\n\tldr r0, [%[address], r1, lsl #1]", 0)

CASE(unaligned_trap_passes_aligned)
{
    expect_usage_fault();
    SCB_CCR |= SCB_CCR_UNALIGN_TRP;
    cpu_synchronize();
    uint32_t value;
    words[1] = 0x80FF0000;
    __asm__ volatile("ldrsh %0, [%1, #6]\n\tldrb r0, [%1, #1]\n\tstrb r0, [%1, #3]" : "=&r"(value) : "r"(words) : "r0", "memory");
    observe(value, 0xFFFF80FF);
    observe(seen.count, 0);
}

CASE_NEEDS(unaligned_trap_stops_before_the_store, OPERANDS)
{
    expect_usage_fault();
    words[0] = words[1] = 0;
    SCB_CCR |= SCB_CCR_UNALIGN_TRP;
    cpu_synchronize();
    FAULTING("str %[value], [%[address]]", [value] "r"(0xFFFFFFFF), [address] "r"(ODD_BY(2)));
    SCB_CCR = CCR_STKALIGN;
    observe(words[0], 0);
    observe(words[1], 0);
    observe(seen.cfsr, CFSR_UNALIGNED);
}

/* The base is as it was: a handler may emulate the access. */
CASE_NEEDS(unaligned_keeps_the_base, OPERANDS)
{
    expect_usage_fault();
    FAULTING("mov r1, %[address]\n\tldrd r2, r3, [r1], #8", [address] "r"(ODD_BY(2)));
    observe(seen.frame[R1] - (uint32_t)(uintptr_t)words, 2);
    observe(seen.cfsr, CFSR_UNALIGNED);
}

CASE(usage_invalid_state_blx)
{
    expect_usage_fault();
    FAULTING("blx %[even]", [even] "r"(0x100));
    observe_usage_fault(CFSR_INVSTATE);
    observe(seen.frame[PC], 0x100);
    observe(seen.frame[XPSR] & XPSR_T, 0);
}

CASE(usage_invalid_state_pop)
{
    expect_usage_fault();
    FAULTING("mov r0, #0x100\n\tpush {r0}\n\tpop {pc}");
    observe_usage_fault(CFSR_INVSTATE);
    observe(seen.frame[PC], 0x100);
}

static uintptr_t spoilt_vectors[48] __attribute__((aligned(256)));

static void spoil_vector(uint32_t exception, uintptr_t handler)
{
    const uintptr_t *now = (const uintptr_t *)(uintptr_t)SCB_VTOR;
    for (uint32_t i = 0; i < 48; i++) {
        spoilt_vectors[i] = now[i];
    }
    spoilt_vectors[exception] = handler;
    SCB_VTOR = (uint32_t)(uintptr_t)spoilt_vectors;
    cpu_synchronize();
}

static void leave_even_handler(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    SCB_CFSR = seen.cfsr;
    /* The frame is of the spoilt handler, at its first instruction: let it return. */
    frame[XPSR] |= XPSR_T;
}

__attribute__((naked, aligned(4))) static void just_return(void) { __asm__("bx lr\n\tnop"); }

/* A vector without bit 0 gives an exception with T clear: INVSTATE at its first instruction (B1.5.3, B1.5.6). */
CASE(usage_vector_without_thumb_bit)
{
    SCB_SHPR(EXCEPTION_PENDSV) = LOW;
    on_exception(EXCEPTION_USAGE_FAULT, leave_even_handler);
    SCB_SHCSR = ALL_FAULTS;
    spoil_vector(EXCEPTION_PENDSV, (uintptr_t)just_return & ~(uintptr_t)1);
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_synchronize();
    observe(seen.cfsr, CFSR_INVSTATE);
    observe(seen.exc_return, EXC_RETURN_HANDLER);
    observe(seen.frame[PC] - ((uint32_t)(uintptr_t)just_return & ~1u), 0);
    observe(seen.frame[XPSR] & 0x1FF, EXCEPTION_PENDSV);
}

CASE(usage_bits_add_up_until_cleared)
{
    expect_usage_fault();
    FAULTING("udf #0");
    /* `resume` has cleared it: writing ones clears them, one by one. */
    observe(SCB_CFSR, 0);
    SCB_CFSR = 0xFFFFFFFF;
    observe(SCB_CFSR, 0);
}

static void keep_status(uint32_t *frame, uint32_t exc_return)
{
    uint32_t hold = SCB_CFSR;
    note(frame, exc_return);
    (void)hold;
    frame[PC] = resume_at & ~1u;
    frame[XPSR] |= XPSR_T;
}

CASE(usage_status_is_sticky)
{
    on_exception(EXCEPTION_USAGE_FAULT, keep_status);
    SCB_SHCSR = ALL_FAULTS;
    FAULTING("udf #0");
    FAULTING("blx %[even]", [even] "r"(0x100));
    observe(SCB_CFSR, CFSR_UNDEFINSTR | CFSR_INVSTATE);
    /* CFSR's bytes and halves are MMFSR, BFSR, UFSR (B3.2.15). */
    observe(REGISTER16(0xE000ED2Au), 3);
    REGISTER16(0xE000ED2Au) = 1;
    observe(SCB_CFSR, CFSR_INVSTATE);
    observe(REGISTER8(0xE000ED29u), 0);
}
