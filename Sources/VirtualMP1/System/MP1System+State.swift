// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost
import SecureLoader

extension MP1System {
    /// All of a system that changes: the board, OP-TEE's TA and PTA, Linux, `/lib/firmware` as `start` and `put` have filled it, and what lies between them:
    /// firewall, crashes, what ended the run, what waits on ttys, trace buffers as they were read, findings.
    ///
    /// Two states are equal when systems that have them go on the same. Not in it, for they are the host's: listeners and closures, `timeLimit`,
    /// `keepsReceived`, `watchesTraces`, `firmwareFiles`, breakpoints and watchpoints, devices on buses, drivers in Swift and what they know, a doctor.
    public struct State: Equatable, Sendable, CustomStringConvertible {
        var board: M4Board.State
        /// nil under `.elf`.
        var trustedApplication: RemoteprocTA.WholeState?
        var linux: RemoteProcessor.WholeState
        var platform: LinuxPlatform.State
        var normalWorld: NormalWorldBus.State
        var end: RunEnd.State
        var firmware: FirmwareStore.State
        var crashes: CrashRecovery.State
        var sanitizing: SanitizerSetup.State
        var inboxes: TerminalInboxes.State
        var traces: TraceWatch.State
        var reports: BoardReports.State
        var placement: TablePlacement?
        var hasStarted: Bool
        /// What it is a state of.
        var machine: Machine

        public var description: String { "state of a system at cycle \(cycles), \(linux)" }
        public var cycles: UInt64 { board.cycles }
    }

    /// What a state belongs to, besides the configuration of Linux, which that looks at itself.
    struct Machine: Equatable, Sendable {
        var board: M4Board.Configuration
        var isolation: Isolation
        var sanitizing: Sanitizing
        var recoveryLimit: UInt32?
        var placesResourceTable, goesOnAfterReset, coredumpHasRegisters: Bool
        var bootLoaderFirmware: [UInt8]?
        var bootLoaderLead: VirtualTime

        init(_ configuration: SystemConfiguration) {
            board = configuration.boardBehindFirewall
            // The same memories, wherever each system has them.
            board.sharedMemory = [:]
            (isolation, sanitizing, recoveryLimit) = (configuration.isolation, configuration.sanitizing, configuration.recoveryLimit)
            placesResourceTable = configuration.placesResourceTable
            goesOnAfterReset = configuration.goesOnAfterReset
            coredumpHasRegisters = configuration.coredumpHasRegisters
            (bootLoaderFirmware, bootLoaderLead) = (configuration.bootLoaderFirmware?.bytes, configuration.bootLoaderLead)
        }
    }

    /// All of it as one value, for `restore`.
    ///
    /// ```swift
    /// let before = try mp1.state
    /// try tty.send("one\n")
    /// try mp1.restore(before)
    /// try tty.send("another\n")
    /// ```
    ///
    /// Copies the chip's memories and the external memory whole: some 0.5 MB without the latter.
    /// - Throws: `busy` in the midst of a call that lets time pass, and so of what is called in it: a listener, a driver. What a program does with `board`
    ///   itself is for the program to have ended.
    public var state: State {
        get throws(StateError) {
            try checkRest()
            return State(
                board: board.state, trustedApplication: trustedApplication?.wholeState, linux: try linux.wholeState, platform: platform.state,
                normalWorld: platform.normalWorld.state, end: end.state, firmware: firmware.state, crashes: crashRecovery.state, sanitizing: sanitizing.state,
                inboxes: inboxes.state, traces: traces.state, reports: reports.state, placement: tablePlacer?.placement, hasStarted: hasStarted,
                machine: Machine(configuration))
        }
    }

    /// Becomes what the state says, in one go: saved here or by another system of the same configuration, run or new, any number of times.
    ///
    /// From there it goes on as the one that was saved did, given the same calls: the same instructions at the same cycles, events, log lines and bytes.
    /// Nothing is published or sent, and no listener hears of it: who shows ttys, raw devices or channels looks anew. What a program holds goes on where it is
    /// there and in the state: a `Terminal` by its number, a `MessageDevice` and a channel as `RemoteProcessor.restore` says. What the state has open and
    /// nobody here has opened is `linux.raw.node(_:)`, for `MessageDevice.init(_:of:)`.
    ///
    /// - Throws: `busy` as for `state`, `mismatch` for a state of another configuration; nothing has changed then.
    public func restore(_ saved: State) throws(StateError) {
        try checkRest()
        try check(saved.machine)
        // The only one that may refuse.
        try linux.restore(saved.linux)
        board.state = saved.board
        if let state = saved.trustedApplication { trustedApplication?.wholeState = state }
        platform.state = saved.platform
        platform.normalWorld.state = saved.normalWorld
        end.state = saved.end
        firmware.state = saved.firmware
        crashRecovery.state = saved.crashes
        sanitizing.restore(saved.sanitizing)
        inboxes.state = saved.inboxes
        traces.state = saved.traces
        reports.state = saved.reports
        tablePlacer?.placement = saved.placement
        hasStarted = saved.hasStarted
    }

    private func checkRest() throws(StateError) {
        if calls > 0 || platform.waits > 0 { throw .busy("a call that lets time pass") }
    }

    private func check(_ seen: Machine) throws(StateError) {
        let here = Machine(configuration)
        guard seen != here else { return }
        if seen.board.chip != here.board.chip { throw .mismatch("chip", seen: seen.board.chip.name, allowed: here.board.chip.name) }
        if seen.board.ddrSize != here.board.ddrSize { throw .mismatch("external memory", seen: "\(seen.board.ddrSize) bytes", allowed: "\(here.board.ddrSize) bytes") }
        if seen.board != here.board { throw .mismatch("configuration of the board", seen: "\(seen.board)", allowed: "\(here.board)") }
        if seen.isolation != here.isolation { throw .mismatch("isolation", seen: seen.isolation.rawValue, allowed: here.isolation.rawValue) }
        if seen.sanitizing != here.sanitizing { throw .mismatch("sanitizer", seen: seen.sanitizing.rawValue, allowed: here.sanitizing.rawValue) }
        func text(_ limit: UInt32?) -> String { limit.map { "\($0)" } ?? "none" }
        if seen.recoveryLimit != here.recoveryLimit { throw .mismatch("limit of recoveries", seen: text(seen.recoveryLimit), allowed: text(here.recoveryLimit)) }
        if seen.bootLoaderFirmware != here.bootLoaderFirmware || seen.bootLoaderLead != here.bootLoaderLead {
            throw .mismatch("boot loader's firmware", seen: "another, or started at another time", allowed: "this system's")
        }
        throw .mismatch("configuration", seen: "\(seen.options)", allowed: "\(here.options)")
    }
}

extension MP1System.Machine {
    fileprivate var options: String {
        "placesResourceTable \(placesResourceTable), goesOnAfterReset \(goesOnAfterReset), coredumpHasRegisters \(coredumpHasRegisters)"
    }
}
