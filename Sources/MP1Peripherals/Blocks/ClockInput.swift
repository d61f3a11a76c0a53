// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// A block's kernel clock, as RCC's selections and dividers make it at the moment of asking.
///
/// What asks while it counts goes on with what it was told until it asks again.
struct ClockInput {
    private let controller: Unmanaged<RCC>?
    private let clock: KernelClock

    /// - Parameter block: RM0436's name. A block of which the chip does not tell a clock runs on the core's.
    init(_ block: String, on interconnect: Interconnect) {
        controller = interconnect.clockController
        clock = interconnect.chip.kernelClocks.clock(of: block) ?? KernelClock(nil, [.core])
    }

    private var source: ClockSource {
        guard clock.selector != nil, let controller else { return clock.sources.first ?? .core }
        return controller._withUnsafeGuaranteedRef { $0.selected(clock) }
    }

    /// 0 where nothing drives the source.
    var hertz: UInt64 { controller?._withUnsafeGuaranteedRef { $0.hertz(source) } ?? 0 }

    /// Core cycles that one of its periods takes: exact for what is divided from the core's clock; nil without a clock.
    var coreCycles: UInt64? { controller.flatMap { $0._withUnsafeGuaranteedRef { $0.coreCycles(source) } } }
}
