// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* The MPU: regions, subregions, permissions, backgrounds, and the faults (B3.5). */
#include "conformance.h"

/* What the cases protect: two regions of 1 KiB. */
static uint32_t area[512] __attribute__((aligned(1024)));
#define AREA ((uint32_t)(uintptr_t)area)

static void set_region(uint32_t number, uint32_t base, uint32_t attributes)
{
    MPU_RNR = number;
    MPU_RBAR = base;
    MPU_RASR = attributes | RASR_ENABLE;
}

static void enable_mpu(uint32_t control)
{
    MPU_CTRL = MPU_ENABLE | control;
    cpu_synchronize();
}

static void expect_mem_manage(void) { expect_fault(EXCEPTION_MEM_MANAGE, ALL_FAULTS); }

static void observe_data_violation(uint32_t address)
{
    observe(seen.exception, EXCEPTION_MEM_MANAGE);
    observe(seen.cfsr, CFSR_DACCVIOL | CFSR_MMARVALID);
    observe(seen.mmfar - AREA, address - AREA);
}

CASE(mpu_type) { observe(MPU_TYPE, 0x00000800); }

CASE(mpu_ctrl_bits)
{
    /* Not enabled: HFNMIENA alone would be unpredictable. */
    MPU_CTRL = MPU_PRIVDEFENA;
    observe(MPU_CTRL, MPU_PRIVDEFENA);
    MPU_CTRL = 0xFFFFFFF8;
    observe(MPU_CTRL, 0);
}

CASE(mpu_region_reads_back)
{
    MPU_RNR = 3;
    MPU_RBAR = 0x20010000;
    MPU_RASR = RASR_XN | RASR_AP(AP_USER_READS) | 0x003F0000 | RASR_DISABLE(0xA5u) | RASR_SIZE(16);
    observe(MPU_RBAR, 0x20010003);
    observe(MPU_RASR, 0x123FA51E);
    MPU_RNR = 4;
    observe(MPU_RASR, 0);
}

CASE(mpu_rbar_valid_selects_the_region)
{
    MPU_RNR = 1;
    MPU_RBAR = 0x20000000 | RBAR_VALID | 5;
    observe(MPU_RNR, 5);
    observe(MPU_RBAR, 0x20000005);
    /* Without VALID the low bits mean nothing. */
    MPU_RBAR = 0x20000020 | 2;
    observe(MPU_RNR, 5);
    observe(MPU_RBAR, 0x20000025);
}

CASE(mpu_aliases)
{
    MPU_RNR = 0;
    MPU_RBAR_A1 = 0x20000000 | RBAR_VALID | 6;
    MPU_RASR_A1 = RASR_AP(AP_FULL) | RASR_SIZE(10);
    observe(MPU_RNR, 6);
    MPU_RNR = 6;
    observe(MPU_RASR, 0x03000012);
}

CASE_NEEDS(mpu_no_region_faults, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, 0, RASR_SIZE(13) | RASR_AP(AP_FULL));
    /* Privileged code runs on the default map. */
    set_region(1, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    FAULTING("ldr r0, [%[at_]]", [at_] "r"(AREA + 16));
    observe_data_violation(AREA + 16);
}

CASE_NEEDS(mpu_write_to_read_only, PERMISSIONS)
{
    expect_mem_manage();
    area[2] = 7;
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_READ_ONLY));
    enable_mpu(MPU_PRIVDEFENA);
    uint32_t read = area[2];
    cpu_synchronize();
    FAULTING("str %[at_], [%[at_]]", [at_] "r"(AREA + 8));
    observe(read, 7);
    observe_data_violation(AREA + 8);
    observe(area[2], 7);
}

CASE_NEEDS(mpu_user_may_not_what_privileged_may, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, 0, RASR_SIZE(16) | RASR_AP(AP_FULL));
    set_region(1, AREA, RASR_SIZE(10) | RASR_AP(AP_PRIVILEGED));
    enable_mpu(0);
    area[0] = 1;
    MSR("control", CONTROL_NPRIV);
    FAULTING("ldr r0, [%[at_]]", [at_] "r"(AREA));
    observe_data_violation(AREA);
}

CASE_NEEDS(mpu_user_reads_only, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, 0, RASR_SIZE(16) | RASR_AP(AP_FULL));
    set_region(1, AREA, RASR_SIZE(10) | RASR_AP(AP_USER_READS));
    enable_mpu(0);
    area[0] = 5;
    MSR("control", CONTROL_NPRIV);
    uint32_t read = *(volatile uint32_t *)area;
    FAULTING("str %[at_], [%[at_]]", [at_] "r"(AREA + 4));
    observe(read, 5);
    observe_data_violation(AREA + 4);
}

