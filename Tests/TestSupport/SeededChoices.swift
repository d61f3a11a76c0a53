// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What a test of hostile input draws from a seed; the same everywhere.
public struct SeededChoices {
    private var random: SplitMix64
    public init(seed: UInt64) { random = SplitMix64(state: seed) }
    public mutating func word() -> UInt32 { UInt32(truncatingIfNeeded: random.next()) }
    public mutating func below(_ n: UInt32) -> UInt32 { word() % n }
    public mutating func pick<T>(_ values: [T]) -> T { values[Int(below(UInt32(values.count)))] }
}
