// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Single-precision arithmetic: rounding, NaNs, denormals, flags (A2.5, A7.7, FPSCR: B1.4.7). */
#include "conformance.h"

#define IOC 1u
#define DZC 2u
#define OFC 4u
#define UFC 8u
#define IXC 16u
#define IDC 128u
#define RP (1u << 22)
#define RM (2u << 22)
#define RZ (3u << 22)
#define FZ (1u << 24)
#define DN (1u << 25)
#define AHP (1u << 26)

#define ONE 0x3F800000u
#define TWO 0x40000000u
#define THREE 0x40400000u
#define INF 0x7F800000u
#define NEGATIVE 0x80000000u
#define QNAN 0x7FC00000u
#define SNAN 0x7F800001u
#define SMALLEST 0x00000001u
#define SMALLEST_NORMAL 0x00800000u
#define LARGEST 0x7F7FFFFFu

/* `mode` is FPSCR before; the word behind the result is FPSCR after. */
#define FP(instruction, mode, a, b, c, result, fpscr)                                                                      \
    do {                                                                                                                   \
        uint32_t r_, f_;                                                                                                   \
        __asm__ volatile("vmsr fpscr, %5\n\tvmov s1, %2\n\tvmov s2, %3\n\tvmov s0, %4\n\t" instruction                     \
                         "\n\tvmov %0, s0\n\tvmrs %1, fpscr"                                                               \
                         : "=&r"(r_), "=&r"(f_)                                                                            \
                         : "r"((uint32_t)(a)), "r"((uint32_t)(b)), "r"((uint32_t)(c)), "r"((uint32_t)(mode))               \
                         : "s0", "s1", "s2");                                                                              \
        observe(r_, result);                                                                                               \
        observe(f_, fpscr);                                                                                                \
    } while (0)
#define FP2(operation, mode, a, b, result, fpscr) FP(operation ".f32 s0, s1, s2", mode, a, b, 0, result, fpscr)
#define FP1(operation, mode, a, result, fpscr) FP(operation " s0, s1", mode, a, 0, 0, result, fpscr)