CASE_NEEDS(mpu_privileged_reads_only, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_PRIVILEGED_READS));
    enable_mpu(MPU_PRIVDEFENA);
    FAULTING("ldr r1, [%[at_]]\n\tstr r1, [%[at_]]", [at_] "r"(AREA + 12));
    observe_data_violation(AREA + 12);
}

/* Where regions overlap the highest number decides (B3.5.1). */
CASE_NEEDS(mpu_overlap_highest_wins, PERMISSIONS)
{
    expect_mem_manage();
    set_region(2, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    set_region(6, AREA, RASR_SIZE(10) | RASR_AP(AP_FULL));
    enable_mpu(MPU_PRIVDEFENA);
    area[0] = 3;
    observe(*(volatile uint32_t *)area, 3);
    MPU_CTRL = 0;
    set_region(7, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    FAULTING("ldr r0, [%[at_]]", [at_] "r"(AREA));
    observe_data_violation(AREA);
}

CASE_BOTH(mpu_subregion_is_open,
    "B3.5.8, SRD: the rest of the region stays shut; QEMU 7.2 opens the 1 KiB page that an access to a disabled subregion was in",
    PERMISSIONS)
{
    expect_mem_manage();
    /* Eighths of 1 KiB: the second is left out of the region. */
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE) | RASR_DISABLE(2u));
    enable_mpu(MPU_PRIVDEFENA);
    area[32] = 9;
    observe(*(volatile uint32_t *)(area + 63) | *(volatile uint32_t *)(area + 32), 9);
    FAULTING("ldr r0, [%[at_]]", [at_] "r"(AREA + 256));
    observe_data_violation(AREA + 256);
}

CASE_NEEDS(mpu_subregion_falls_through_to_lower, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    set_region(1, AREA, RASR_SIZE(10) | RASR_AP(AP_FULL) | RASR_DISABLE(0x80u));
    enable_mpu(MPU_PRIVDEFENA);
    area[0] = 1;
    FAULTING("ldr r0, [%[at_]]", [at_] "r"(AREA + 1024 - 4));
    observe_data_violation(AREA + 1024 - 4);
}

CASE_NEEDS(mpu_32_byte_guard, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, AREA + 64, RASR_SIZE(5) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    area[15] = 1;
    area[24] = 2;
    observe(*(volatile uint32_t *)(area + 15) + *(volatile uint32_t *)(area + 24), 3);
    FAULTING("str %[at_], [%[at_]]", [at_] "r"(AREA + 64 + 28));
    observe_data_violation(AREA + 64 + 28);
}

CASE_NEEDS(mpu_32_byte_guard_first_byte, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, AREA + 96, RASR_SIZE(5) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    FAULTING("strb %[at_], [%[at_], #-1]\n\tstrb %[at_], [%[at_]]", [at_] "r"(AREA + 96));
    observe_data_violation(AREA + 96);
}

CASE_NEEDS(mpu_unprivileged_needs_a_region, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, 0, RASR_SIZE(15) | RASR_AP(AP_FULL));
    set_region(1, 0x8000, RASR_SIZE(15) | RASR_AP(AP_FULL));
    enable_mpu(MPU_PRIVDEFENA);
    MSR("control", CONTROL_NPRIV);
    FAULTING("ldr r0, [%[at_]]", [at_] "r"(0x40000008));
    observe(seen.exception, EXCEPTION_MEM_MANAGE);
    observe(seen.cfsr, CFSR_DACCVIOL | CFSR_MMARVALID);
    observe(seen.mmfar, 0x40000008);
}

/* The MPU refuses before the bus can: no bus fault where nothing is (B3.5.3, B2.3.5). */
CASE_NEEDS(mpu_refuses_before_the_bus, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, 0, RASR_SIZE(16) | RASR_AP(AP_FULL));
    enable_mpu(0);
    FAULTING("ldr r0, [%[at_]]", [at_] "r"(HOLE));
    observe(seen.exception, EXCEPTION_MEM_MANAGE);
    observe(seen.cfsr, CFSR_DACCVIOL | CFSR_MMARVALID);
    observe(seen.mmfar, HOLE);
}

