// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Lets virtual time follow the wall clock: how far the board may run now.
///
/// A host that is too slow for the firmware falls behind. What it is more than `mostLag` behind is given up, and counted: a board that caught up
/// in a burst would show the guest a processor that is faster than the chip's.
struct WallPacer {
    static let mostLag = VirtualTime.milliseconds(20)

    private let started: ContinuousClock.Instant
    /// Virtual time at `started`.
    private let origin: VirtualTime
    /// Virtual time that the board did not get.
    private(set) var lost = VirtualTime.zero

    init(from now: VirtualTime) {
        started = ContinuousClock.now
        origin = now
    }

    /// What virtual time is to be now, for a board that has come to `now`.
    mutating func target(_ now: VirtualTime) -> VirtualTime {
        let due = origin + wall - lost
        guard due > now, due - now > Self.mostLag else { return due }
        lost = lost + (due - now - Self.mostLag)
        return now + Self.mostLag
    }

    private var wall: VirtualTime {
        let passed = ContinuousClock.now - started
        let (seconds, attoseconds) = passed.components
        return VirtualTime(nanoseconds: UInt64(max(seconds, 0)) &* 1_000_000_000 &+ UInt64(max(attoseconds, 0) / 1_000_000_000))
    }
}
