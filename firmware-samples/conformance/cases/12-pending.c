// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The NVIC's and the system control block's registers that make exceptions pending, active, enabled (B3.2, B3.4). */
#include "conformance.h"

CASE(nvic_enable_set_and_clear)
{
    NVIC_ISER(0) = BIT_A | BIT_B;
    observe(NVIC_ISER(0), BIT_A | BIT_B);
    NVIC_ICER(0) = BIT_A;
    observe(NVIC_ISER(0), BIT_B);
    observe(NVIC_ICER(0), BIT_B);
    NVIC_ISER(0) = 0;
    observe(NVIC_ISER(0), BIT_B);
}

CASE(nvic_pending_set_and_clear)
{
    NVIC_ISPR(0) = BIT_A | BIT_B;
    observe(NVIC_ISPR(0), BIT_A | BIT_B);
    NVIC_ICPR(0) = BIT_B;
    observe(NVIC_ICPR(0), BIT_A);
}

CASE(nvic_disabled_stays_pending)
{
    on_interrupt(IRQ_A, LOW, record_a);
    nvic_disable(IRQ_A);
    trigger(IRQ_A);
    record('-');
    observe(NVIC_ISPR(0) & BIT_A, BIT_A);
    nvic_enable(IRQ_A);
    cpu_synchronize();
    observe(NVIC_ISPR(0) & BIT_A, 0);
    observe_events("-a");
}

CASE(nvic_pending_can_be_taken_back)
{
    on_interrupt(IRQ_A, LOW, record_a);
    cpu_disable_interrupts();
    trigger(IRQ_A);
    NVIC_ICPR(0) = BIT_A;
    cpu_synchronize();
    cpu_enable_interrupts();
    cpu_synchronize();
    observe_events("");
}

static uint32_t active[2];

static void look_at_active(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    active[0] = NVIC_IABR(0);
    active[1] = NVIC_ISPR(0);
}

static void disable_itself(uint32_t *frame, uint32_t exc_return)
{
    nvic_disable(IRQ_A);
    trigger(IRQ_A);
    look_at_active(frame, exc_return);
}

CASE(nvic_active_bits)
{
    on_interrupt(IRQ_A, LOW, look_at_active);
    trigger(IRQ_A);
    observe(active[0], BIT_A);
    observe(active[1], 0);
    observe(NVIC_IABR(0), 0);
}

CASE(nvic_disabled_stays_active)
{
    on_interrupt(IRQ_A, LOW, disable_itself);
    trigger(IRQ_A);
    observe(active[0], BIT_A);
    observe(active[1], BIT_A);
}

static void nest_b(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    trigger(IRQ_B);
}

CASE(nvic_active_bits_nested)
{
    on_interrupt(IRQ_A, LOW, nest_b);
    on_interrupt(IRQ_B, HIGH, look_at_active);
    trigger(IRQ_A);
    observe(active[0], BIT_A | BIT_B);
}

CASE(nvic_priority_bytes)
{
    REGISTER(0xE000E408u) = 0x40302010;
    observe(NVIC_IPR(8), 0x10);
    observe(NVIC_IPR(11), 0x40);
    REGISTER16(0xE000E40Au) = 0x8070;
    observe(REGISTER(0xE000E408u), 0x80702010);
}

CASE_QEMU(nvic_priority_has_four_bits, "B1.5.4: implementation defined, 4 bits on the STM32MP157 (RM0436, NVIC); QEMU has 8")
{
    NVIC_IPR(IRQ_A) = 0xFF;
    observe(NVIC_IPR(IRQ_A), 0xF0);
}

CASE(nvic_stir)
{
    on_interrupt(IRQ_A, LOW, record_a);
    STIR = IRQ_A;
    cpu_synchronize();
    observe_events("a");
    nvic_disable(IRQ_A);
    STIR = IRQ_A;
    observe(NVIC_ISPR(0), BIT_A);
}

CASE_NEEDS(nvic_stir_unprivileged_faults, PERMISSIONS)
{
    expect_fault(EXCEPTION_BUS_FAULT, SCB_SHCSR_BUSFAULTENA);
    MSR("control", CONTROL_NPRIV);
    FAULTING("str %[irq], [%[stir]]", [irq] "r"(IRQ_A), [stir] "r"(0xE000EF00));
    observe(seen.cfsr, CFSR_PRECISERR | CFSR_BFARVALID);
    observe(seen.bfar, 0xE000EF00);
    observe(NVIC_ISPR(0), 0);
}

