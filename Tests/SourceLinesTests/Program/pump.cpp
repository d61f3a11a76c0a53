// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "pump.h"

namespace plant {

int Pump::count = 0;

static __attribute__((noinline)) int helper(int value)
{
    return mix(value, 3) + clamp(value); // line: helper
}

int Pump::start(int steps)
{
    int sum = 0;
    for (int i = 0; i < steps; i++) {
        sum += helper(i + rate()); // line: start
    }
    count++;
    return clamp(sum); // line: clamped
}

}

extern "C" int never_called(int a)
{
    volatile int x = a;
    x += 1;
    x += 2;
    x += 3;
    return plant::clamp(x) + x;
}

extern "C" __attribute__((noinline)) int total(const int *numbers, int count)
{
    // A frame whose size only the run knows.
    int *copy = static_cast<int *>(__builtin_alloca(static_cast<unsigned>(count) * sizeof(int)));
    int sum = 0;
    copy[0] = count;
    for (int i = 0; i < count; i++) {
        copy[i] = mix(numbers[i], 1);
    }
    stop(copy[0]); // line: total
    for (int i = 0; i < count; i++) {
        sum += copy[i];
    }
    return sum;
}
