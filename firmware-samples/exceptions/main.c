/* Checks the core's exception model from the inside. Each check gives one line in the trace buffer, and on a semihosting
 * console: `ok NAME`, `FAIL NAME`, or `skip NAME` where the machine lacks what it needs. */
#include "check.h"

#include <stddef.h>

#include "semihosting.h"
#include "trace.h"

#define EXCEPTIONS 166u
#define BKPT_SEMIHOSTING 0xBEABu
#define HFSR_DEBUGEVT (1u << 31)

static exception_handler handlers[EXCEPTIONS];
static char events[16];
static size_t event_count;

void record(char event)
{
    if (event_count < sizeof events) {
        events[event_count++] = event;
    }
}

bool recorded(const char *expected)
{
    for (size_t i = 0; i < event_count; i++) {
        if (expected[i] != events[i]) {
            return false;
        }
    }
    return expected[event_count] == 0;
}

/* Without a host behind it a semihosting BKPT is a hard fault: step over it. */
static bool skip_semihosting(uint32_t *frame)
{
    if ((SCB_HFSR & HFSR_DEBUGEVT) == 0 || *(const uint16_t *)(uintptr_t)frame[FRAME_PC] != BKPT_SEMIHOSTING) {
        return false;
    }
    SCB_HFSR = HFSR_DEBUGEVT;
    frame[FRAME_PC] += 2;
    return true;
}

__attribute__((used)) void dispatch(uint32_t *frame, uint32_t exc_return)
{
    uint32_t exception = ipsr();
    if (exception == EXCEPTION_HARD_FAULT && skip_semihosting(frame)) {
        return;
    }
    if (exception < EXCEPTIONS && handlers[exception] != NULL) {
        handlers[exception](frame, exc_return);
        return;
    }
    trace("exception %u without a handler, from %x", exception, frame[FRAME_PC]);
    semihosting_write("exception without a handler\n");
    semihosting_exit(false);
}

/* Finds the frame on the stack that was in use; dispatch returns to LR, which still holds EXC_RETURN. */
__attribute__((naked)) static void any_exception(void)
{
    __asm__("tst lr, #4\n\t"
            "ite eq\n\t"
            "mrseq r0, msp\n\t"
            "mrsne r0, psp\n\t"
            "mov r1, lr\n\t"
            "b dispatch");
}

/* Aligned as VTOR wants a table of this size (B3.2.5). */
static uintptr_t vector_table[EXCEPTIONS] __attribute__((aligned(1024)));

static void use_own_vectors(void)
{
    vector_table[0] = *(const uint32_t *)(uintptr_t)SCB_VTOR;
    for (uint32_t i = 1; i < EXCEPTIONS; i++) {
        vector_table[i] = (uintptr_t)any_exception;
    }
    SCB_VTOR = (uint32_t)(uintptr_t)vector_table;
    cpu_synchronize();
}

void on_exception(uint32_t exception, exception_handler handler)
{
    handlers[exception] = handler;
}

void on_interrupt(uint32_t irq, uint8_t priority, exception_handler handler)
{
    on_exception(EXCEPTION_IRQ0 + irq, handler);
    NVIC_IPR(irq) = priority;
    nvic_enable(irq);
}

static void reset_between_checks(void)
{
    cpu_enable_interrupts();
    set_basepri(0);
    SYST_CSR = 0;
    SCB_ICSR = SCB_ICSR_PENDSTCLR;
    for (uint32_t irq = IRQ_A; irq <= IRQ_C; irq++) {
        nvic_disable(irq);
        NVIC_ICPR(0) = 1u << irq;
    }
    for (uint32_t i = 0; i < EXCEPTIONS; i++) {
        handlers[i] = NULL;
    }
    event_count = 0;
}

static uint32_t counts[3];

static void run_all(const struct check *checks)
{
    static const char *const words[] = { [FAIL] = "FAIL", [OK] = "ok", [SKIP] = "skip" };
    for (; checks->name != NULL; checks++) {
        reset_between_checks();
        enum outcome outcome = checks->run();
        reset_between_checks();
        counts[outcome]++;
        trace("%s %s", words[outcome], checks->name);
        semihosting_write(words[outcome]);
        semihosting_write(" ");
        semihosting_write(checks->name);
        semihosting_write("\n");
    }
}

int main(void)
{
    use_own_vectors();
    run_all(entry_checks);
    run_all(masking_checks);
    run_all(fpu_checks);
    run_all(fault_checks);
    run_all(time_checks);
    trace("RESULT passed=%u failed=%u", counts[OK], counts[FAIL]);
    semihosting_exit(counts[FAIL] == 0);
}
