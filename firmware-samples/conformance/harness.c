// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Runs one case so that nothing it does reaches the next: every register of the core that a case may have left changed is put
 * back, an exception that the case did not ask for ends it, and so does SysTick when it takes too long. */
#include "harness.h"

#include <stdbool.h>

#define VECTORS 64u
#define WATCH_TICKS 0xFFFFFFu

static exception_handler handlers[VECTORS];
static uint32_t exc_return_override;
static char events[9];
static size_t event_count;

struct seen seen;
struct report report;
uint32_t resume_at;
uint32_t process_stack[128] __attribute__((aligned(8)));

/* Where `run_protected` waits. */
__attribute__((used)) static uint32_t protected_sp;
__attribute__((used, aligned(8))) static uint32_t unwind_stack[64];
__attribute__((used, aligned(8))) static uint32_t unwind_frame[8];

void observe(uint32_t value, uint32_t demanded)
{
    if (report.count < WORDS) {
        report.seen[report.count] = value;
        report.demanded[report.count] = demanded;
        report.count++;
    }
}

static uint32_t four(const char *text)
{
    uint32_t word = 0;
    for (size_t i = 0; i < 4 && text[i] != 0; i++) {
        word = word << 8 | (uint8_t)text[i];
    }
    return word;
}

static const char *behind_four(const char *text)
{
    for (size_t i = 0; i < 4 && *text != 0; i++) {
        text++;
    }
    return text;
}

void observe_events(const char *demanded)
{
    observe(four(events), four(demanded));
    const char *more = behind_four(events), *more_demanded = behind_four(demanded);
    if (*more != 0 || *more_demanded != 0) {
        observe(four(more), four(more_demanded));
    }
}

void record(char event)
{
    if (event_count < sizeof events - 1) {
        events[event_count++] = event;
    }
}

void leave_with(uint32_t exc_return) { exc_return_override = exc_return; }
void on_exception(uint32_t exception, exception_handler handler) { handlers[exception] = handler; }

void on_interrupt(uint32_t irq, uint8_t priority, exception_handler handler)
{
    on_exception(EXCEPTION_IRQ0 + irq, handler);
    NVIC_IPR(irq) = priority;
    nvic_enable(irq);
}

void use_process_stack(uint32_t control)
{
    MSR("psp", PROCESS_STACK_TOP);
    MSR("control", CONTROL_SPSEL | control);
}

/* An exception that is active beside the current one, by which another step of the unwinding can return. */
static uint32_t another_active(void)
{
    static const struct {
        uint32_t bit;
        uint32_t exception;
    } system[] = {
        { SHCSR_MEMFAULTACT, EXCEPTION_MEM_MANAGE }, { SHCSR_BUSFAULTACT, EXCEPTION_BUS_FAULT },
        { SHCSR_USGFAULTACT, EXCEPTION_USAGE_FAULT }, { SHCSR_SVCALLACT, EXCEPTION_SVCALL },
        { SHCSR_PENDSVACT, EXCEPTION_PENDSV }, { SHCSR_SYSTICKACT, EXCEPTION_SYSTICK },
    };
    uint32_t current = MRS("ipsr");
    for (size_t i = 0; i < sizeof system / sizeof *system; i++) {
        if ((SCB_SHCSR & system[i].bit) != 0 && system[i].exception != current) {
            return system[i].exception;
        }
    }
    for (uint32_t irq = 0; irq < 32; irq++) {
        if ((NVIC_IABR(0) >> irq & 1) != 0 && EXCEPTION_IRQ0 + irq != current) {
            return EXCEPTION_IRQ0 + irq;
        }
    }
    return current == EXCEPTION_HARD_FAULT ? EXCEPTION_NMI : EXCEPTION_HARD_FAULT;
}

__attribute__((noreturn)) static void unwind_step(void);
__attribute__((noreturn)) static void resume_harness(void);

/* Prepares `unwind_frame` for leaving the current exception, and answers the EXC_RETURN to do it with. */
__attribute__((used)) static uint32_t prepare_unwinding(void)
{
    bool last = (SCB_ICSR & ICSR_RETTOBASE) != 0;
    unwind_frame[PC] = (uint32_t)(uintptr_t)(last ? resume_harness : unwind_step) & ~1u;
    unwind_frame[XPSR] = XPSR_T | (last ? 0 : another_active());
    return last ? EXC_RETURN_THREAD_MSP : EXC_RETURN_HANDLER;
}

