/* SPDX-FileCopyrightText: 2026 The m4run authors */
/* SPDX-License-Identifier: MIT */

/* What happens is WHAT: 1 an error handler under a callback under an interrupt handler, 2 and 3 a fault in a switch of threads, without and with
 * registers of the FPU to keep, 4 a fault under a frame of unknown size. */
#include <stdint.h>

#ifndef WHAT
#define WHAT 0
#endif

#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define ICSR (*(volatile uint32_t *)0xE000ED04u)

extern uint32_t stack_end[];
int mix(int a, int b);
int total(const int *numbers, int count);
int pump(int steps);

typedef struct {
    uint32_t previous, next;
    void *owner;
} item_t;

/* As an RTOS has them. */
typedef struct thread {
    volatile uint32_t *top;
    item_t state;
    uint8_t priority;
    uint32_t flags : 3;
    uint64_t started;
    char name[16];
    union {
        uint32_t word;
        uint8_t bytes[4];
    } last;
} thread_t;

thread_t thread = {.priority = 3, .name = "worker"};
uint32_t process_stack[256] __attribute__((aligned(8)));
volatile int results[4];

typedef struct handle {
    void (*callback)(struct handle *);
    int error;
} handle_t;
static void complete(handle_t *);
handle_t handle = {complete, 1};

__attribute__((noinline)) void Error_Handler(void)
{
    for (;;) {
        results[0]++; /* line: loop */
    }
}

static __attribute__((noinline)) void complete(handle_t *h)
{
    results[1] = h->error;
    if (h->error) {
        Error_Handler(); /* line: complete */
    }
    results[1] = 0;
}

__attribute__((noinline)) void HAL_Handler(handle_t *h)
{
    results[2]++;
    h->callback(h); /* line: hal */
    results[2]++;
}

__attribute__((used)) void SVC_Handler(void)
{
    HAL_Handler(&handle); /* line: svc */
    results[2]++;
}

__attribute__((noinline)) void stop(int value)
{
    results[3] = value;
    *(volatile uint32_t *)0x60000000u = 1; /* line: stop */
}

__attribute__((noinline, used)) void switch_thread(void)
{
    thread.priority++;
    stop(thread.priority); /* line: switch */
    thread.priority--;
}

/* Keeps what the hardware does not on the thread's own stack. */
__attribute__((naked, used)) void PendSV_Handler(void)
{
    __asm volatile("mrs r0, psp\n"
                   "isb\n"
                   "tst lr, #16\n"
                   "it eq\n"
                   "vstmdbeq r0!, {s16-s31}\n"
                   "stmdb r0!, {r4-r11, lr}\n"
                   "push {r0, r3}\n"
                   "bl switch_thread\n"
                   "pop {r0, r3}\n"
                   "ldmia r0!, {r4-r11, lr}\n"
                   "tst lr, #16\n"
                   "it eq\n"
                   "vldmiaeq r0!, {s16-s31}\n"
                   "msr psp, r0\n"
                   "isb\n"
                   "bx lr\n");
}

__attribute__((noinline)) void work(int value)
{
#if WHAT == 3
    volatile float number = (float)value;
    number = number * 1.5f;
#endif
    results[0] = value;
    ICSR = 1u << 28;
    __asm volatile("dsb\nisb" ::: "memory");
    results[0] = value + 1; /* line: work */
}

__attribute__((noinline)) int mix(int a, int b)
{
    results[0] = a;
    return a * b + 1; /* line: mix */
}

__attribute__((noinline)) int main(void)
{
    results[1] = pump(3);
#if WHAT == 1
    __asm volatile("svc 0" ::: "memory"); /* line: supervisor */
#elif WHAT == 2 || WHAT == 3
    __asm volatile("msr psp, %0\nmsr control, %1\nisb" ::"r"(process_stack + 256), "r"(2) : "memory");
    work(7); /* line: called work */
#elif WHAT == 4
    static const int numbers[] = {1, 2, 3, 4, 5};
    results[2] = total(numbers, 5); /* line: called total */
#endif
    results[3]++; /* line: behind */
    return 0;
}

__attribute__((used, noreturn)) void Reset_Handler(void)
{
    CPACR |= 0xF00000u;
    __asm volatile("dsb\nisb" ::: "memory");
    main(); /* line: called main */
    for (;;) {
        register uint32_t r0 __asm__("r0") = 0x18;
        register uint32_t r1 __asm__("r1") = 0x20026;
        __asm volatile("bkpt 0xAB" ::"r"(r0), "r"(r1) : "memory");
    }
}

__attribute__((used)) void Default_Handler(void)
{
    for (;;) {
    }
}

__attribute__((section(".vectors"), used)) void *const vectors[16] = {
    stack_end, Reset_Handler, Default_Handler, Default_Handler, Default_Handler, Default_Handler, Default_Handler, 0, 0, 0, 0,
    SVC_Handler, Default_Handler, 0, PendSV_Handler, Default_Handler,
};
