// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MP1Peripherals
import MachineBase

/// Which of the M4's stops end the run, and that it has ended.
final class RunEnd {
    private let board: M4Board
    private let events: EventStream<SystemEvent>
    private let goesOnAfterReset: Bool
    struct State: Equatable, Sendable {
        /// What ended the run: nothing executes from then on, until firmware is started anew.
        var reason: StopReason?
        /// The register that ended a strict run, and with it every later one.
        var unmodelled: UnmodelledAccess?
    }
    var state = State()
    var reason: StopReason? { state.reason }
    var unmodelled: UnmodelledAccess? { state.unmodelled }
    /// Gets each breakpoint first; answering true, it lets the run go on.
    var onBreakpoint: ((HaltReport) -> Bool)?
    /// Tells Linux of what is a crash; nil as long as there is no Linux.
    weak var crashes: CrashRecovery?

    init(_ configuration: SystemConfiguration, board: M4Board, events: EventStream<SystemEvent>) {
        (self.board, self.events) = (board, events)
        goesOnAfterReset = configuration.goesOnAfterReset
    }

    /// The M4 has come to a stop.
    func take(_ stop: StopReason) {
        if case .breakpoint(let report) = stop, let onBreakpoint, onBreakpoint(report) { return }
        guard reason == nil, crashes?.report(stop) != true, !goesOn(after: stop) else { return }
        end(stop)
    }

    /// A strict run has come to a register without a model.
    func take(_ access: UnmodelledAccess) {
        state.unmodelled = access
        take(.hostRequest)
    }

    func end(_ stop: StopReason) {
        state.reason = stop
        events.publish(.stopped(board.now, stop))
    }

    /// Firmware that faulted and was stopped may be started anew. What ended a strict run ends every later one.
    func forget() {
        if state.unmodelled == nil { state.reason = nil }
    }

    /// Whether a reset that the firmware asked for leaves the run going: it does when the firmware starts again, or where a held M4
    /// is not the end. Linux hears of neither.
    private func goesOn(after stop: StopReason) -> Bool {
        guard case .resetRequest(let local) = stop, goesOnAfterReset || !local && !board.isHeld else { return false }
        events.publish(.reset(board.now, local: local, isHeld: board.isHeld))
        return true
    }
}
