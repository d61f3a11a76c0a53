/* The frame of the self-check: named checks, and handlers that each check installs for itself. */
#ifndef CHECK_H
#define CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "cortex_m4.h"

/* Any three interrupts: they are made pending by software only. */
#define IRQ_A 10u
#define IRQ_B 11u
#define IRQ_C 12u

/* Priorities in the four bits that this core has. */
#define PRIORITY_HIGH 0x40u
#define PRIORITY_MIDDLE 0x80u
#define PRIORITY_LOW 0xC0u

/* The registers that exception entry stacked, by their index (DDI 0403 B1.5.6). */
enum { FRAME_R0, FRAME_R1, FRAME_R2, FRAME_R3, FRAME_R12, FRAME_LR, FRAME_PC, FRAME_XPSR, FRAME_S0, FRAME_FPSCR = 24 };

typedef void (*exception_handler)(uint32_t *frame, uint32_t exc_return);

enum outcome { FAIL, OK, SKIP };

struct check {
    const char *name;
    enum outcome (*run)(void);
};

/* What `exception` does from now on, until the next check. */
void on_exception(uint32_t exception, exception_handler handler);
/* The same for an external interrupt, which is given a priority and enabled. */
void on_interrupt(uint32_t irq, uint8_t priority, exception_handler handler);

/* A log of what ran in which order; cleared before each check. */
void record(char event);
bool recorded(const char *events);

extern const struct check masking_checks[], entry_checks[], fpu_checks[], fault_checks[], time_checks[];

static inline uint32_t ipsr(void)
{
    uint32_t value;
    __asm__ volatile("mrs %0, ipsr" : "=r"(value));
    return value;
}

static inline uint32_t control(void)
{
    uint32_t value;
    __asm__ volatile("mrs %0, control" : "=r"(value));
    return value;
}

static inline void set_control(uint32_t value) { __asm__ volatile("msr control, %0\n\tisb" ::"r"(value) : "memory"); }
static inline void set_basepri(uint32_t value) { __asm__ volatile("msr basepri, %0\n\tisb" ::"r"(value) : "memory"); }

/* Makes `irq` pending and gives it the time to be taken. */
static inline void trigger(uint32_t irq)
{
    nvic_set_pending(irq);
    cpu_synchronize();
}

#endif