CASE_NEEDS(mpu_background_needs_privdefena, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, 0, RASR_SIZE(16) | RASR_AP(AP_FULL));
    enable_mpu(0);
    FAULTING("ldr r0, [%[at_]]", [at_] "r"(0x40000008));
    observe(seen.cfsr, CFSR_DACCVIOL | CFSR_MMARVALID);
    observe(seen.mmfar, 0x40000008);
}

/* The private peripheral bus needs no region (B3.5.1). */
CASE(mpu_ppb_needs_no_region)
{
    set_region(0, 0, RASR_SIZE(16) | RASR_AP(AP_FULL));
    enable_mpu(0);
    observe(MPU_CTRL, MPU_ENABLE);
    MPU_CTRL = 0;
}


CASE_NEEDS(mpu_execute_never, PERMISSIONS)
{
    expect_mem_manage();
    area[0] = 0xBF004770;
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_FULL) | RASR_XN);
    enable_mpu(MPU_PRIVDEFENA);
    FAULTING("blx %[code]", [code] "r"(AREA + 1));
    observe(seen.exception, EXCEPTION_MEM_MANAGE);
    observe(seen.cfsr, CFSR_IACCVIOL);
    observe(seen.frame[PC] - AREA, 0);
}

CASE_NEEDS(mpu_execute_needs_read, PERMISSIONS)
{
    expect_mem_manage();
    area[0] = 0xBF004770;
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    FAULTING("blx %[code]", [code] "r"(AREA + 1));
    observe(seen.cfsr, CFSR_IACCVIOL);
}

CASE(mpu_code_runs_where_allowed)
{
    expect_mem_manage();
    area[0] = 0xBF004770;
    cpu_synchronize();
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_FULL));
    enable_mpu(MPU_PRIVDEFENA);
    __asm__ volatile("blx %0" ::"r"(AREA + 1) : "lr", "memory");
    observe(seen.count, 0);
}

/* The default map's Execute Never parts hold without an MPU (B3.1). */
CASE(default_map_peripherals_are_execute_never)
{
    expect_mem_manage();
    FAULTING("blx %[code]", [code] "r"(0x40000001));
    observe(seen.exception, EXCEPTION_MEM_MANAGE);
    observe(seen.cfsr, CFSR_IACCVIOL);
    observe(seen.frame[PC], 0x40000000);
}

CASE(default_map_ppb_is_execute_never)
{
    expect_mem_manage();
    FAULTING("blx %[code]", [code] "r"(0xE000E101));
    observe(seen.cfsr, CFSR_IACCVIOL);
}

CASE_NEEDS(mpu_violation_escalates, PERMISSIONS)
{
    expect_fault(EXCEPTION_HARD_FAULT, 0);
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    FAULTING("ldr r0, [%[at_]]", [at_] "r"(AREA));
    observe(seen.exception, EXCEPTION_HARD_FAULT);
    observe(seen.hfsr, HFSR_FORCED);
    observe(seen.cfsr, CFSR_DACCVIOL | CFSR_MMARVALID);
}

static uint32_t value_in_hard_fault;

static void read_in_hard_fault(uint32_t *frame, uint32_t exc_return)
{
    value_in_hard_fault = *(volatile uint32_t *)area;
    resume(frame, exc_return);
}

/* HardFault and NMI see no MPU without HFNMIENA (B3.5.5). */
CASE(mpu_off_in_hard_fault)
{
    area[0] = 0x1234;
    on_exception(EXCEPTION_HARD_FAULT, read_in_hard_fault);
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    FAULTING("udf #0");
    observe(value_in_hard_fault, 0x1234);
    observe(seen.cfsr, CFSR_UNDEFINSTR);
}

CASE(mpu_off_under_faultmask)
{
    area[0] = 0x5678;
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    __asm__ volatile("cpsid f\n\tisb" ::: "memory");
    uint32_t value = *(volatile uint32_t *)area;
    __asm__ volatile("cpsie f" ::: "memory");
    observe(value, 0x5678);
}

static void observe_stacking_violation(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    MPU_CTRL = 0;
    observe(MRS("ipsr"), EXCEPTION_MEM_MANAGE);
    observe(SCB_CFSR & 0xFF & ~CFSR_MMARVALID, CFSR_MSTKERR);
    end_case();
}

CASE(mpu_stacking_violation)
{
    SCB_SHPR(EXCEPTION_SVCALL) = LOW;
    on_exception(EXCEPTION_MEM_MANAGE, observe_stacking_violation);
    on_exception(EXCEPTION_SVCALL, record_a);
    SCB_SHCSR = ALL_FAULTS;
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    MSR("psp", AREA + 512);
    MSR("control", CONTROL_SPSEL);
    __asm__ volatile("svc #0" ::: "memory");
}