__attribute__((naked, noreturn)) static void unwind_step(void)
{
    __asm__("ldr r0, =unwind_stack + 256\n\t"
            "msr msp, r0\n\t"
            "bl prepare_unwinding\n\t"
            "ldr r1, =unwind_frame\n\t"
            "msr msp, r1\n\t"
            "bx r0\n\t"
            ".ltorg");
}

__attribute__((naked)) static void resume_harness(void)
{
    __asm__("ldr r0, =protected_sp\n\t"
            "ldr sp, [r0]\n\t"
            "pop {r4-r11, pc}\n\t"
            ".ltorg");
}

__attribute__((naked)) static void run_protected(__attribute__((unused)) void (*run)(void))
{
    __asm__("push {r4-r11, lr}\n\t"
            "ldr r1, =protected_sp\n\t"
            "str sp, [r1]\n\t"
            "sub sp, #4\n\t" /* 8-aligned, as the procedure call standard has it */
            "blx r0\n\t"
            "b resume_harness\n\t"
            ".ltorg");
}

static void quiet(void)
{
    MPU_CTRL = 0;
    SYST_CSR = 0;
    NVIC_ICER(0) = 0xFFFFFFFFu;
    SCB_ICSR = SCB_ICSR_PENDSTCLR | ICSR_PENDSVCLR;
    SCB_SHCSR &= ~(SHCSR_USGFAULTPENDED | SHCSR_MEMFAULTPENDED | SHCSR_BUSFAULTPENDED | SHCSR_SVCALLPENDED);
    FPCCR = 0;
    cpu_synchronize();
}

void end_case(void)
{
    quiet();
    /* In a handler this drops nPRIV alone. */
    MSR("control", 0);
    unwind_step();
}

static void abandon(uint32_t exception, uint32_t pc)
{
    report.abandoned = exception;
    report.pc = pc;
    report.cfsr = SCB_CFSR;
    end_case();
}

/* Without a semihosting host its BKPT is a hard fault: step over it. */
static bool skip_semihosting(uint32_t *frame)
{
    if ((SCB_HFSR & HFSR_DEBUGEVT) == 0 || *(const uint16_t *)(uintptr_t)frame[PC] != 0xBEABu) {
        return false;
    }
    SCB_HFSR = HFSR_DEBUGEVT;
    frame[PC] += 2;
    return true;
}

__attribute__((used)) static uint32_t dispatch(uint32_t *frame, uint32_t exc_return)
{
    uint32_t exception = MRS("ipsr");
    if (exception == EXCEPTION_HARD_FAULT && handlers[exception] == NULL && skip_semihosting(frame)) {
        return exc_return;
    }
    if (exception >= VECTORS || handlers[exception] == NULL) {
        /* A frame that could not be stacked may lie where nothing is. */
        bool stacked = (SCB_CFSR & (CFSR_STKERR | CFSR_MSTKERR | CFSR_UNSTKERR | CFSR_MUNSTKERR)) == 0;
        abandon(exception, stacked ? frame[PC] : 0);
    }
    uint32_t outer = exc_return_override;
    exc_return_override = exc_return;
    handlers[exception](frame, exc_return);
    exc_return = exc_return_override;
    exc_return_override = outer;
    return exc_return;
}

/* Finds the frame on the stack that was in use. */
__attribute__((naked)) static void any_exception(void)
{
    __asm__("tst lr, #4\n\t"
            "ite eq\n\t"
            "mrseq r0, msp\n\t"
            "mrsne r0, psp\n\t"
            "mov r1, lr\n\t"
            "push {r4, lr}\n\t"
            "bl dispatch\n\t"
            "pop {r4, lr}\n\t"
            "bx r0");
}

/* Aligned as VTOR wants a table of this size (B3.2.5). */
static uintptr_t vector_table[VECTORS] __attribute__((aligned(256)));

