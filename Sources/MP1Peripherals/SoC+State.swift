// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

extension SoC {
    /// All of the peripherals that changes: registers, what blocks count and remember, lines, and what was reported. It belongs to SoCs of the
    /// same chip and configuration. What hosts attach to buses has its own state, and the host's clock is the host's.
    public struct State: Equatable, Sendable, CustomStringConvertible {
        /// By index in the register map; nil for those that nobody has made yet.
        var blocks: [RegisterBlock.Snapshot?]
        var lines: Interconnect.Lines
        var requests: DMARequestLines.Levels
        var pins: [PinSignals.Level]
        var isMCUStopped: Bool
        var unmodelled: UnmodelledRegisters

        public var description: String { "state of \(blocks.count { $0?.words != nil }) blocks" }
    }

    /// Saves all of it, or restores it: O(registers of the blocks that were touched). Restoring tells the host nothing: its interrupt lines,
    /// and what it made of outputs, are restored by it. Alarms are set in the host's event queue as they were.
    public var state: State {
        get {
            State(
                blocks: interconnect.isModelled.indices.map { index in
                    interconnect.blocks[index]?._withUnsafeGuaranteedRef {
                        // A block without a model, untouched, is as good as none.
                        interconnect.isModelled[index] || $0.isTouched ? $0.snapshot : nil
                    }
                },
                lines: interconnect.lines, requests: interconnect.requests.levels, pins: interconnect.pins.levels, isMCUStopped: interconnect.isMCUStopped,
                unmodelled: interconnect.unmodelled)
        }
        set {
            interconnect.lines = newValue.lines
            interconnect.requests.levels = newValue.requests
            interconnect.pins.levels = newValue.pins
            interconnect.isMCUStopped = newValue.isMCUStopped
            interconnect.unmodelled = newValue.unmodelled
            for index in interconnect.isModelled.indices {
                let saved = newValue.blocks.indices.contains(index) ? newValue.blocks[index] : nil
                guard let saved else {
                    interconnect.blocks[index]?._withUnsafeGuaranteedRef { $0.forget() }
                    continue
                }
                interconnect.block(index)._withUnsafeGuaranteedRef { $0.snapshot = saved }
            }
        }
    }
}
