// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The frame of the conformance cases: small functions that observe the core from the inside, each word beside the one that the
 * manual demands (DDI 0403: Armv7-M Architecture Reference Manual, issue E.e). README.md says how to add one. */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <stddef.h>
#include <stdint.h>

#include "cortex_m4.h"
#include "registers.h"

struct conformance_case {
    const char *name;
    void (*run)(void);
    /* Why QEMU is known to observe something else, with the manual's section; NULL where both should agree. */
    const char *peer;
    /* What engines can lack: see enum needs. */
    const char *needs;
};

/* What libunicorn 2.0 cannot do: refuse an access to a page that is mapped (MPU, privilege), look at operands before the
 * instruction (alignment, divisors), or see accesses to memory that works as such (data watchpoints). */
#define PERMISSIONS "permissions"
#define OPERANDS "operands"
#define WATCHPOINTS "watchpoints"

/* CASE(name) { body }; _QEMU where the peer is known to differ, _NEEDS where an engine can lack something, _BOTH for both. */
#define CASE(id) CASE_BOTH(id, NULL, NULL)
#define CASE_QEMU(id, why) CASE_BOTH(id, why, NULL)
#define CASE_NEEDS(id, what) CASE_BOTH(id, NULL, what)
#define CASE_BOTH(id, why, what)                                                                                           \
    static void id(void);                                                                                                  \
    __attribute__((section(".cases"), used, retain)) static const struct conformance_case id##_case                        \
        = { #id, id, why, what };                                                                                          \
    static void id(void)

/* Reports one word of what the core did, beside what the manual demands. */
void observe(uint32_t seen, uint32_t demanded);
/* Reports the order of what `record` was told, in up to two words of ASCII. */
void observe_events(const char *demanded);
void record(char event);

/* Any three interrupts: they are made pending by software only. QEMU's mps2-an386 has 32. */
#define IRQ_A 10u
#define IRQ_B 11u
#define IRQ_C 12u
#define BIT_A (1u << IRQ_A)
#define BIT_B (1u << IRQ_B)
#define BIT_C (1u << IRQ_C)

/* Priorities in the four bits that this core has; QEMU has eight. */
#define HIGH 0x40u
#define MIDDLE 0x80u
#define LOW 0xC0u

/* The registers that exception entry stacked, by their index (B1.5.6). */
enum { R0, R1, R2, R3, R12, LR, PC, XPSR, S0, FPSCR_WORD = 24 };
#define XPSR_T (1u << 24)
#define XPSR_REALIGNED (1u << 9)
#define XPSR_IT 0x0600FC00u

/* `frame` is where entry stacked the registers. */
typedef void (*exception_handler)(uint32_t *frame, uint32_t exc_return);

/* Until the end of the case. Without a handler an exception ends the case. */
void on_exception(uint32_t exception, exception_handler handler);
/* The same for an external interrupt, which is given a priority and enabled. */
void on_interrupt(uint32_t irq, uint8_t priority, exception_handler handler);
/* The EXC_RETURN with which the current exception leaves, instead of its own. */
void leave_with(uint32_t exc_return);
/* Ends the case from a handler, however many exceptions are active and whatever became of the stack. */
void end_case(void) __attribute__((noreturn));

/* What the handlers below saw last. */
struct seen {
    uint32_t count, exception, exc_return, frame_address;
    uint32_t icsr, shcsr, cfsr, hfsr, mmfar, bfar, control, fpccr, fpcar, fpscr;
    uint32_t frame[26];
};
extern struct seen seen;

/* Handlers: notes what it sees; notes it, clears the fault and goes on, privileged, at `resume_at`; records a letter. */
void note(uint32_t *frame, uint32_t exc_return);
void resume(uint32_t *frame, uint32_t exc_return);
void record_a(uint32_t *frame, uint32_t exc_return);
void record_b(uint32_t *frame, uint32_t exc_return);
void record_c(uint32_t *frame, uint32_t exc_return);
extern uint32_t resume_at;

/* Makes `resume` the handler of `exception` and writes `enable` to SHCSR. */
void expect_fault(uint32_t exception, uint32_t enable);

/* Runs instructions of which one should fault; "2:" is where `resume` goes on. %[in0] and so on name operands. */
#define FAULTING(instructions, ...)                                                                                        \
    __asm__ volatile("adr r0, 2f\n\t"                                                                                      \
                     "str r0, [%[at]]\n\t" instructions "\n\t"                                                             \
                     ".p2align 2\n\t"                                                                                      \
                     "2:"                                                                                                  \
                     :                                                                                                     \
                     : [at] "r"(&resume_at), ##__VA_ARGS__                                                                 \
                     : "r0", "r1", "r2", "r3", "r12", "lr", "cc", "memory")

#define MRS(name)                                                                                                          \
    ({                                                                                                                     \
        uint32_t value_;                                                                                                   \
        __asm__ volatile("mrs %0, " name : "=r"(value_)::"memory");                                                        \
        value_;                                                                                                            \
    })
#define MSR(name, value) __asm__ volatile("msr " name ", %0\n\tisb" ::"r"(value) : "memory", "cc")

/* Makes `irq` pending and gives it the time to be taken. */
static inline void trigger(uint32_t irq)
{
    nvic_set_pending(irq);
    cpu_synchronize();
}

/* Thread mode goes to the process stack of the harness, with these further bits of CONTROL. */
void use_process_stack(uint32_t control);
extern uint32_t process_stack[128];
#define PROCESS_STACK_TOP ((uint32_t)(uintptr_t)(process_stack + 128))

#endif
