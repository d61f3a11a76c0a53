/* The floating-point context across exceptions (DDI 0403 B1.5.6, B1.5.7). */
#include <stddef.h>

#include "check.h"

#define CONTROL_FPCA (1u << 2)
#define FPCCR REGISTER(0xE000EF34u)
#define FPCCR_LSPEN (1u << 30)

static uint32_t seen_exc_return;

/* Uses the unit itself, so that a lazily kept context has to be written out. */
static void clobber(uint32_t *frame, uint32_t exc_return)
{
    (void)frame;
    seen_exc_return = exc_return;
    __asm__ volatile("vmov.f32 s0, #2.0\n\t"
                     "vmov.f32 s15, #2.0\n\t"
                     "vmov.f32 s16, s0\n\t"
                     "vmov.f32 s31, s0\n\t"
                     "vcmp.f32 s0, #0\n\t"
                     "vmov.f32 s16, s17\n\t"
                     "vmov.f32 s31, s30" ::
                         : "s0", "s15", "s16", "s31");
}

static void note(uint32_t *frame, uint32_t exc_return)
{
    (void)frame;
    seen_exc_return = exc_return;
}

static enum outcome registers_survive(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, clobber);
    uint32_t s0, s15, fpscr;
    /* vcmp 1.0, 1.0 leaves Z and C in FPSCR. */
    __asm__ volatile("vmov.f32 s0, #1.0\n\t"
                     "vmov.f32 s15, #3.0\n\t"
                     "vcmp.f32 s0, s0\n\t"
                     "str %3, [%4]\n\t"
                     "dsb\n\tisb\n\t"
                     "vmov %0, s0\n\t"
                     "vmov %1, s15\n\t"
                     "vmrs %2, fpscr"
                     : "=&r"(s0), "=&r"(s15), "=&r"(fpscr)
                     : "r"(1u << IRQ_A), "r"(0xE000E200u)
                     : "s0", "s15", "memory");
    return s0 == 0x3F800000u && s15 == 0x40400000u && fpscr >> 28 == 6 && seen_exc_return == 0xFFFFFFE9u;
}

static enum outcome eager_stacking(void)
{
    uint32_t before = FPCCR;
    FPCCR = before & ~FPCCR_LSPEN;
    enum outcome outcome = registers_survive();
    FPCCR = before;
    return outcome;
}

static enum outcome basic_frame_without_fp(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, note);
    set_control(control() & ~CONTROL_FPCA);
    trigger(IRQ_A);
    return seen_exc_return == 0xFFFFFFF9u;
}

static enum outcome fpca_follows_use(void)
{
    set_control(control() & ~CONTROL_FPCA);
    bool before = (control() & CONTROL_FPCA) != 0;
    __asm__ volatile("vmov.f32 s0, #1.0" ::: "s0");
    bool after = (control() & CONTROL_FPCA) != 0;
    set_control(control() & ~CONTROL_FPCA);
    return !before && after;
}

static bool fpca_in_handler;

static void look_at_fpca(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    fpca_in_handler = (control() & CONTROL_FPCA) != 0;
}

static enum outcome fpca_cleared_on_entry(void)
{
    on_interrupt(IRQ_A, PRIORITY_LOW, look_at_fpca);
    __asm__ volatile("vmov.f32 s0, #1.0" ::: "s0");
    trigger(IRQ_A);
    bool after = (control() & CONTROL_FPCA) != 0;
    set_control(control() & ~CONTROL_FPCA);
    return !fpca_in_handler && after;
}

const struct check fpu_checks[] = {
    { "fp-registers-survive", registers_survive },
    { "fp-eager-stacking", eager_stacking },
    { "fp-basic-frame", basic_frame_without_fp },
    { "fpca-follows-use", fpca_follows_use },
    { "fpca-cleared-on-entry", fpca_cleared_on_entry },
    { NULL, NULL },
};