CASE(nvic_stir_unprivileged_when_allowed)
{
    on_exception(EXCEPTION_SVCALL, resume);
    SCB_CCR |= CCR_USERSETMPEND;
    MSR("control", CONTROL_NPRIV);
    FAULTING("str %[irq], [%[stir]]\n\tsvc #0", [irq] "r"(IRQ_A), [stir] "r"(0xE000EF00));
    observe(seen.exception, EXCEPTION_SVCALL);
    observe(NVIC_ISPR(0), BIT_A);
}

CASE(shpr_words_have_the_reserved_bytes_zero)
{
    for (uint32_t i = 1; i <= 3; i++) {
        SCB_SHPR_WORD(i) = 0xF0E0D0C0;
    }
    observe(SCB_SHPR_WORD(1), 0x00E0D0C0);
    observe(SCB_SHPR_WORD(2), 0xF0000000);
    observe(SCB_SHPR_WORD(3), 0xF0E000C0);
}

CASE(shpr_byte_and_halfword_access)
{
    SCB_SHPR(EXCEPTION_SVCALL) = 0x50;
    observe(SCB_SHPR_WORD(2), 0x50000000);
    REGISTER16(0xE000ED22u) = 0x7060;
    observe(SCB_SHPR_WORD(3), 0x70600000);
    observe(REGISTER8(0xE000ED23u), 0x70);
    observe(REGISTER16(0xE000ED1Eu), 0x5000);
}

CASE_QEMU(shpr_has_four_bits, "B1.5.4: implementation defined, 4 bits on the STM32MP157 (RM0436, NVIC); QEMU has 8")
{
    SCB_SHPR_WORD(3) = 0xFFFFFFFF;
    observe(SCB_SHPR_WORD(3), 0xF0F000F0);
}

CASE(icsr_in_handler)
{
    on_interrupt(IRQ_A, LOW, note);
    trigger(IRQ_A);
    observe(seen.icsr & 0x9FF, ICSR_RETTOBASE | (16 + IRQ_A));
    observe(SCB_ICSR & 0x1FF, 0);
}

CASE(icsr_vectpending)
{
    cpu_disable_interrupts();
    NVIC_ISER(0) = BIT_A | BIT_B;
    NVIC_IPR(IRQ_A) = LOW;
    NVIC_IPR(IRQ_B) = HIGH;
    NVIC_ISPR(0) = BIT_A | BIT_B;
    cpu_synchronize();
    observe(SCB_ICSR >> 12 & 0x1FF, 16 + IRQ_B);
    observe(SCB_ICSR & ICSR_ISRPENDING, ICSR_ISRPENDING);
    NVIC_ICPR(0) = BIT_B;
    observe(SCB_ICSR >> 12 & 0x1FF, 16 + IRQ_A);
    NVIC_ICPR(0) = BIT_A;
    observe(SCB_ICSR >> 12 & 0x1FF, 0);
    observe(SCB_ICSR & ICSR_ISRPENDING, 0);
}

/* VECTPENDING counts enabled exceptions only (B3.2.4); whether ISRPENDING does the manual leaves open. */
CASE(icsr_vectpending_ignores_disabled)
{
    NVIC_ISPR(0) = BIT_A;
    cpu_synchronize();
    observe(SCB_ICSR >> 12 & 0x1FF, 0);
}

/* It includes BASEPRI and FAULTMASK, not PRIMASK (B3.2.4). */
CASE(icsr_vectpending_under_primask_system)
{
    cpu_disable_interrupts();
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_synchronize();
    observe(SCB_ICSR >> 12 & 0x1FF, EXCEPTION_PENDSV);
    observe(SCB_ICSR & ICSR_ISRPENDING, 0);
}

CASE(icsr_pendsv_set_and_clear)
{
    cpu_disable_interrupts();
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    observe(SCB_ICSR & (SCB_ICSR_PENDSVSET | ICSR_PENDSVCLR), SCB_ICSR_PENDSVSET);
    SCB_ICSR = ICSR_PENDSVCLR;
    observe(SCB_ICSR & (SCB_ICSR_PENDSVSET | ICSR_PENDSVCLR), 0);
    on_exception(EXCEPTION_PENDSV, record_a);
    cpu_enable_interrupts();
    cpu_synchronize();
    observe_events("");
}

CASE(icsr_pendst_set_and_clear)
{
    cpu_disable_interrupts();
    SCB_ICSR = SCB_ICSR_PENDSTSET;
    observe(SCB_ICSR & (SCB_ICSR_PENDSTSET | SCB_ICSR_PENDSTCLR), SCB_ICSR_PENDSTSET);
    SCB_ICSR = SCB_ICSR_PENDSTCLR;
    observe(SCB_ICSR & (SCB_ICSR_PENDSTSET | SCB_ICSR_PENDSTCLR), 0);
}

