// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* An rpmsg-tty echo with a taste for disaster: some words make it fault, each in its own way. README.md lists them. */
#include "cortex_m4.h"
#include "ipcc.h"
#include "rpmsg.h"
#include "stm32mp157.h"
#include "trace.h"

/* The FMC's window: nothing is connected there. */
#define HOLE 0x60000000u
/* A peripheral: Device memory is never executable (DDI 0403 B3.1). */
#define PERIPHERAL 0x40000000u

static volatile uint32_t sink;
static volatile uint32_t zero;
static volatile uint32_t words[4];
static volatile bool fault_in_hard_fault;

void HardFault_Handler(void)
{
    if (fault_in_hard_fault) {
        __asm__ volatile("udf #1");
    }
    for (;;) {
    }
}

static void enable_fault(uint32_t handler)
{
    SCB_SHCSR |= handler;
    cpu_synchronize();
}

static void read_hole(void)
{
    sink = REGISTER(HOLE);
    cpu_synchronize();
}

static void write_hole(void)
{
    REGISTER(HOLE) = 1;
    cpu_synchronize();
}

static void bus(void)
{
    enable_fault(SCB_SHCSR_BUSFAULTENA);
    read_hole();
}

static void undefined(void)
{
    enable_fault(SCB_SHCSR_USGFAULTENA);
    __asm__ volatile("udf #0");
}

static void divide_by_zero(void)
{
    enable_fault(SCB_SHCSR_USGFAULTENA);
    SCB_CCR |= SCB_CCR_DIV_0_TRP;
    cpu_synchronize();
    uint32_t quotient;
    __asm__ volatile("udiv %0, %1, %2" : "=r"(quotient) : "r"(1), "r"(zero));
    sink = quotient;
}

static void unaligned(void)
{
    enable_fault(SCB_SHCSR_USGFAULTENA);
    /* LDRD faults on an address that is no multiple of 4 whatever UNALIGN_TRP says (A3.2.1). */
    uint32_t low, high;
    __asm__ volatile("ldrd %0, %1, [%2]" : "=r"(low), "=r"(high) : "r"((uintptr_t)words + 2) : "memory");
    sink = low + high;
}

static void invalid_state(void)
{
    enable_fault(SCB_SHCSR_USGFAULTENA);
    /* An even address asks for the A32 state, which the core does not have. */
    __asm__ volatile("blx %0" ::"r"((uintptr_t)words & ~(uintptr_t)1) : "lr", "memory");
}

static void no_coprocessor(void)
{
    enable_fault(SCB_SHCSR_USGFAULTENA);
    SCB_CPACR &= ~SCB_CPACR_FPU_FULL_ACCESS;
    cpu_synchronize();
    __asm__ volatile("vmov.f32 s0, #1.0" ::: "s0");
}

/* Values to look for in the FPU's registers, then a fault. */
static void floating_point(void)
{
    enable_fault(SCB_SHCSR_USGFAULTENA);
    __asm__ volatile("vmov.f32 s0, #1.5\n\tvmov.f32 s31, #-2.0\n\tudf #2" ::: "s0", "s31");
}

static void execute_peripheral(void)
{
    enable_fault(SCB_SHCSR_MEMFAULTENA);
    __asm__ volatile("blx %0" ::"r"((uintptr_t)(PERIPHERAL | 1u)) : "lr", "memory");
}

static void lockup(void)
{
    fault_in_hard_fault = true;
    __asm__ volatile("udf #0");
}

static void spin(void)
{
    cpu_disable_interrupts();
    for (;;) {
    }
}

/* Starts the watchdog and never reloads it. */
static void watchdog(void)
{
    RCC_MC_APB1ENSETR = RCC_MC_APB1ENSETR_WWDG1EN;
    (void)RCC_MC_APB1ENSETR;
    WWDG1_CR = WWDG1_CR_WDGA | WWDG1_CR_T_MAX;
    spin();
}

static void assertion(void)
{
    trace("assertion failed: zero != 0, %s:%u", "crasher/main.c", (uint32_t)__LINE__);
    for (;;) {
    }
}

/* More than the trace buffer holds, as fast as can be: no fault, but a reader that looks seldom misses most of it. */
static void chatter(void)
{
    for (uint32_t line = 1; line <= 1000; line++) {
        trace("chatter %u of 1000", line);
    }
}

static const struct {
    const char *word;
    void (*fault)(void);
} disasters[] = {
    { "hardfault", read_hole },
    { "write", write_hole },
    { "bus", bus },
    { "undef", undefined },
    { "divzero", divide_by_zero },
    { "unaligned", unaligned },
    { "invstate", invalid_state },
    { "nocp", no_coprocessor },
    { "float", floating_point },
    { "exec", execute_peripheral },
    { "lockup", lockup },
    { "spin", spin },
    { "assert", assertion },
    { "watchdog", watchdog },
    { "chatter", chatter },
};

/* Whether `payload` is `word`, line end or not. */
static bool is_word(const char *payload, uint32_t length, const char *word)
{
    while (length != 0 && (payload[length - 1] == '\n' || payload[length - 1] == '\r')) {
        length--;
    }
    for (; length != 0 && *word != 0 && *word == *payload; length--) {
        word++;
        payload++;
    }
    return length == 0 && *word == 0;
}

static void receive(struct rpmsg_endpoint *endpoint, const void *payload, uint32_t length, uint32_t source)
{
    rpmsg_send(endpoint, source, payload, length);
    for (uint32_t i = 0; i < sizeof disasters / sizeof disasters[0]; i++) {
        if (is_word(payload, length, disasters[i].word)) {
            trace("about to %s", disasters[i].word);
            disasters[i].fault();
        }
    }
}

static struct rpmsg_endpoint tty = { .name = "rpmsg-tty", .address = 0x400, .receive = receive };

int main(void)
{
    trace("crasher");
    ipcc_init();
    rpmsg_init();
    rpmsg_announce(&tty);
    rpmsg_serve();
}
