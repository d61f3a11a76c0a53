// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

#include "pump.h"

extern "C" __attribute__((noinline)) int pump(int steps)
{
    plant::Pump pump(2);
    int sum = pump.start(steps); // line: pump
    return sum + plant::twice<int>(sum) + static_cast<int>(plant::twice<unsigned char>(3)) + plant::clamp(sum);
}
