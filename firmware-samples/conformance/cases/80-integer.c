// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/* Integer instructions and the flags they leave (A7.7). */
#include "operations.h"

CASE(int_add_flags)
{
    FLAGS2("adds", 0, 0x7FFFFFFF, 1, 0x80000000, N | V);
    FLAGS2("adds", 0, 0xFFFFFFFF, 1, 0, Z | C);
    FLAGS2("adds", Q | GE(5), 0x80000000, 0x80000000, 0, Z | C | V | Q | GE(5));
}

CASE(int_subtract_flags)
{
    FLAGS2("subs", 0, 5, 5, 0, Z | C);
    FLAGS2("subs", 0, 4, 5, 0xFFFFFFFF, N);
    FLAGS2("subs", 0, 0x80000000, 1, 0x7FFFFFFF, C | V);
}

CASE(int_carry_chain)
{
    FLAGS2("adcs", C, 0xFFFFFFFF, 0, 0, Z | C);
    FLAGS2("adcs", C, 0x7FFFFFFF, 0, 0x80000000, N | V);
    FLAGS2("sbcs", 0, 5, 4, 0, Z | C);
    FLAGS2("sbcs", 0, 0, 0, 0xFFFFFFFF, N);
}

CASE(int_reverse_subtract)
{
    FLAGS2("rsbs", 0, 1, 0, 0xFFFFFFFF, N);
    FLAGS1I("rsbs", "#0", 0, 0x80000000, 0x80000000, N | V);
}

CASE(int_lsl_by_register)
{
    FLAGS2("lsls", 0, 1, 31, 0x80000000, N);
    FLAGS2("lsls", 0, 1, 32, 0, Z | C);
    FLAGS2("lsls", C, 1, 33, 0, Z);
    FLAGS2("lsls", C, 1, 0x100, 1, C);
}

CASE(int_lsr_by_register)
{
    FLAGS2("lsrs", 0, 0x80000000, 31, 1, 0);
    FLAGS2("lsrs", 0, 0x80000000, 32, 0, Z | C);
    FLAGS2("lsrs", C, 0x80000000, 33, 0, Z);
}

CASE(int_asr_by_register)
{
    FLAGS2("asrs", 0, 0x80000000, 32, 0xFFFFFFFF, N | C);
    FLAGS2("asrs", 0, 0x80000000, 255, 0xFFFFFFFF, N | C);
    FLAGS2("asrs", C, 0x40000000, 40, 0, Z);
}

CASE(int_ror_by_register)
{
    FLAGS2("rors", 0, 0x80000001, 1, 0xC0000000, N | C);
    FLAGS2("rors", 0, 0x80000001, 32, 0x80000001, N | C);
    FLAGS2("rors", C, 0x40000001, 0, 0x40000001, C);
}

CASE(int_shift_by_immediate)
{
    FLAGS1I("lsrs", "#32", 0, 0x80000000, 0, Z | C);
    FLAGS1I("asrs", "#32", 0, 0x80000000, 0xFFFFFFFF, N | C);
    FLAGS1("rrxs", C, 1, 0x80000000, N | C);
    FLAGS1("rrxs", 0, 1, 0, Z | C);
}

/* The carry of a modified immediate is its bit 31 when it was rotated, and unchanged when not (A5.3.2). */
CASE(int_modified_immediate_carry)
{
    FLAGS1I("ands", "#0x80000000", 0, 0xFFFFFFFF, 0x80000000, N | C);
    FLAGS1I("ands", "#0x0FF00000", C, 0xFFFFFFFF, 0x0FF00000, 0);
    FLAGS1I("ands", "#0xFF", C, 0xFFFFFFFF, 0xFF, C);
    FLAGS1I("ands", "#0x00FF00FF", C, 0xFFFFFFFF, 0x00FF00FF, C);
}

CASE(int_logic)
{
    RESULT2("bic", 0xFF00FF00, 0x0F0F0F0F, 0xF000F000);
    RESULT2("orn", 0xF0000000, 0xFFFFFFF0, 0xF000000F);
    RESULT2("eor", 0xAAAAAAAA, 0xFFFF0000, 0x5555AAAA);
    RESULT1("mvn", 0x0F0F0F0F, 0xF0F0F0F0);
}