static void nest_pendsv(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    SCB_ICSR = SCB_ICSR_PENDSVSET;
    cpu_synchronize();
}

CASE(icsr_rettobase_when_nested)
{
    on_exception(EXCEPTION_PENDSV, note);
    on_interrupt(IRQ_A, LOW, nest_pendsv);
    trigger(IRQ_A);
    observe(seen.icsr & 0x9FF, EXCEPTION_PENDSV);
    observe(seen.shcsr & SHCSR_PENDSVACT, SHCSR_PENDSVACT);
}

CASE(shcsr_active_svcall)
{
    on_exception(EXCEPTION_SVCALL, note);
    __asm__ volatile("svc #0" ::: "memory");
    observe(seen.shcsr, SHCSR_SVCALLACT);
    observe(SCB_SHCSR, 0);
}

CASE(shcsr_active_systick)
{
    on_exception(EXCEPTION_SYSTICK, note);
    SCB_ICSR = SCB_ICSR_PENDSTSET;
    cpu_synchronize();
    observe(seen.shcsr, SHCSR_SYSTICKACT);
    observe(seen.exception, 15);
}

CASE(shcsr_active_usage_fault)
{
    expect_fault(EXCEPTION_USAGE_FAULT, ALL_FAULTS);
    FAULTING("udf #0");
    observe(seen.shcsr, ALL_FAULTS | SHCSR_USGFAULTACT);
    observe(SCB_SHCSR, ALL_FAULTS);
}

/* Software may make faults pending through SHCSR (B3.2.13). */
CASE(shcsr_pends_a_usage_fault)
{
    SCB_SHCSR = ALL_FAULTS;
    on_exception(EXCEPTION_USAGE_FAULT, note);
    cpu_disable_interrupts();
    SCB_SHCSR |= SHCSR_USGFAULTPENDED;
    cpu_synchronize();
    observe(SCB_SHCSR, ALL_FAULTS | SHCSR_USGFAULTPENDED);
    cpu_enable_interrupts();
    cpu_synchronize();
    observe(seen.exception, EXCEPTION_USAGE_FAULT);
    observe(seen.cfsr, 0);
    observe(SCB_SHCSR, ALL_FAULTS);
}

CASE(shcsr_pends_mem_and_bus_faults)
{
    SCB_SHCSR = ALL_FAULTS;
    on_exception(EXCEPTION_MEM_MANAGE, record_a);
    on_exception(EXCEPTION_BUS_FAULT, record_b);
    cpu_disable_interrupts();
    SCB_SHCSR |= SHCSR_BUSFAULTPENDED | SHCSR_MEMFAULTPENDED;
    cpu_enable_interrupts();
    cpu_synchronize();
    observe_events("ab");
}

CASE(shcsr_pends_an_svcall)
{
    on_exception(EXCEPTION_SVCALL, note);
    cpu_disable_interrupts();
    SCB_SHCSR |= SHCSR_SVCALLPENDED;
    observe(SCB_SHCSR, SHCSR_SVCALLPENDED);
    cpu_enable_interrupts();
    cpu_synchronize();
    observe(seen.exception, EXCEPTION_SVCALL);
}

CASE(vtor_alignment)
{
    uint32_t before = SCB_VTOR;
    SCB_VTOR = 0x2000FFFF;
    uint32_t read = SCB_VTOR;
    SCB_VTOR = before;
    observe(read, 0x2000FF80);
}

static uintptr_t other_vectors[48] __attribute__((aligned(256)));

static void raw_handler(void) { record('r'); }

CASE(vtor_moves_the_table)
{
    const uintptr_t *now = (const uintptr_t *)(uintptr_t)SCB_VTOR;
    for (uint32_t i = 0; i < 48; i++) {
        other_vectors[i] = now[i];
    }
    other_vectors[16 + IRQ_A] = (uintptr_t)raw_handler;
    SCB_VTOR = (uint32_t)(uintptr_t)other_vectors;
    cpu_synchronize();
    nvic_enable(IRQ_A);
    trigger(IRQ_A);
    observe_events("r");
}

CASE_QEMU(scr_bits, "B3.2.7: bits 0, 3 and 5 to 31 are reserved; QEMU stores them")
{
    SCB_SCR = 0xFFFFFFFF & ~SCR_SLEEPONEXIT;
    observe(SCB_SCR, SCR_SLEEPDEEP | SCR_SEVONPEND);
    SCB_SCR = 0;
}

CASE(ccr_bits)
{
    SCB_CCR = 0xFFFFFFFF;
    observe(SCB_CCR, 0x31B);
}
