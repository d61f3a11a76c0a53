/* Identification and feature registers, and what comes out of reset (B3.2.3, B4; Cortex-M4 TRM 4.1). */
#include "conformance.h"

CASE_QEMU(id_cpuid, "B3.2.3, RM0436: r0p1; QEMU's Cortex-M4 is r0p0")
{
    observe(SCB_CPUID, 0x410FC241);
}

CASE(id_processor_features)
{
    observe(REGISTER(0xE000ED40), 0x00000030);
    observe(REGISTER(0xE000ED44), 0x00000200);
    observe(REGISTER(0xE000ED48), 0x00100000);
    observe(REGISTER(0xE000ED4C), 0);
}

CASE(id_memory_model_features)
{
    observe(REGISTER(0xE000ED50), 0x00100030);
    observe(REGISTER(0xE000ED54), 0);
    observe(REGISTER(0xE000ED58), 0x01000000);
    observe(REGISTER(0xE000ED5C), 0);
}

CASE(id_instruction_set_features)
{
    observe(REGISTER(0xE000ED60), 0x01101110);
    observe(REGISTER(0xE000ED64), 0x02112000);
    observe(REGISTER(0xE000ED68), 0x21232231);
    observe(REGISTER(0xE000ED6C), 0x01111131);
    observe(REGISTER(0xE000ED70), 0x01310102);
}

CASE_QEMU(id_interrupt_lines, "B3.4.3: implementation defined; 150 interrupts on the STM32MP157, 32 on mps2-an386")
{
    observe(REGISTER(0xE000E004), 4);
}

CASE(id_auxiliary_fault_status) { observe(SCB_AFSR, 0); }

CASE(id_registers_are_read_only)
{
    uint32_t before = SCB_CPUID;
    SCB_CPUID = 0;
    observe(SCB_CPUID - before, 0);
    REGISTER(0xE000ED40) = 0;
    observe(REGISTER(0xE000ED40), 0x30);
}

CASE(id_ccr_out_of_reset)
{
    /* As the harness sets it, and as STKALIGN is on a Cortex-M4 out of reset. */
    observe(SCB_CCR, CCR_STKALIGN);
}

/* Reading CFSR's and SHPR's parts (B3.2.2). */
CASE(id_auxiliary_control) { observe(ACTLR & ~0x307u, 0); }
