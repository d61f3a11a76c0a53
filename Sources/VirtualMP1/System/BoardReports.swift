import Chips
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost

/// What the board tells, for whom it is: interrupts for Linux, text and findings for the stream of events.
final class BoardReports: M4BoardDelegate {
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

    init(_ chip: SoCDescription, linux: RemoteProcessor, crashes: CrashRecovery, end: RunEnd, events: EventStream<SystemEvent>) {
        (self.linux, self.crashes, self.end, self.events) = (linux, crashes, end, events)
        watchdogNumber = Int(chip.coprocessor.watchdogReset.number)
    }

    func board(_ board: M4Board, applicationProcessorInterrupt line: ApplicationProcessorInterrupt, level: Bool) {
        guard level else { return }
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
    func board(_ board: M4Board, unmodelled access: UnmodelledAccess) { events.publish(.unmodelled(board.now, access)) }
    func board(_ board: M4Board, found finding: BoardFinding) {
        state.findings.append(State.Entry(time: board.now, finding: finding))
        events.publish(.boardFinding(board.now, finding))
    }
    func board(_ board: M4Board, output: [UInt8], from source: M4Board.TextSource) { events.publish(.output(board.now, source, output)) }
}
