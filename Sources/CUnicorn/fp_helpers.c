// Additions and multiplications in single precision, fused ones too, on the host's own unit where that is exact: to nearest, on normal
// numbers, with a normal result, and INEXACT, the one flag that such an operation can raise, raised already. The engine does so
// itself, but behind two more calls and one into libc. All else is left to it.
//
// These take the place of the engine's functions in the bundled library; see scripts/setup. Tested against QEMU's results by
// the sample `conformance`.
#if __has_include(<unicorn/m4run_bundle.h>)
#include <unicorn/m4run_bundle.h>
#endif
#ifdef M4RUN_BUNDLED_UNICORN_2_1_4
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/// The engine's state of the FPU, as far as it matters here.
typedef struct fp_status { int8_t tininess, rounding_mode; uint8_t flags; } fp_status;
enum { TO_NEAREST = 0, INEXACT = 32 };

uint32_t float32_muladd_arm(uint32_t a, uint32_t b, uint32_t c, int flags, void *status);
uint32_t float32_add_arm(uint32_t a, uint32_t b, void *status);
uint32_t float32_sub_arm(uint32_t a, uint32_t b, void *status);
uint32_t float32_mul_arm(uint32_t a, uint32_t b, void *status);
uint32_t helper_vfp_muladds_arm(uint32_t a, uint32_t b, uint32_t c, void *status);
uint32_t helper_vfp_adds_arm(uint32_t a, uint32_t b, void *status);
uint32_t helper_vfp_subs_arm(uint32_t a, uint32_t b, void *status);
uint32_t helper_vfp_muls_arm(uint32_t a, uint32_t b, void *status);

static inline bool is_plain(const fp_status *s) { return s->flags & INEXACT && s->rounding_mode == TO_NEAREST; }
static inline bool is_normal(uint32_t x) { return (x >> 23 & 0xFF) - 1 < 0xFE; }
static inline bool is_normal_or_zero(uint32_t x) { return is_normal(x) || x << 1 == 0; }
/// Not so small either that the result before rounding might not have been.
static inline bool is_well_normal(uint32_t x) { return (x >> 23 & 0xFF) - 2 < 0xFD; }

static inline float number(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}
static inline uint32_t bits(float value) {
    uint32_t result;
    memcpy(&result, &value, sizeof result);
    return result;
}

uint32_t helper_vfp_adds_arm(uint32_t a, uint32_t b, void *status) {
    if (is_plain(status) && is_normal(a) && is_normal(b)) {
        uint32_t result = bits(number(a) + number(b));
        if (is_well_normal(result)) return result;
    }
    return float32_add_arm(a, b, status);
}

uint32_t helper_vfp_subs_arm(uint32_t a, uint32_t b, void *status) {
    if (is_plain(status) && is_normal(a) && is_normal(b)) {
        uint32_t result = bits(number(a) - number(b));
        if (is_well_normal(result)) return result;
    }
    return float32_sub_arm(a, b, status);
}

uint32_t helper_vfp_muls_arm(uint32_t a, uint32_t b, void *status) {
    if (is_plain(status) && is_normal(a) && is_normal(b)) {
        uint32_t result = bits(number(a) * number(b));
        if (is_well_normal(result)) return result;
    }
    return float32_mul_arm(a, b, status);
}

#if defined(__x86_64__)
#define FUSES __attribute__((target("fma"), noinline))
static bool can_fuse;
__attribute__((constructor)) static void look_at_processor(void) {
    __builtin_cpu_init();
    can_fuse = __builtin_cpu_supports("fma");
}
#else
#define FUSES
enum { can_fuse = true };
#endif

FUSES static uint32_t fuse(uint32_t a, uint32_t b, uint32_t c, void *status) {
    uint32_t result = bits(__builtin_fmaf(number(a), number(b), number(c)));
    return is_well_normal(result) ? result : float32_muladd_arm(a, b, c, 0, status);
}

uint32_t helper_vfp_muladds_arm(uint32_t a, uint32_t b, uint32_t c, void *status) {
    if (can_fuse && is_plain(status) && is_normal(a) && is_normal(b) && is_normal_or_zero(c)) return fuse(a, b, c, status);
    return float32_muladd_arm(a, b, c, 0, status);
}
#endif