CASE(int_multiply)
{
    FLAGS2("mul", N | C | V, 0xFFFFFFFF, 0xFFFFFFFF, 1, N | C | V);
    RESULT3("mla", 0x10000, 0x10000, 7, 7);
    RESULT3("mls", 3, 5, 7, 0xFFFFFFF8);
}

CASE(int_multiply_long)
{
    LONG("umull", 0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 1);
    LONG("smull", 0, 0, 0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x80000001);
    LONG("smull", 0, 0, 0x80000000, 0x80000000, 0x40000000, 0);
}

CASE(int_multiply_accumulate_long)
{
    LONG("umlal", 0, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0);
    LONG("smlal", 0, 0, 0xFFFFFFFF, 1, 0xFFFFFFFF, 0xFFFFFFFF);
    LONG("umaal", 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF);
}

CASE(int_divide_limits)
{
    RESULT2("sdiv", 0x80000000, 0xFFFFFFFF, 0x80000000);
    RESULT2("sdiv", 0xFFFFFFF9, 2, 0xFFFFFFFD);
    RESULT2("udiv", 0xFFFFFFFF, 2, 0x7FFFFFFF);
    RESULT2("udiv", 0x80000000, 0xFFFFFFFF, 0);
}

CASE(int_divide_by_zero_untrapped)
{
    RESULT2("sdiv", 0x80000000, 0, 0);
    RESULT2("udiv", 7, 0, 0);
}

CASE(int_clz)
{
    RESULT1("clz", 0, 32);
    RESULT1("clz", 1, 31);
    RESULT1("clz", 0x80000000, 0);
}

CASE(int_bit_reversal)
{
    RESULT1("rbit", 0x12345678, 0x1E6A2C48);
    RESULT1("rev", 0x12345678, 0x78563412);
    RESULT1("rev16", 0x12345678, 0x34127856);
    RESULT1("revsh", 0x12345680, 0xFFFF8056);
}

CASE(int_bitfield_extract)
{
    RESULT1I("ubfx", "#4, #8", 0x12345678, 0x67);
    RESULT1I("sbfx", "#4, #8", 0x00000F80, 0xFFFFFFF8);
    RESULT1I("ubfx", "#31, #1", 0x80000000, 1);
    RESULT1I("sbfx", "#0, #32", 0x80000001, 0x80000001);
}

CASE(int_bitfield_insert)
{
    uint32_t word = 0xFFFFFFFF;
    __asm__("bfi %0, %1, #8, #12" : "+r"(word) : "r"(0x5A5));
    observe(word, 0xFFF5A5FF);
    __asm__("bfc %0, #0, #4" : "+r"(word));
    observe(word, 0xFFF5A5F0);
    __asm__("bfi %0, %1, #31, #1" : "+r"(word) : "r"(2));
    observe(word, 0x7FF5A5F0);
}

CASE(int_extend)
{
    RESULT1("sxtb", 0x80, 0xFFFFFF80);
    RESULT1I("uxth", "ror #8", 0x12345678, 0x3456);
    RESULT1I("sxtb16", "ror #8", 0x80FF7F01, 0xFF80007F);
    RESULT2("uxtab", 0x100, 0x1FF, 0x1FF);
}

CASE(int_wide_moves)
{
    uint32_t word;
    __asm__("movw %0, #0xBEEF\n\tmovt %0, #0xDEAD" : "=r"(word));
    observe(word, 0xDEADBEEF);
}

CASE(int_compare_negative)
{
    uint32_t flags;
    __asm__ volatile("cmn %1, %2\n\tmrs %0, apsr" : "=r"(flags) : "r"(1), "r"(0xFFFFFFFF) : "cc");
    observe(flags & (N | Z | C | V), Z | C);
    __asm__ volatile("cmp %1, %2\n\tmrs %0, apsr" : "=r"(flags) : "r"(0x80000000), "r"(0x7FFFFFFF) : "cc");
    observe(flags & (N | Z | C | V), C | V);
}

CASE(int_test_takes_shifters_carry)
{
    uint32_t flags;
    __asm__ volatile("msr apsr_nzcvqg, %3\n\ttst %1, %2, lsl #1\n\tmrs %0, apsr" : "=r"(flags) : "r"(0), "r"(0x80000000), "r"(V) : "cc");
    observe(flags & (N | Z | C | V), Z | C | V);
    __asm__ volatile("msr apsr_nzcvqg, %3\n\tteq %1, %2, ror #1\n\tmrs %0, apsr" : "=r"(flags) : "r"(0), "r"(1), "r"(0) : "cc");
    observe(flags & (N | Z | C | V), N | C);
}

