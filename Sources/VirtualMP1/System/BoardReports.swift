// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MP1Peripherals
import MachineBase
import RprocHost

/// Hears the board: its interrupts go to Linux, all that it tells to the stream of events.
final class BoardReports {
    private unowned let board: M4Board
    private let linux: RemoteProcessor
    private let crashes: CrashRecovery
    private let end: RunEnd
    private let events: EventStream<SystemEvent>
    /// Of the EXTI.
    private let watchdogNumber: Int
    struct State: Equatable, Sendable {
        struct Entry: Equatable, Sendable {
            var time: VirtualTime
            var finding: BoardFinding
        }
        /// What firmware asked of blocks and debug channels that they cannot do here, each once.
        var findings: [Entry] = []
    }
    var state = State()
    var findings: [(time: VirtualTime, finding: BoardFinding)] { state.findings.map { ($0.time, $0.finding) } }

    init(_ board: M4Board, linux: RemoteProcessor, crashes: CrashRecovery, end: RunEnd, events: EventStream<SystemEvent>) {
        (self.linux, self.crashes, self.end, self.events) = (linux, crashes, end, events)
        self.board = board
        watchdogNumber = Int(board.configuration.chip.coprocessor.watchdogReset.number)
        board.events.subscribe { [unowned self] in hear($0) }
    }

    private func hear(_ event: BoardEvent) {
        if case .soc(.applicationProcessorInterrupt(let line, level: true)) = event { interrupt(line) }
        if let finding = event.finding { state.findings.append(State.Entry(time: board.now, finding: finding)) }
        events.publish(.board(board.now, event))
    }

    private func interrupt(_ line: ApplicationProcessorInterrupt) {
        switch line {
        case .ipccReceive: linux.interrupt(.mailboxReceive)
        case .ipccTransmitFree: linux.interrupt(.mailboxTransmitFree)
        case .exti(let number) where number == watchdogNumber:
            guard !crashes.watchdogReset() else { break }
            end.end(.hostRequest)
            board.core.requestStop()
        default: break
        }
    }
}
