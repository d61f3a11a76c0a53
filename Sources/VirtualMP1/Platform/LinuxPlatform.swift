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
    private var workIsDue = false
    /// Virtual time that no wait passes.
    var limit = VirtualTime.never
    /// True once a wait ended at `limit`.
    private(set) var limitReached = false
    var onReturn: (() -> Void)?
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
        let last = clock.cycles(until: min(deadline, limit))
        while true {
            if condition() { return .conditionMet }
            if end.reason != nil || board.stopper.hasEnded { return .interrupted }
            if board.cycles >= last {
                guard deadline > limit else { return .deadlineReached }
                limitReached = true
                return .interrupted
            }
            switch board.run(until: last) {
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
