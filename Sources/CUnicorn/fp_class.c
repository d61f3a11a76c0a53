// The engine's fused multiply-add asks libc whether a number is infinite, through the procedure linkage table, three times each: a fifth
// of what a loop of them takes. A statically linked engine finds this one first.
// Source: ISO C 7.12.3.3, as glibc has it: 1 for +infinity, -1 for -infinity, otherwise 0.
#include <stdint.h>
#include <string.h>

int __isinff(float value);

int __isinff(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x7FFFFFFF) == 0x7F800000 ? 1 | (int)bits >> 31 : 0;
}
