// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What the kernel has put off: interrupt handlers on their way, and work on its queues; and the lock that decides what of it may run.
/// Each kind waits at most once.
final class WorkQueue {
    enum Kind: Int, CaseIterable {
        case receiveInterrupt, transmitFreeInterrupt, vring0, vring1, recovery, autoBoot
        /// What follows an inline core dump. It holds the lock already.
        case restOfRecovery
        /// Doorbells that a `KickFault` holds back.
        case lateKick0, lateKick1
        /// Handlers run in interrupt context and late doorbells by themselves; the others are tasks that take the remoteproc lock.
        var isInterrupt: Bool {
            switch self {
            case .receiveInterrupt, .transmitFreeInterrupt, .lateKick0, .lateKick1: true
            case .vring0, .vring1, .recovery, .autoBoot, .restOfRecovery: false
            }
        }
        /// Takes the lock with every kernel.
        var alwaysTakesLock: Bool { self == .recovery || self == .autoBoot }
    }
    /// What may run now beside interrupt handlers.
    enum Tasks { case none, restOfRecovery, vrings, all }
    /// What is put off, and who has the lock.
    struct State: Equatable, Sendable {
        /// By kind; `.never` for what does not wait.
        var due = [VirtualTime](repeating: .never, count: Kind.allCases.count)
        /// remoteproc's mutex.
        var isLocked = false
        /// A task runs; there is one worker.
        var isWorking = false
        /// A recovery waits, with the lock in its hand, for an inline dump to be freed.
        var waitsForCoredump = false
    }
    /// The platform's call is the platform's to restore: nothing is arranged.
    var state = State()
    var isLocked: Bool { state.isLocked }
    var waitsForCoredump: Bool { state.waitsForCoredump }
    /// Whether a boot, a stop or work is under way; a recovery that sleeps until its dump is freed is not.
    var isBusy: Bool { state.isWorking || state.isLocked && !state.waitsForCoredump }
    private let platform: any HostPlatform
    private let latency: VirtualTime
    /// Whether the vrings' work takes the lock with this kernel.
    private let vringsTakeLock: Bool

    init(_ kernel: KernelContext) {
        platform = kernel.platform
        latency = kernel.configuration.timing.workLatency
        vringsTakeLock = kernel.configuration.kernel.vringWorkTakesLock
    }

    /// Takes a note; `arrange()` makes the platform call in time.
    func queue(_ kind: Kind, at time: VirtualTime) {
        if time < state.due[kind.rawValue] { state.due[kind.rawValue] = time }
    }

    func schedule(_ kind: Kind, at time: VirtualTime) {
        queue(kind, at: time)
        arrange()
    }

    /// After what a handler takes to get its work going.
    func scheduleSoon(_ kind: Kind) { schedule(kind, at: platform.now + latency) }

    /// Takes the earliest that may run and is due now.
    func takeDue() -> Kind? { takeDue(mayRun) }
    func takeDueInterrupt() -> Kind? { takeDue(.none) }

    private func takeDue(_ tasks: Tasks) -> Kind? {
        guard let kind = earliest(tasks), state.due[kind.rawValue] <= platform.now else { return nil }
        state.due[kind.rawValue] = .never
        return kind
    }

    /// Asks the platform for a call at the earliest due time of what may run.
    func arrange() {
        platform.scheduleWork(at: earliest(mayRun).map { state.due[$0.rawValue] } ?? .never)
    }

    /// One worker: a task that sleeps keeps the others waiting, and so does a boot or stop that holds the lock.
    private var mayRun: Tasks {
        if state.isWorking { return .none }
        if !isLocked { return .all }
        if !vringsTakeLock { return .vrings }
        return waitsForCoredump ? .restOfRecovery : .none
    }

    private func earliest(_ tasks: Tasks) -> Kind? {
        var best: Kind?
        var bestTime = VirtualTime.never
        for index in 0..<state.due.count where state.due[index] < bestTime {
            guard let kind = Kind(rawValue: index) else { continue }
            let mayRun =
                switch tasks {
                case .all: true
                case .vrings: !kind.alwaysTakesLock
                case .restOfRecovery: kind.isInterrupt || kind == .restOfRecovery
                case .none: kind.isInterrupt
                }
            guard mayRun else { continue }
            best = kind
            bestTime = state.due[index]
        }
        return best
    }

    // MARK: The lock

    /// Runs `body` with remoteproc's mutex held: vring work waits until it is over.
    /// - Throws: `interrupted` when the caller runs under the lock already; the kernel would sleep for ever.
    func withLock<R>(_ body: () throws(LinuxFailure) -> R) throws(LinuxFailure) -> R {
        if isLocked { throw LinuxFailure(.interrupted) }
        state.isLocked = true
        defer {
            state.isLocked = false
            arrange()
        }
        return try body()
    }

    /// Runs a vring's work.
    func runTask(_ body: () -> Void) {
        state.isWorking = true
        let lockWasHeld = isLocked
        if vringsTakeLock { state.isLocked = true }
        body()
        state.isLocked = lockWasHeld
        state.isWorking = false
    }

    /// The worker sleeps with the lock in its hand until `resumeRecovery()`, at the latest at `deadline`.
    func suspendRecovery(until deadline: VirtualTime) {
        state.waitsForCoredump = true
        state.isLocked = true
        schedule(.restOfRecovery, at: deadline)
    }

    /// - Returns: whether a recovery did wait.
    func resumeRecovery() -> Bool {
        guard waitsForCoredump else { return false }
        state.waitsForCoredump = false
        state.isLocked = false
        return true
    }
}
