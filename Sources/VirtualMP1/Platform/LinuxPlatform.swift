// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost

/// The machine under Linux: its bus, its clock, and letting time pass, which is running the M4.
///
/// All of a system's virtual time passes in `wait`: there is one place where the M4 executes.
final class LinuxPlatform: HostPlatform {
    private let board: M4Board
    let normalWorld: NormalWorldBus
    /// Whose work is run when it is due; nil until there is a Linux.
    unowned(unsafe) var linux: RemoteProcessor?
    /// Nothing executes once the run has ended.
    private let end: RunEnd
    private var workSlot: EventQueue.Slot?
    struct State: Equatable, Sendable {
        /// Between two looks of a wait.
        var workIsDue = false
        /// True once a wait ended at `limit`.
        var limitReached = false
    }
    var state = State()
    private var workIsDue: Bool { get { state.workIsDue } set { state.workIsDue = newValue } }
    private(set) var limitReached: Bool { get { state.limitReached } set { state.limitReached = newValue } }
    /// Waits that are under way, one in another.
    private(set) var waits = 0
    /// Virtual time that no wait passes.
    var limit = VirtualTime.never
    var onReturn: (() -> Void)?
    /// Lets the M4 run instead of this; nil for nobody.
    weak var coreDriver: (any CoreDriver)?
    private var clock: CoreClock { board.configuration.coreClock }

    init(board: M4Board, normalWorld: NormalWorldBus, end: RunEnd) {
        self.board = board
        self.normalWorld = normalWorld
        self.end = end
        workSlot = board.eventQueue.register("Linux work") { [unowned self] _ in
            self.workIsDue = true
            self.board.core.requestStop()
        }
    }

    var bus: any NonSecureBus { normalWorld }
    var now: VirtualTime { board.now }

    func scheduleWork(at time: VirtualTime) {
        guard let workSlot else { return }
        board.eventQueue.schedule(workSlot, at: clock.cycles(until: time))
    }

    func wait(until deadline: VirtualTime, or condition: () -> Bool) -> WaitOutcome {
        waits += 1
        defer { waits -= 1 }
        let last = clock.cycles(until: min(deadline, limit))
        while true {
            if condition() { return .conditionMet }
            if end.reason != nil || board.stopper.hasEnded { return .interrupted }
            if board.cycles >= last {
                guard deadline > limit else { return .deadlineReached }
                limitReached = true
                return .interrupted
            }
            let stop = coreDriver?.run(until: last) ?? board.run(until: last)
            switch stop {
            case .deadline, .hostRequest: break
            // Nothing is due: only an unlimited wait comes here, and it would never end.
            case .asleep, .held: return .interrupted
            case let reason: end.take(reason)
            }
            if let access = board.unmodelledStop, end.reason == nil { end.take(access) }
            if workIsDue {
                workIsDue = false
                linux?.workDue()
            }
            onReturn?()
        }
    }
}
