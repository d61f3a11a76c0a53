// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

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

/* PMSAv7; the other fields are the chip's business. */
CASE(id_memory_model_features) { observe(REGISTER(0xE000ED50) >> 4 & 0xF, 3); }

/* ISAR0: divide in Thumb, BKPT, CBZ, bitfields, CLZ (B4.4). */
CASE(id_instruction_set) { observe(REGISTER(0xE000ED60) & 0x0FF0FFF0, 0x01101110); }

/* The DSP extension: extends of ISAR1, multiplies of ISAR2, SIMD and saturation of ISAR3 (B4.4). */
CASE_QEMU(id_dsp_instructions, "B4.4: fields of a core with the DSP extension; QEMU's Cortex-M4 has those of the Cortex-M3")
{
    observe(REGISTER(0xE000ED64) >> 12 & 0xF, 2);
    observe(REGISTER(0xE000ED68) >> 16 & 0xFF, 0x23);
    observe(REGISTER(0xE000ED6C) & 0xFF, 0x31);
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

/* Bits that a Cortex-M4 has not (TRM 4.2.1). */
CASE(id_auxiliary_control) { observe(ACTLR & ~0x307u, 0); }
