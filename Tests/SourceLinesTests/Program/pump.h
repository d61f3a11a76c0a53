// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// A small program for tests of debugging information: names, inlined calls, templates, functions that a linker drops.
#pragma once
#include <stdint.h>

namespace plant {

class Pump {
public:
    explicit Pump(int rate) : rate_(rate) {}
    int start(int steps);
    int rate() const { return rate_; }
    static int count;

private:
    int rate_;
};

template <class T>
__attribute__((noinline)) T twice(T value)
{
    volatile T kept = value; // line: twice
    return kept + value;
}

// Inlined wherever it is called.
static inline __attribute__((always_inline)) int clamp(int value)
{
    volatile int kept = value; // line: clamp
    return kept > 100 ? 100 : kept;
}

}

extern "C" {
int mix(int a, int b);
int total(const int *numbers, int count);
int never_called(int a);
void stop(int value);
}
