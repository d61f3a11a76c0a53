// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import MachineBase
import VirtualMP1

/// Drives the machine's M4 for the clients of a server: it asks what they want between two of the machine's steps, holds the core while they look at it,
/// and turns the core's stops into theirs.
///
/// Made before the firmware is started, it stops the core before the first instruction of the reset handler.
public final class MachineDebugger: CoreDriver {
    public let target: MachineTarget
    private let system: MP1System
    private let server: DebugServer
    private var releases: UInt64

    /// How long one look at the outside waits while the core stands, in milliseconds. The machine looks up in between: for a signal, or who reads control files.
    private static let patience: Int32 = 20

    /// - Parameter waitsForClient: stop the core before its first instruction.
    /// - Throws: `DebugServerError` where no client can come to.
    public init(_ system: MP1System, at address: DebugAddress, waitsForClient: Bool = true) throws(DebugServerError) {
        self.system = system
        let target = MachineTarget(system)
        self.target = target
        let stopper = system.board.stopper
        server = try DebugServer(target, at: address) { stopper.interrupt() }
        releases = system.board.core.releases
        // What the boot loader has started runs already.
        if waitsForClient, system.board.isHeld { system.board.core.stopsAtRelease = true } else if waitsForClient { target.plan = .halted }
        target.onHalt = { [unowned self] reason in halted(reason) }
        server.onClients = { [unowned self] in clientsChanged() }
        system.coreDriver = self
    }

    /// What a person is told to type: `target extended-remote 127.0.0.1:3333`.
    public var invitation: String { server.invitation }
    /// Why others may reach it; nil where only this computer's programs can.
    public var warning: String? { server.warning }
    /// A client wanted all to end, or the one on standard input has gone.
    public var hasEnded: Bool { server.hasEnded }
    public var isHalted: Bool { target.isHalted }
    private var hasClient: Bool { server.hasController }

    /// Looks whether somebody outside wants something, for so many milliseconds at most. For times in which the machine does nothing.
    public func wait(_ milliseconds: Int32) { _ = server.serve(waiting: milliseconds) }

    /// The run is over: clients hear of it, and the machine is its own again.
    public func close(status: UInt8, signal: UInt8? = nil) {
        server.close(status: status, signal: signal)
        system.coreDriver = nil
        target.setStops(breakpoints: [], watchpoints: [])
    }

    // MARK: Between two steps

    public func run(until deadline: UInt64) -> StopReason {
        if target.isResetting { return system.board.run(until: deadline) }
        if server.isWanted { _ = server.serve(waiting: 0) }
        if target.isHalted {
            // Who asks much at a time is answered; the machine looks up all the same.
            for _ in 0..<64 where target.isHalted && !server.hasEnded {
                guard server.serve(waiting: Self.patience) else { break }
            }
            if server.hasEnded { target.resume(.run) }
            guard !target.isHalted else { return .hostRequest }
        }
        if let stop = target.keptStop {
            target.keptStop = nil
            if passesOn(stop) { return stop }
        }
        return go(until: deadline)
    }

    /// Whether the machine is to hear of a fault that a client has seen and let go on: where Linux recovers from crashes, or nobody is there to look at what
    /// follows. Otherwise the core goes on into its handler, as on a board.
    private func passesOn(_ stop: StopReason) -> Bool { !hasClient || system.configuration.recoveryLimit != nil }

    private func go(until deadline: UInt64) -> StopReason {
        let board = system.board
        while true {
            let reason: StopReason
            switch target.plan {
            case .halted: return .hostRequest
            case .run:
                server.expectInput()
                reason = board.run(until: deadline)
            case .step, .stepInside:
                var range: ClosedRange<UInt32>?
                if case .stepInside(let inside) = target.plan { range = inside }
                if range != nil { server.expectInput() }
                switch board.step(within: range, until: deadline) {
                case .stepped:
                    if !tookRelease() { target.halt(HaltReason(.trap)) }
                    return .hostRequest
                case .stopped(.deadline) where target.plan == .step && board.isAsleep:
                    // Nothing has woken it in this piece of time, and perhaps nothing ever will: the step ends where it began.
                    target.halt(HaltReason(.trap))
                    return .deadline
                case .stopped(let stop): reason = stop
                }
            }
            if tookRelease() { return .hostRequest }
            switch judge(reason) {
            case .goesOn: continue
            case .returns(let reason): return reason
            }
        }
    }

    /// The core has left reset, and somebody wants it to stand there.
    private func tookRelease() -> Bool {
        let core = system.board.core
        guard core.releases != releases else { return false }
        releases = core.releases
        guard core.stopsAtRelease else { return false }
        core.stopsAtRelease = false
        target.cycleOfRelease = system.board.cycles
        target.halt(HaltReason(.trap))
        return true
    }

    private enum Verdict { case goesOn, returns(StopReason) }

    /// What comes of a stop of the core's.
    private func judge(_ reason: StopReason) -> Verdict {
        switch reason {
        case .breakpoint(let report):
            if case .instruction(let number) = report.cause {
                guard hasClient else { return .returns(reason) }
                target.halt(HaltReason(.trap, text: "m4run: BKPT #\(number)"))
                return .returns(.hostRequest)
            }
            if server.wantsStop(at: report.pc) {
                target.halt(HaltReason(.breakpoint))
                return .returns(.hostRequest)
            }
            guard target.ownBreakpoints.contains(report.pc) else {
                // Somebody else's of the machine's, or a client's whose condition is false.
                return server.hasBreakpoint(at: report.pc) ? .goesOn : .returns(reason)
            }
            return ownStop(reason)
        case .watchpoint(let report):
            guard case .access(let access) = report.cause else { return .returns(reason) }
            if let kind = server.watch(access) {
                target.halt(HaltReason(.watchpoint(kind, address: access.watched)))
                return .returns(.hostRequest)
            }
            return ownStop(reason)
        case .fault(let report), .lockup(let report):
            guard hasClient else { return .returns(reason) }
            target.keptStop = reason
            target.halt(HaltReason(.fault(signal: Self.signal(report)), text: "m4run: \(report.summary)"))
            return .returns(.hostRequest)
        default: return .returns(reason)
        }
    }

    /// At `--break` and `--watch`: the client's, where one is there.
    private func ownStop(_ reason: StopReason) -> Verdict {
        guard hasClient else { return .returns(reason) }
        target.halt(HaltReason(.trap))
        return .returns(.hostRequest)
    }

    /// GDB's numbers: SIGILL, SIGFPE, else SIGSEGV.
    private static func signal(_ report: FaultReport) -> UInt8 {
        let flags = report.status.flags.map(\.name)
        if flags.contains("DIVBYZERO") { return 8 }
        return flags.contains { $0 == "UNDEFINSTR" || $0 == "NOCP" || $0 == "INVSTATE" } ? 4 : 11
    }

    private func halted(_ reason: HaltReason) { server.halted(reason) }

    private func clientsChanged() {
        let core = system.board.core
        core.haltsAtBKPT = hasClient || !target.ownBreakpoints.isEmpty || !target.ownWatchpoints.isEmpty
        if hasClient, !target.isHalted { target.halt(HaltReason(.trap)) }
    }
}