CASE(fp_add_exact) { FP2("vadd", 0, ONE, TWO, THREE, 0); }
CASE(fp_round_to_nearest_even)
{
    FP2("vadd", 0, ONE, 0x33800000, ONE, IXC);
    FP2("vadd", 0, 0x3F800001, 0x33800000, 0x3F800002, IXC);
}
CASE(fp_round_up) { FP2("vadd", RP, ONE, 0x33800000, 0x3F800001, RP | IXC); }
CASE(fp_round_down) { FP2("vadd", RM, 0xBF800000, 0xB3800000, 0xBF800001, RM | IXC); }
CASE(fp_round_to_zero) { FP2("vadd", RZ, 0xBF800000, 0xB3C00000, 0xBF800000, RZ | IXC); }
CASE(fp_zero_signs)
{
    FP2("vsub", 0, ONE, ONE, 0, 0);
    FP2("vsub", RM, ONE, ONE, NEGATIVE, RM);
    FP2("vmul", 0, 0, 0xBF800000, NEGATIVE, 0);
}
CASE(fp_overflow)
{
    FP2("vmul", 0, LARGEST, TWO, INF, OFC | IXC);
    FP2("vmul", RZ, LARGEST, TWO, LARGEST, RZ | OFC | IXC);
}
CASE(fp_underflow)
{
    FP2("vmul", 0, SMALLEST_NORMAL, 0x3F000001, 0x00400000, UFC | IXC);
    FP2("vmul", 0, SMALLEST_NORMAL, 0x3F000000, 0x00400000, 0);
}
CASE(fp_divide_by_zero) { FP2("vdiv", 0, ONE, NEGATIVE, INF | NEGATIVE, DZC); }
CASE(fp_invalid)
{
    FP2("vdiv", 0, 0, 0, QNAN, IOC);
    FP2("vsub", 0, INF, INF, QNAN, IOC);
    FP2("vmul", 0, INF, 0, QNAN, IOC);
}
CASE(fp_third) { FP2("vdiv", 0, ONE, THREE, 0x3EAAAAAB, IXC); }
CASE(fp_quiet_nan_passes) { FP2("vadd", 0, 0x7FC12345, ONE, 0x7FC12345, 0); }
CASE(fp_signalling_nan_is_quieted) { FP2("vadd", 0, SNAN, ONE, 0x7FC00001, IOC); }
/* A signalling NaN goes before a quiet one, whichever operand it is (A2.5.4, FPProcessNaNs). */
CASE(fp_first_nan_wins)
{
    FP2("vadd", 0, 0x7FC00011, 0x7FC00022, 0x7FC00011, 0);
    FP2("vadd", 0, 0x7FC00011, 0x7F800022, 0x7FC00022, IOC);
}
CASE(fp_default_nan)
{
    FP2("vadd", DN, 0xFFC12345, ONE, QNAN, DN);
    FP2("vadd", DN, SNAN, ONE, QNAN, DN | IOC);
}
CASE(fp_denormals_kept) { FP2("vadd", 0, SMALLEST, SMALLEST, 2, 0); }
CASE(fp_flush_inputs)
{
    FP2("vadd", FZ, SMALLEST, ONE, ONE, FZ | IDC);
    FP2("vadd", FZ, 0x80000001, 0x80000001, NEGATIVE, FZ | IDC);
}
CASE(fp_flush_results) { FP2("vmul", FZ, SMALLEST_NORMAL, 0x3F000000, 0, FZ | UFC); }
CASE(fp_flags_are_sticky) { FP2("vadd", IOC | DZC | OFC, ONE, TWO, THREE, IOC | DZC | OFC); }
CASE(fp_square_root)
{
    FP1("vsqrt.f32", 0, 0x40800000, TWO, 0);
    FP1("vsqrt.f32", 0, TWO, 0x3FB504F3, IXC);
    FP1("vsqrt.f32", 0, 0xBF800000, QNAN, IOC);
    FP1("vsqrt.f32", 0, NEGATIVE, NEGATIVE, 0);
}
CASE(fp_fused_rounds_once)
{
    /* (1 + 2^-23)^2 - (1 + 2^-22) is 2^-46 exactly; rounded in between it would be 0. */
    FP("vfma.f32 s0, s1, s2", 0, 0x3F800001, 0x3F800001, 0xBF800002, 0x28800000, 0);
    FP("vmla.f32 s0, s1, s2", 0, 0x3F800001, 0x3F800001, 0xBF800002, 0, IXC);
}
CASE(fp_fused_variants)
{
    FP("vfms.f32 s0, s1, s2", 0, TWO, THREE, ONE, 0xC0A00000, 0);
    FP("vfnma.f32 s0, s1, s2", 0, TWO, THREE, ONE, 0xC0E00000, 0);
    FP("vfnms.f32 s0, s1, s2", 0, TWO, THREE, ONE, 0x40A00000, 0);
    FP("vfma.f32 s0, s1, s2", 0, INF, 0, QNAN, QNAN, IOC);
}
CASE(fp_chained_variants)
{
    FP("vmls.f32 s0, s1, s2", 0, TWO, THREE, ONE, 0xC0A00000, 0);
    FP("vnmla.f32 s0, s1, s2", 0, TWO, THREE, ONE, 0xC0E00000, 0);
    FP("vnmls.f32 s0, s1, s2", 0, TWO, THREE, ONE, 0x40A00000, 0);
    FP2("vnmul", 0, TWO, THREE, 0xC0C00000, 0);
}
/* Neither touches flags nor NaNs: they work on the sign alone. */
CASE(fp_absolute_and_negate)
{
    FP1("vabs.f32", 0, 0xFF800001, SNAN, 0);
    FP1("vneg.f32", 0, SNAN, 0xFF800001, 0);
}

#define COMPARE(instruction, a, b, nzcv_and_flags)                                                                         \
    FP(instruction ".f32 s1, s2", 0, a, b, 0, 0, nzcv_and_flags)
CASE(fp_compare)
{
    COMPARE("vcmp", ONE, TWO, 0x80000000);
    COMPARE("vcmp", TWO, ONE, 0x20000000);
    COMPARE("vcmp", ONE, ONE, 0x60000000);
    COMPARE("vcmp", 0, NEGATIVE, 0x60000000);
}
CASE(fp_compare_nan)
{
    COMPARE("vcmp", QNAN, ONE, 0x30000000);
    COMPARE("vcmp", SNAN, ONE, 0x30000000 | IOC);
    COMPARE("vcmpe", QNAN, ONE, 0x30000000 | IOC);
}
CASE(fp_compare_to_apsr)
{
    uint32_t apsr;
    __asm__ volatile("vmov s0, %1\n\tvcmp.f32 s0, #0\n\tvmrs apsr_nzcv, fpscr\n\tmrs %0, apsr" : "=r"(apsr) : "r"(0xBF800000) : "s0", "cc");
    observe(apsr >> 28, 8);
}

