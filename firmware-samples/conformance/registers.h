// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Registers of the core that only conformance cases touch (DDI 0403 B3.2 to B3.5, C1.6 to C1.8). */
#ifndef REGISTERS_H
#define REGISTERS_H

#include "cortex_m4.h"

#define REGISTER8(address) (*(volatile uint8_t *)(uintptr_t)(address))
#define REGISTER16(address) (*(volatile uint16_t *)(uintptr_t)(address))

enum {
    EXCEPTION_NMI = 2,
    EXCEPTION_MEM_MANAGE = 4,
    EXCEPTION_BUS_FAULT = 5,
    EXCEPTION_USAGE_FAULT = 6,
    EXCEPTION_DEBUG_MONITOR = 12,
};

#define ACTLR REGISTER(0xE000E008u)
#define SYST_CALIB REGISTER(0xE000E01Cu)
#define NVIC_IABR(n) REGISTER(0xE000E300u + 4u * (n))
#define SCB_SCR REGISTER(0xE000ED10u)
#define SCR_SLEEPONEXIT (1u << 1)
#define SCR_SLEEPDEEP (1u << 2)
#define SCR_SEVONPEND (1u << 4)
#define SCB_SHPR_WORD(n) REGISTER(0xE000ED14u + 4u * (n))
#define SCB_DFSR REGISTER(0xE000ED30u)
#define SCB_MMFAR REGISTER(0xE000ED34u)
#define SCB_AFSR REGISTER(0xE000ED3Cu)
#define STIR REGISTER(0xE000EF00u)
#define FPCCR REGISTER(0xE000EF34u)
#define FPCAR REGISTER(0xE000EF38u)
#define FPDSCR REGISTER(0xE000EF3Cu)

#define AIRCR_KEY 0x05FA0000u
#define ICSR_NMIPENDSET (1u << 31)
#define ICSR_PENDSVCLR (1u << 27)
#define ICSR_ISRPENDING (1u << 22)
#define ICSR_RETTOBASE (1u << 11)
#define CCR_NONBASETHRDENA (1u << 0)
#define CCR_USERSETMPEND (1u << 1)
#define CCR_BFHFNMIGN (1u << 8)
#define CCR_STKALIGN (1u << 9)
#define CONTROL_NPRIV (1u << 0)
#define CONTROL_SPSEL (1u << 1)
#define CONTROL_FPCA (1u << 2)
#define FPCCR_ASPEN (1u << 31)
#define FPCCR_LSPEN (1u << 30)
#define FPCCR_LSPACT (1u << 0)

#define CFSR_IACCVIOL (1u << 0)
#define CFSR_DACCVIOL (1u << 1)
#define CFSR_MUNSTKERR (1u << 3)
#define CFSR_MSTKERR (1u << 4)
#define CFSR_MLSPERR (1u << 5)
#define CFSR_MMARVALID (1u << 7)
#define CFSR_IBUSERR (1u << 8)
#define CFSR_PRECISERR (1u << 9)
#define CFSR_UNSTKERR (1u << 11)
#define CFSR_STKERR (1u << 12)
#define CFSR_BFARVALID (1u << 15)
#define CFSR_UNDEFINSTR (1u << 16)
#define CFSR_INVSTATE (1u << 17)
#define CFSR_INVPC (1u << 18)
#define CFSR_NOCP (1u << 19)
#define CFSR_UNALIGNED (1u << 24)
#define CFSR_DIVBYZERO (1u << 25)
#define HFSR_VECTTBL (1u << 1)
#define HFSR_FORCED (1u << 30)
#define HFSR_DEBUGEVT (1u << 31)

#define SHCSR_MEMFAULTACT (1u << 0)
#define SHCSR_BUSFAULTACT (1u << 1)
#define SHCSR_USGFAULTACT (1u << 3)
#define SHCSR_SVCALLACT (1u << 7)
#define SHCSR_PENDSVACT (1u << 10)
#define SHCSR_SYSTICKACT (1u << 11)
#define SHCSR_USGFAULTPENDED (1u << 12)
#define SHCSR_MEMFAULTPENDED (1u << 13)
#define SHCSR_BUSFAULTPENDED (1u << 14)
#define SHCSR_SVCALLPENDED (1u << 15)
#define ALL_FAULTS (SCB_SHCSR_MEMFAULTENA | SCB_SHCSR_BUSFAULTENA | SCB_SHCSR_USGFAULTENA)

#define MPU_TYPE REGISTER(0xE000ED90u)
#define MPU_CTRL REGISTER(0xE000ED94u)
#define MPU_RNR REGISTER(0xE000ED98u)
#define MPU_RBAR REGISTER(0xE000ED9Cu)
#define MPU_RASR REGISTER(0xE000EDA0u)
#define MPU_RBAR_A1 REGISTER(0xE000EDA4u)
#define MPU_RASR_A1 REGISTER(0xE000EDA8u)
#define MPU_ENABLE (1u << 0)
#define MPU_HFNMIENA (1u << 1)
#define MPU_PRIVDEFENA (1u << 2)
#define RBAR_VALID (1u << 4)
#define RASR_ENABLE (1u << 0)
#define RASR_SIZE(log2) (((log2) - 1u) << 1)
#define RASR_DISABLE(subregions) ((subregions) << 8)
#define RASR_AP(ap) ((ap) << 24)
#define RASR_XN (1u << 28)
enum { AP_NONE, AP_PRIVILEGED, AP_USER_READS, AP_FULL, AP_PRIVILEGED_READS = 5, AP_READ_ONLY };

/* External RAM in the architecture's map; this chip and mps2-an386 have nothing there. */
#define HOLE 0x80000000u
/* The same in a part that the default map marks Execute Never. */
#define DEVICE_HOLE 0xA0000000u

#define EXC_RETURN_HANDLER 0xFFFFFFF1u
#define EXC_RETURN_THREAD_MSP 0xFFFFFFF9u
#define EXC_RETURN_THREAD_PSP 0xFFFFFFFDu
#define EXC_RETURN_THREAD_MSP_FP 0xFFFFFFE9u

#endif