static void use_own_vectors(void)
{
    for (uint32_t i = 1; i < VECTORS; i++) {
        vector_table[i] = (uintptr_t)any_exception;
        handlers[i] = NULL;
    }
    SCB_VTOR = (uint32_t)(uintptr_t)vector_table;
}

static void reset_core(void)
{
    quiet();
    MSR("primask", 0);
    __asm__ volatile("cpsie f" ::: "memory");
    MSR("basepri", 0);
    SCB_CPACR |= SCB_CPACR_FPU_FULL_ACCESS;
    FPCCR = FPCCR_ASPEN | FPCCR_LSPEN;
    FPDSCR = 0;
    cpu_synchronize();
    __asm__ volatile("vmsr fpscr, %0" ::"r"(0));
    MSR("control", 0);
    use_own_vectors();
    SCB_AIRCR = AIRCR_KEY;
    SCB_CCR = CCR_STKALIGN;
    SCB_SCR = 0;
    SCB_SHCSR = 0;
    for (uint32_t i = 1; i <= 3; i++) {
        SCB_SHPR_WORD(i) = 0;
    }
    NVIC_ICPR(0) = 0xFFFFFFFFu;
    for (uint32_t irq = 0; irq < 32; irq++) {
        NVIC_IPR(irq) = 0;
    }
    for (uint32_t i = 0; i < 8; i++) {
        MPU_RBAR = RBAR_VALID | i;
        MPU_RASR = 0;
    }
    MPU_RNR = 0;
    SCB_CFSR = 0xFFFFFFFFu;
    SCB_HFSR = 0xFFFFFFFFu;
    SCB_DFSR = 0xFFFFFFFFu;
    DCB_DEMCR = 0;
    SYST_RVR = WATCH_TICKS;
    cpu_synchronize();
}

static void drop_npriv(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    MSR("control", MRS("control") & ~CONTROL_NPRIV);
}

/* A case whose unprivileged code was to fault, and did not, ends unprivileged. */
static void become_privileged(void)
{
    if (MRS("control") & CONTROL_NPRIV) {
        on_exception(EXCEPTION_SVCALL, drop_npriv);
        __asm__ volatile("svc 0" ::: "memory");
    }
}

void run_case(const struct conformance_case *entry)
{
    report = (struct report) { 0 };
    seen = (struct seen) { 0 };
    for (event_count = sizeof events; event_count > 0; event_count--) {
        events[event_count - 1] = 0;
    }
    reset_core();
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_CLKSOURCE | SYST_CSR_TICKINT | SYST_CSR_ENABLE;
    run_protected(entry->run);
    become_privileged();
    reset_core();
}

void note(uint32_t *frame, uint32_t exc_return)
{
    seen.count++;
    seen.exception = MRS("ipsr");
    seen.exc_return = exc_return;
    seen.frame_address = (uint32_t)(uintptr_t)frame;
    seen.icsr = SCB_ICSR;
    seen.shcsr = SCB_SHCSR;
    seen.cfsr = SCB_CFSR;
    seen.hfsr = SCB_HFSR;
    seen.mmfar = SCB_MMFAR;
    seen.bfar = SCB_BFAR;
    seen.control = MRS("control");
    seen.fpccr = FPCCR;
    seen.fpcar = FPCAR;
    for (size_t i = 0; i < 8; i++) {
        seen.frame[i] = frame[i];
    }
}

void resume(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    SCB_CFSR = seen.cfsr;
    SCB_HFSR = seen.hfsr;
    MPU_CTRL = 0;
    MSR("control", MRS("control") & ~CONTROL_NPRIV);
    frame[PC] = resume_at & ~1u;
    frame[XPSR] = (frame[XPSR] & ~XPSR_IT) | XPSR_T;
}

void expect_fault(uint32_t exception, uint32_t enable)
{
    on_exception(exception, resume);
    SCB_SHCSR = enable;
    cpu_synchronize();
}

void record_a(uint32_t *frame, uint32_t exc_return) { (void)frame, (void)exc_return, record('a'); }
void record_b(uint32_t *frame, uint32_t exc_return) { (void)frame, (void)exc_return, record('b'); }
void record_c(uint32_t *frame, uint32_t exc_return) { (void)frame, (void)exc_return, record('c'); }