CASE(fp_to_signed)
{
    FP1("vcvt.s32.f32", 0, 0xC0200000, 0xFFFFFFFE, IXC);
    FP1("vcvtr.s32.f32", 0, 0x40200000, 2, IXC);
    FP1("vcvtr.s32.f32", RP, 0x40200000, 3, RP | IXC);
}
CASE(fp_to_integer_saturates)
{
    FP1("vcvt.s32.f32", 0, 0x4F000000, 0x7FFFFFFF, IOC);
    FP1("vcvt.s32.f32", 0, 0xCF000000, 0x80000000, 0);
    FP1("vcvt.u32.f32", 0, 0xBF800000, 0, IOC);
    FP1("vcvt.u32.f32", 0, 0x4F800000, 0xFFFFFFFF, IOC);
    FP1("vcvt.s32.f32", 0, QNAN, 0, IOC);
}
CASE(fp_from_integer)
{
    FP1("vcvt.f32.s32", 0, 0xFFFFFFFF, 0xBF800000, 0);
    FP1("vcvt.f32.u32", 0, 0xFFFFFFFF, 0x4F800000, IXC);
    FP1("vcvt.f32.s32", RZ, 0x7FFFFFFF, 0x4EFFFFFF, RZ | IXC);
}
CASE(fp_fixed_point)
{
    FP("vmov s0, s1\n\tvcvt.s32.f32 s0, s0, #8", 0, 0x3FC00000, 0, 0, 0x180, 0);
    FP("vmov s0, s1\n\tvcvt.f32.s32 s0, s0, #8", 0, 0xFFFFFE80, 0, 0, 0xBFC00000, 0);
    FP("vmov s0, s1\n\tvcvt.u16.f32 s0, s0, #0", 0, 0x47800000, 0, 0, 0xFFFF, IOC);
    FP("vmov s0, s1\n\tvcvt.s16.f32 s0, s0, #15", 0, 0xBF800000, 0, 0, 0xFFFF8000, 0);
}
CASE(fp_half_precision)
{
    FP("vcvtb.f32.f16 s0, s1", 0, 0x3C00, 0, 0, ONE, 0);
    FP("vcvtt.f32.f16 s0, s1", 0, 0x00010000, 0, 0, 0x33800000, 0);
    FP("vcvtb.f16.f32 s0, s1", 0, 0x477FE000, 0, 0xAAAA5555, 0xAAAA7BFF, 0);
    FP("vcvtt.f16.f32 s0, s1", 0, 0x47800000, 0, 0xAAAA5555, 0x7C005555, OFC | IXC);
    FP("vcvtb.f32.f16 s0, s1", 0, 0x7C01, 0, 0, 0x7FC02000, IOC);
}
CASE(fp_alternative_half_precision)
{
    FP("vcvtb.f32.f16 s0, s1", AHP, 0x7C00, 0, 0, 0x47800000, AHP);
    FP("vcvtb.f16.f32 s0, s1", AHP, INF, 0, 0, 0x7FFF, AHP | IOC);
}
CASE(fp_moves)
{
    uint32_t low, high;
    __asm__ volatile("vmov s2, s3, %2, %3\n\tvmov %0, %1, d1" : "=r"(low), "=r"(high) : "r"(0x11111111), "r"(0x22222222) : "s2", "s3");
    observe(low, 0x11111111);
    observe(high, 0x22222222);
    __asm__ volatile("vmov.f32 s0, #-1.5\n\tvmov %0, s0" : "=r"(low)::"s0");
    observe(low, 0xBFC00000);
}
CASE(fp_load_store_multiple)
{
    uint32_t words[6] = { 1, 2, 3, 4, 0, 0 }, *at = words;
    __asm__ volatile("vldmia %0!, {s4-s7}\n\tvstmia %0, {s6-s7}" : "+r"(at)::"s4", "s5", "s6", "s7", "memory");
    observe((uint32_t)(at - words), 4);
    observe(words[4], 3);
    observe(words[5], 4);
    __asm__ volatile("vldr s8, [%0, #4]\n\tvstr s8, [%0]" ::"r"(words) : "s8", "memory");
    observe(words[0], 2);
}
/* Bits 28 to 31, 22 to 26, 7 and 0 to 4 exist; the rest reads zero (B1.4.7). QEMU for the short-vector bits. */
CASE(fp_fpscr_bits)
{
    uint32_t fpscr;
    __asm__ volatile("vmsr fpscr, %1\n\tvmrs %0, fpscr\n\tvmsr fpscr, %2" : "=&r"(fpscr) : "r"(0xFFFFFFFF), "r"(0));
    observe(fpscr, 0xF7C0009F);
}
