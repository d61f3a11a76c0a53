// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Saturation, the Q flag, the SIMD instructions and the GE flags (A7.7, B1.4.2). */
#include "operations.h"

CASE(sat_qadd)
{
    FLAGS2("qadd", 0, 0x7FFFFFFF, 1, 0x7FFFFFFF, Q);
    FLAGS2("qadd", 0, 0x80000000, 0xFFFFFFFF, 0x80000000, Q);
    FLAGS2("qadd", N | C, 1, 2, 3, N | C);
}

CASE(sat_qsub)
{
    FLAGS2("qsub", 0, 0x80000000, 1, 0x80000000, Q);
    FLAGS2("qsub", 0, 5, 7, 0xFFFFFFFE, 0);
}

CASE(sat_qdadd)
{
    FLAGS2("qdadd", 0, 1, 0x40000000, 0x7FFFFFFF, Q);
    FLAGS2("qdadd", 0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFFFFE, Q);
    FLAGS2("qdsub", 0, 0, 0x80000000, 0x7FFFFFFF, Q);
}

CASE(sat_q_is_sticky)
{
    FLAGS2("qadd", Q, 1, 1, 2, Q);
}

CASE(sat_ssat)
{
    uint32_t r, f;
    __asm__ volatile("msr apsr_nzcvqg, %3\n\tssat %0, #8, %2\n\tmrs %1, apsr" : "=&r"(r), "=&r"(f) : "r"(128), "r"(0) : "cc");
    observe(r, 127);
    observe(f, Q);
    __asm__ volatile("msr apsr_nzcvqg, %3\n\tssat %0, #8, %2\n\tmrs %1, apsr" : "=&r"(r), "=&r"(f) : "r"(-129), "r"(0) : "cc");
    observe(r, 0xFFFFFF80);
    observe(f, Q);
    __asm__ volatile("msr apsr_nzcvqg, %3\n\tssat %0, #32, %2\n\tmrs %1, apsr" : "=&r"(r), "=&r"(f) : "r"(0x80000000), "r"(0) : "cc");
    observe(r, 0x80000000);
    observe(f, 0);
}

CASE(sat_usat)
{
    uint32_t r, f;
    __asm__ volatile("msr apsr_nzcvqg, %3\n\tusat %0, #8, %2\n\tmrs %1, apsr" : "=&r"(r), "=&r"(f) : "r"(-1), "r"(0) : "cc");
    observe(r, 0);
    observe(f, Q);
    __asm__ volatile("msr apsr_nzcvqg, %3\n\tusat %0, #0, %2\n\tmrs %1, apsr" : "=&r"(r), "=&r"(f) : "r"(1), "r"(0) : "cc");
    observe(r, 0);
    observe(f, Q);
    __asm__ volatile("msr apsr_nzcvqg, %3\n\tusat %0, #8, %2, asr #4\n\tmrs %1, apsr" : "=&r"(r), "=&r"(f) : "r"(0xFFF), "r"(0) : "cc");
    observe(r, 0xFF);
    observe(f, 0);
}

CASE(sat_ssat16)
{
    uint32_t r, f;
    __asm__ volatile("msr apsr_nzcvqg, %3\n\tssat16 %0, #8, %2\n\tmrs %1, apsr" : "=&r"(r), "=&r"(f) : "r"(0x0100FF00), "r"(0) : "cc");
    observe(r, 0x007FFF80);
    observe(f, Q);
    __asm__ volatile("msr apsr_nzcvqg, %3\n\tusat16 %0, #8, %2\n\tmrs %1, apsr" : "=&r"(r), "=&r"(f) : "r"(0x8000007F), "r"(0) : "cc");
    observe(r, 0x0000007F);
    observe(f, Q);
}

CASE(simd_sadd8_ge) { FLAGS2("sadd8", 0, 0x7F80FF01, 0x01017F01, 0x80817E02, GE(0xB)); }
CASE(simd_uadd8_ge) { FLAGS2("uadd8", 0, 0xFF80FF01, 0x01800101, 0x00000002, GE(0xE)); }
CASE(simd_ssub8_ge) { FLAGS2("ssub8", 0, 0x00800001, 0x01010101, 0xFF7FFF00, GE(0x1)); }
CASE(simd_usub8_ge) { FLAGS2("usub8", GE(0xF), 0x00800001, 0x01010101, 0xFF7FFF00, GE(0x5)); }
CASE(simd_sadd16_ge) { FLAGS2("sadd16", 0, 0x7FFF8000, 0x0001FFFF, 0x80007FFF, GE(0xC)); }
CASE(simd_uadd16_ge) { FLAGS2("uadd16", 0, 0xFFFF0001, 0x00010001, 0x00000002, GE(0xC)); }
CASE(simd_usub16_ge) { FLAGS2("usub16", 0, 0x00010005, 0x00020004, 0xFFFF0001, GE(0x3)); }
CASE(simd_sasx_ge) { FLAGS2("sasx", 0, 0x00020001, 0x00030004, 0x0006FFFE, GE(0xC)); }
CASE(simd_ssax_ge) { FLAGS2("ssax", 0, 0x00020001, 0x00030004, 0xFFFE0004, GE(0x3)); }
CASE(simd_uasx_ge) { FLAGS2("uasx", 0, 0xFFFF0001, 0x00020001, 0x0000FFFF, GE(0xC)); }