static void return_into_the_region(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    MSR("psp", AREA + 256);
    leave_with(EXC_RETURN_THREAD_PSP);
}

static void observe_unstacking_violation(uint32_t *frame, uint32_t exc_return)
{
    (void)frame, (void)exc_return;
    MPU_CTRL = 0;
    observe(MRS("ipsr"), EXCEPTION_MEM_MANAGE);
    observe(SCB_CFSR & 0xFF & ~CFSR_MMARVALID, CFSR_MUNSTKERR);
    end_case();
}

CASE(mpu_unstacking_violation)
{
    on_exception(EXCEPTION_SVCALL, return_into_the_region);
    on_exception(EXCEPTION_MEM_MANAGE, observe_unstacking_violation);
    SCB_SHCSR = ALL_FAULTS;
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    __asm__ volatile("svc #0" ::: "memory");
}

/* An unprivileged access of a privileged program (A7.7.67). */
CASE_NEEDS(mpu_strt_checks_as_user, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_PRIVILEGED));
    enable_mpu(MPU_PRIVDEFENA);
    area[1] = 0;
    FAULTING("strt %[at_], [%[at_], #4]", [at_] "r"(AREA));
    observe_data_violation(AREA + 4);
}

CASE_NEEDS(mpu_ldrt_in_it_block_checks_as_user, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_PRIVILEGED));
    enable_mpu(MPU_PRIVDEFENA);
    FAULTING("cmp r0, r0\n\titt eq\n\tldreq r1, [%[at_], #8]\n\tldrbteq r1, [%[at_], #9]", [at_] "r"(AREA));
    observe_data_violation(AREA + 9);
    observe(seen.frame[XPSR] & XPSR_IT, 0x00000800);
}

/* What an unprivileged access is allowed, no later one gets beyond. */
CASE_NEEDS(mpu_ldrt_grants_nothing, PERMISSIONS)
{
    expect_mem_manage();
    area[2] = 5;
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_USER_READS));
    enable_mpu(MPU_PRIVDEFENA);
    uint32_t value;
    __asm__ volatile("ldrt %0, [%1, #8]" : "=r"(value) : "r"(AREA) : "memory");
    observe(value, 5);
    area[2] = 6;
    __asm__ volatile("ldrt %0, [%1, #8]" : "=r"(value) : "r"(AREA) : "memory");
    observe(value, 6);
    set_region(1, 0, RASR_SIZE(32) | RASR_AP(AP_FULL));
    set_region(2, AREA, RASR_SIZE(10) | RASR_AP(AP_USER_READS));
    cpu_synchronize();
    __asm__ volatile("ldrt %0, [%1, #8]" : "=r"(value) : "r"(AREA) : "memory");
    MSR("control", CONTROL_NPRIV);
    FAULTING("str %[at_], [%[at_], #8]", [at_] "r"(AREA));
    observe_data_violation(AREA + 8);
}

/* The first word of a multiple access is allowed, the second not: the fault names the second (B3.2.17). */
CASE_NEEDS(mpu_multiple_across_the_edge, PERMISSIONS)
{
    expect_mem_manage();
    set_region(0, AREA + 1024, RASR_SIZE(10) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    FAULTING("mov r3, %[at_]\n\tldmia r3!, {r0, r1}", [at_] "r"(AREA + 1020));
    observe_data_violation(AREA + 1024);
    observe(seen.frame[R3] - AREA, 1020);
}

/* Retried after the handler has opened the region: the instruction completes. */
static void open_region(uint32_t *frame, uint32_t exc_return)
{
    note(frame, exc_return);
    SCB_CFSR = seen.cfsr;
    MPU_CTRL = 0;
    cpu_synchronize();
}

CASE_NEEDS(mpu_retry_after_opening, PERMISSIONS)
{
    area[5] = 0xABCD;
    on_exception(EXCEPTION_MEM_MANAGE, open_region);
    SCB_SHCSR = ALL_FAULTS;
    set_region(0, AREA, RASR_SIZE(10) | RASR_AP(AP_NONE));
    enable_mpu(MPU_PRIVDEFENA);
    uint32_t value;
    __asm__ volatile("ldr %0, [%1]" : "=r"(value) : "r"(AREA + 20) : "memory");
    observe(value, 0xABCD);
    observe(seen.count, 1);
}
