// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: GPL-2.0-only

/*
 * Single precision on the host's own unit where that is exact: to nearest, on normal numbers, with a normal result, and INEXACT, the one
 * flag that such an operation can raise, raised already. Each function answers whether it was; else the caller takes the long way.
 * Tested against QEMU's results by the sample `conformance`.
 */
#ifndef M4RUN_FLOAT_H
#define M4RUN_FLOAT_H

#include "fpu/softfloat.h"

static inline bool m4run_is_plain(const float_status *s)
{
    return (s->float_exception_flags & float_flag_inexact) && s->float_rounding_mode == float_round_nearest_even;
}
static inline bool m4run_is_normal(float32 x) { return (float32_val(x) >> 23 & 0xFF) - 1 < 0xFE; }
static inline bool m4run_is_normal_or_zero(float32 x) { return m4run_is_normal(x) || float32_val(x) << 1 == 0; }
/* Not so small either that the result before rounding might not have been. */
static inline bool m4run_is_well_normal(float32 x) { return (float32_val(x) >> 23 & 0xFF) - 2 < 0xFD; }

static inline float m4run_number(float32 x)
{
    float value;
    memcpy(&value, &x, sizeof value);
    return value;
}
static inline float32 m4run_bits(float value)
{
    float32 x;
    memcpy(&x, &value, sizeof x);
    return x;
}

#define M4RUN_QUICK(name, operator) \
static inline bool m4run_ ## name(float32 a, float32 b, const float_status *s, float32 *result) \
{ \
    if (!m4run_is_plain(s) || !m4run_is_normal(a) || !m4run_is_normal(b)) { \
        return false; \
    } \
    *result = m4run_bits(m4run_number(a) operator m4run_number(b)); \
    return m4run_is_well_normal(*result); \
}
M4RUN_QUICK(add, +)
M4RUN_QUICK(sub, -)
M4RUN_QUICK(mul, *)
#undef M4RUN_QUICK

#if defined(__x86_64__)
#define M4RUN_FUSES __attribute__((target("fma"), noinline))
static bool m4run_can_fuse;
__attribute__((constructor)) static void m4run_look_at_processor(void)
{
    __builtin_cpu_init();
    m4run_can_fuse = __builtin_cpu_supports("fma");
}
#else
#define M4RUN_FUSES
enum { m4run_can_fuse = true };
#endif

M4RUN_FUSES static float32 m4run_fuse(float32 a, float32 b, float32 c)
{
    return m4run_bits(__builtin_fmaf(m4run_number(a), m4run_number(b), m4run_number(c)));
}

static inline bool m4run_muladd(float32 a, float32 b, float32 c, const float_status *s, float32 *result)
{
    if (!m4run_can_fuse || !m4run_is_plain(s) || !m4run_is_normal(a) || !m4run_is_normal(b) || !m4run_is_normal_or_zero(c)) {
        return false;
    }
    *result = m4run_fuse(a, b, c);
    return m4run_is_well_normal(*result);
}

#endif
