// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn

/// How many cycles of the core clock instructions take: what virtual time, SysTick and CYCCNT follow. Retired instructions are
/// counted exactly under both.
public enum CycleModel: String, Sendable, CaseIterable {
    /// One instruction, one cycle; exceptions take none.
    case instructions
    /// The Cortex-M4's own counts as far as an instruction's encoding tells: see FIDELITY.md for the table. No wait states.
    case coarse

    /// Exception entry, return, and both in one when tail-chained, with zero-wait-state memory.
    /// Source: Cortex-M4 TRM r0p1, 3.9.1.
    static let entry: UInt32 = 12, exceptionReturn: UInt32 = 10, tailChain: UInt32 = 6
}