/* 16-bit data processing does not set flags inside an IT block (A7.7.3, ADDS/ADD). */
CASE(it_keeps_flags)
{
    uint32_t flags, sum = 0;
    __asm__ volatile("movs r0, #0\n\tmov r1, #5\n\titt eq\n\taddeq r1, r1, #3\n\tmoveq %1, r1\n\tmrs %0, apsr"
                     : "=r"(flags), "+r"(sum)::"r0", "r1", "cc");
    observe(flags & Z, Z);
    observe(sum, 8);
}

CASE(it_compares_change_the_condition)
{
    uint32_t taken = 0;
    __asm__ volatile("cmp %0, #0\n\tittt eq\n\tcmpeq %0, #1\n\taddeq %0, #1\n\taddeq %0, #2" : "+r"(taken)::"cc");
    observe(taken, 0);
}

CASE(it_four_with_else)
{
    uint32_t word = 0;
    __asm__ volatile("cmp %0, #1\n\titete lt\n\torrlt %0, #1\n\torrge %0, #2\n\torrlt %0, #4\n\torrge %0, #8" : "+r"(word)::"cc");
    observe(word, 5);
}

CASE(it_branch_at_its_end)
{
    uint32_t word = 0;
    __asm__ volatile("cmp %0, #0\n\titt eq\n\taddeq %0, #1\n\tbeq 1f\n\tadd %0, #16\n\t1:" : "+r"(word)::"cc");
    observe(word, 1);
}

CASE(it_all_conditions)
{
    /* One bit a condition, from EQ on, with N and V set: LT and GE look at both (A7.3). */
    uint32_t word = 0;
    __asm__ volatile("msr apsr_nzcvq, %1\n\t"
                     "it eq\n\torreq %0, #0x1\n\tit ne\n\torrne %0, #0x2\n\tit cs\n\torrcs %0, #0x4\n\tit cc\n\torrcc %0, #0x8\n\t"
                     "it mi\n\torrmi %0, #0x10\n\tit pl\n\torrpl %0, #0x20\n\tit vs\n\torrvs %0, #0x40\n\tit vc\n\torrvc %0, #0x80\n\t"
                     "it hi\n\torrhi %0, #0x100\n\tit ls\n\torrls %0, #0x200\n\tit ge\n\torrge %0, #0x400\n\tit lt\n\torrlt %0, #0x800\n\t"
                     "it gt\n\torrgt %0, #0x1000\n\tit le\n\torrle %0, #0x2000"
                     : "+r"(word)
                     : "r"(N | V)
                     : "cc");
    observe(word, 0x165A);
}

CASE(branch_table)
{
    uint32_t word;
    __asm__ volatile("movs r0, #1\n\ttbb [pc, r0]\n\t1: .byte (2f - 1b) / 2, (3f - 1b) / 2\n\t"
                     "2: movs %0, #22\n\tb 4f\n\t3: movs %0, #33\n\t4:"
                     : "=l"(word)::"r0", "cc");
    observe(word, 33);
    __asm__ volatile("movs r0, #1\n\ttbh [pc, r0, lsl #1]\n\t1: .hword (2f - 1b) / 2, (3f - 1b) / 2\n\t"
                     "2: movs %0, #22\n\tb 4f\n\t3: movs %0, #44\n\t4:"
                     : "=l"(word)::"r0", "cc");
    observe(word, 44);
}

CASE(branch_compare_zero)
{
    uint32_t word = 0, zero = 0;
    __asm__ volatile("cbz %1, 1f\n\tadds %0, #1\n\t1: cbnz %1, 2f\n\tadds %0, #2\n\t2:" : "+l"(word) : "l"(zero) : "cc");
    observe(word, 2);
}

CASE(pc_reads_four_ahead)
{
    uint32_t address, pc;
    __asm__ volatile(".p2align 2\n\t1: mov %0, pc\n\tadr %1, 1b" : "=r"(pc), "=r"(address));
    observe(pc - address, 4);
}
