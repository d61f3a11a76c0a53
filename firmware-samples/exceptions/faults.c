/* Faults, their status bits, and escalation to HardFault (DDI 0403 B1.5.14, B3.2.15). */
#include <stddef.h>

#include "check.h"

#define EXCEPTION_BUS_FAULT 5
#define EXCEPTION_USAGE_FAULT 6
#define CFSR_PRECISERR (1u << 9)
#define CFSR_BFARVALID (1u << 15)
#define CFSR_UNDEFINSTR (1u << 16)
#define CFSR_INVSTATE (1u << 17)
#define CFSR_NOCP (1u << 19)
#define CFSR_UNALIGNED (1u << 24)
#define CFSR_DIVBYZERO (1u << 25)
#define HFSR_FORCED (1u << 30)
/* External RAM in the architecture's map; this chip and the usual Cortex-M4 boards have nothing there. */
#define HOLE 0xA0000000u

static uint32_t seen_exception, seen_cfsr, seen_hfsr, seen_bfar, seen_pc;
static uint32_t resume_at;

/* Notes the status, clears it, and goes on where the check said. */
static void resume(uint32_t *frame, uint32_t exc_return)
{
    (void)exc_return;
    seen_exception = ipsr();
    seen_cfsr = SCB_CFSR;
    seen_hfsr = SCB_HFSR;
    seen_bfar = SCB_BFAR;
    seen_pc = frame[FRAME_PC];
    SCB_CFSR = seen_cfsr;
    SCB_HFSR = seen_hfsr;
    frame[FRAME_PC] = resume_at & ~1u;
    frame[FRAME_XPSR] |= 1u << 24;
}

static void expect(uint32_t exception, uint32_t enable)
{
    seen_exception = seen_cfsr = seen_hfsr = 0;
    on_exception(exception, resume);
    SCB_SHCSR = enable;
    cpu_synchronize();
}

/* Runs one instruction that should fault; "2:" is where the handler resumes. */
#define FAULTING(instruction, ...)                                                                                         \
    __asm__ volatile("adr %0, 2f\n\t"                                                                                      \
                     "str %0, [%1]\n\t"                                                                                    \
                     "1: " instruction "\n\t"                                                                              \
                     ".p2align 2\n\t"                                                                                      \
                     "2:"                                                                                                  \
                     : "=&r"(scratch)                                                                                      \
                     : "r"(&resume_at), __VA_ARGS__                                                                        \
                     : "r0", "r1", "lr", "memory")

static enum outcome undefined_instruction(void)
{
    uint32_t scratch;
    expect(EXCEPTION_USAGE_FAULT, SCB_SHCSR_USGFAULTENA);
    FAULTING("udf #0", "r"(0));
    return seen_exception == EXCEPTION_USAGE_FAULT && seen_cfsr == CFSR_UNDEFINSTR;
}

static enum outcome escalation(void)
{
    uint32_t scratch;
    expect(EXCEPTION_HARD_FAULT, 0);
    FAULTING("udf #0", "r"(0));
    return seen_exception == EXCEPTION_HARD_FAULT && seen_cfsr == CFSR_UNDEFINSTR && (seen_hfsr & HFSR_FORCED) != 0;
}

static enum outcome divide_by_zero(void)
{
    uint32_t scratch;
    SCB_CCR |= SCB_CCR_DIV_0_TRP;
    expect(EXCEPTION_USAGE_FAULT, SCB_SHCSR_USGFAULTENA);
    FAULTING("udiv r0, %2, %3", "r"(1), "r"(0));
    SCB_CCR &= ~SCB_CCR_DIV_0_TRP;
    return seen_exception == EXCEPTION_USAGE_FAULT && seen_cfsr == CFSR_DIVBYZERO;
}

static enum outcome divide_by_zero_untrapped(void)
{
    uint32_t quotient;
    __asm__ volatile("udiv %0, %1, %2" : "=r"(quotient) : "r"(7), "r"(0));
    return quotient == 0;
}

static enum outcome unaligned_double(void)
{
    static uint32_t words[4];
    uint32_t scratch;
    expect(EXCEPTION_USAGE_FAULT, SCB_SHCSR_USGFAULTENA);
    FAULTING("ldrd r0, r1, [%2]", "r"((uintptr_t)words + 2));
    return seen_exception == EXCEPTION_USAGE_FAULT && seen_cfsr == CFSR_UNALIGNED;
}

static enum outcome unaligned_word(void)
{
    static const uint32_t words[2] = { 0x33221100u, 0x77665544u };
    uint32_t value;
    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"((uintptr_t)words + 1) : "memory");
    return value == 0x44332211u;
}

static enum outcome invalid_state(void)
{
    uint32_t scratch;
    expect(EXCEPTION_USAGE_FAULT, SCB_SHCSR_USGFAULTENA);
    FAULTING("blx %2", "r"(0x100));
    return seen_exception == EXCEPTION_USAGE_FAULT && seen_cfsr == CFSR_INVSTATE && seen_pc == 0x100;
}

static enum outcome no_coprocessor(void)
{
    uint32_t scratch;
    expect(EXCEPTION_USAGE_FAULT, SCB_SHCSR_USGFAULTENA);
    SCB_CPACR &= ~SCB_CPACR_FPU_FULL_ACCESS;
    cpu_synchronize();
    FAULTING("vmov.f32 s0, #1.0", "r"(0));
    SCB_CPACR |= SCB_CPACR_FPU_FULL_ACCESS;
    cpu_synchronize();
    return seen_exception == EXCEPTION_USAGE_FAULT && seen_cfsr == CFSR_NOCP;
}

static enum outcome bus_fault(void)
{
    uint32_t scratch;
    expect(EXCEPTION_BUS_FAULT, SCB_SHCSR_BUSFAULTENA);
    FAULTING("ldr r0, [%2]", "r"(HOLE + 0x124));
    return seen_exception == EXCEPTION_BUS_FAULT && seen_cfsr == (CFSR_PRECISERR | CFSR_BFARVALID)
        && seen_bfar == HOLE + 0x124;
}

const struct check fault_checks[] = {
    { "undefined-instruction", undefined_instruction },
    { "escalation", escalation },
    { "divide-by-zero", divide_by_zero },
    { "divide-by-zero-untrapped", divide_by_zero_untrapped },
    { "unaligned-double", unaligned_double },
    { "unaligned-word", unaligned_word },
    { "invalid-state", invalid_state },
    { "no-coprocessor", no_coprocessor },
    { "bus-fault", bus_fault },
    { NULL, NULL },
};