CASE(simd_saturating)
{
    FLAGS2("qadd8", 0, 0x7F80FF01, 0x01FF0101, 0x7F800002, 0);
    FLAGS2("uqadd8", 0, 0xFF80FF01, 0x01800101, 0xFFFFFF02, 0);
    FLAGS2("qsub16", 0, 0x80007FFF, 0x0001FFFF, 0x80007FFF, 0);
    FLAGS2("uqsub16", 0, 0x00010005, 0x00020004, 0x00000001, 0);
}

CASE(simd_halving)
{
    RESULT2("shadd8", 0x7F80FF01, 0x7F80FF03, 0x7F80FF02);
    RESULT2("uhadd8", 0xFFFF0001, 0xFF010001, 0xFF800001);
    RESULT2("shsub16", 0x80007FFF, 0x7FFF8000, 0x80007FFF);
    RESULT2("uhsub16", 0x00000002, 0x00010000, 0xFFFF0001);
}

CASE(simd_select)
{
    uint32_t r;
    __asm__ volatile("msr apsr_g, %3\n\tsel %0, %1, %2" : "=r"(r) : "r"(0x11223344), "r"(0xAABBCCDD), "r"(GE(0x5)));
    observe(r, 0xAA22CC44);
}

CASE(simd_usad)
{
    RESULT2("usad8", 0xFF000180, 0x00FF0281, 0x200);
    RESULT3("usada8", 0xFF000000, 0, 0xFFFFFF01, 0);
}

CASE(simd_pack)
{
    uint32_t r;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(r) : "r"(0x11112222), "r"(0x33334444));
    observe(r, 0x44442222);
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(r) : "r"(0x11112222), "r"(0x83334444));
    observe(r, 0x11118333);
}

CASE(simd_extend_and_add)
{
    RESULT2("sxtab16", 0x00010001, 0x00FF0080, 0x0000FF81);
    RESULT2("uxtab16", 0xFFFF0001, 0x000100FF, 0x00000100);
    RESULT1("uxtb16", 0x12345678, 0x00340078);
}

CASE(simd_dual_multiply)
{
    FLAGS2("smuad", 0, 0x80008000, 0x80008000, 0x80000000, Q);
    FLAGS2("smuad", 0, 0x00020003, 0x00040005, 23, 0);
    FLAGS2("smuadx", 0, 0x00020003, 0x00040005, 22, 0);
    FLAGS2("smusd", 0, 0x00020003, 0x00040005, 7, 0);
    FLAGS2("smusdx", 0, 0x00020003, 0x00040005, 2, 0);
}

CASE(simd_dual_multiply_accumulate)
{
    FLAGS3("smlad", 0, 0x00020003, 0x00040005, 0x7FFFFFFF, 0x80000016, Q);
    FLAGS3("smlsd", 0, 0x00020003, 0x00040005, 1, 8, 0);
    FLAGS3("smladx", 0, 0x80008000, 0x80008000, 0, 0x80000000, Q);
}

CASE(simd_dual_multiply_accumulate_long)
{
    LONG("smlald", 0, 0xFFFFFFFF, 0x00020003, 0x00040005, 1, 22);
    LONG("smlsld", 0, 0, 0x00040003, 0x00040005, 0xFFFFFFFF, 0xFFFFFFFF);
    LONG("smlaldx", 0, 0, 0x80008000, 0x80008000, 0, 0x80000000);
}

CASE(dsp_multiply_halfwords)
{
    RESULT2("smulbb", 0x0000FFFF, 0x00000002, 0xFFFFFFFE);
    RESULT2("smultb", 0x80000000, 0x00008000, 0x40000000);
    FLAGS3("smlabb", 0, 0x7FFF, 0x7FFF, 0x7FFFFFFF, 0xBFFF0000, Q);
    LONG("smlaltt", 0, 0, 0x80000000, 0x00010000, 0xFFFFFFFF, 0xFFFF8000);
}

CASE(dsp_multiply_word_by_halfword)
{
    RESULT2("smulwb", 0x80000000, 0x0000FFFF, 0x00008000);
    RESULT2("smulwt", 0x00010000, 0x00030000, 3);
    FLAGS3("smlawb", 0, 0x7FFFFFFF, 0x7FFF, 0x7FFFFFFF, 0xBFFF7FFE, Q);
}

CASE(dsp_most_significant_word)
{
    RESULT2("smmul", 0x80000000, 0x80000000, 0x40000000);
    RESULT2("smmulr", 0x00008000, 0x00010000, 1);
    RESULT2("smmul", 0x00008000, 0x00010000, 0);
    RESULT3("smmla", 0x40000000, 4, 5, 6);
    RESULT3("smmls", 0x40000000, 4, 5, 4);
    RESULT3("smmlsr", 1, 1, 0, 0);
}
