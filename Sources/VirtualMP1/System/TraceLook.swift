// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase

/// When to look at the trace buffers while the M4 runs: as often as firmware can have filled one.
///
/// Only execution writes to a buffer. So looks come at multiples of an interval while instructions execute, and while the core sleeps the
/// next one comes behind whatever happens next: what is left out would have seen nothing. A look reads, and nobody is woken by it.
final class TraceLook {
    private let board: M4Board
    private let traces: TraceWatch
    private var slot: EventQueue.Slot?

    init(_ traces: TraceWatch, board: M4Board) {
        (self.traces, self.board) = (traces, board)
        slot = board.eventQueue.register("trace buffers") { [unowned self] cycle in look(cycle) }
    }

    /// Goes on looking after a pause in which nothing was due.
    func arm() {
        guard let slot, traces.isHeard, board.eventQueue.dueCycle(slot) == .max else { return }
        schedule(slot, behind: board.cycles)
    }

    private func look(_ cycle: UInt64) {
        guard let slot, traces.isOn else { return }
        // Whoever waits for a line looks at what came.
        if traces.refresh() { board.core.requestStop() }
        schedule(slot, behind: board.isAsleep ? max(cycle, board.eventQueue.next) : cycle)
    }

    /// Cycles between two looks for buffers to watch.
    private static let withoutBuffers: UInt64 = 1 << 14

    private func schedule(_ slot: EventQueue.Slot, behind cycle: UInt64) {
        let interval = traces.interval ?? Self.withoutBuffers
        let (due, isNever) = (cycle - cycle % interval).addingReportingOverflow(interval)
        board.eventQueue.schedule(slot, at: isNever ? .max : due)
    }
}
