import MachineBase

/// What the kernel has put off: interrupt handlers on their way, and work on its queues. Each kind waits at most once.
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
    private var due = [VirtualTime](repeating: .never, count: Kind.allCases.count)
    private let platform: any HostPlatform

    init(platform: any HostPlatform) { self.platform = platform }

    func queue(_ kind: Kind, at time: VirtualTime) {
        if time < due[kind.rawValue] { due[kind.rawValue] = time }
    }

    func isQueued(_ kind: Kind) -> Bool { due[kind.rawValue] != .never }

    /// Takes the earliest of what may run and is due at `now`.
    func takeDue(at now: VirtualTime, _ tasks: Tasks) -> Kind? {
        guard let kind = earliest(tasks), due[kind.rawValue] <= now else { return nil }
        due[kind.rawValue] = .never
        return kind
    }

    /// Asks the platform for a call at the earliest due time of what may run.
    func arrange(_ tasks: Tasks) {
        platform.scheduleWork(at: earliest(tasks).map { due[$0.rawValue] } ?? .never)
    }

    private func earliest(_ tasks: Tasks) -> Kind? {
        var best: Kind?
        var bestTime = VirtualTime.never
        for index in 0..<due.count where due[index] < bestTime {
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
            bestTime = due[index]
        }
        return best
    }
}

extension RemoteProcessor {
    /// An interrupt line of the A7 has risen. Takes a note; the handler runs one interrupt latency later.
    public func interrupt(_ line: HostInterrupt) {
        switch line {
        // A driver that asked for no line of the EXTI, or for another, hears nothing.
        case .watchdog: if configuration.watchdogInterrupt == configuration.chip.coprocessor.watchdogReset.number { reportCrash(.watchdog) }
        case .mailboxReceive:
            sanitizer?.raised()
            raise(.receiveInterrupt)
        case .mailboxTransmitFree: raise(.transmitFreeInterrupt)
        }
    }

    private func raise(_ kind: WorkQueue.Kind) {
        work.queue(kind, at: platform.now + configuration.timing.interruptLatency)
        if configuration.timing.interruptLatency == .zero, !isHandlingInterrupt { runInterrupts() }
        arrangeWork()
    }

    /// The time given to `HostPlatform.scheduleWork(at:)` has come.
    public func workDue() {
        runInterrupts()
        // Each kind at most once a call: what queues itself again waits for the next.
        for _ in WorkQueue.Kind.allCases {
            guard let kind = work.takeDue(at: platform.now, tasksThatMayRun) else { break }
            run(kind)
        }
        arrangeWork()
    }

    private func runInterrupts() {
        isHandlingInterrupt = true
        defer { isHandlingInterrupt = false }
        for _ in 0..<4 {
            guard let kind = work.takeDue(at: platform.now, .none) else { break }
            run(kind)
        }
    }

    private func run(_ kind: WorkQueue.Kind) {
        switch kind {
        case .receiveInterrupt: ipcc.receiveInterrupt()
        case .transmitFreeInterrupt: ipcc.transmitFreeInterrupt()
        case .vring0: runVringWork(0)
        case .vring1: runVringWork(1)
        case .recovery: runRecoveryWork()
        case .autoBoot: runAutoBoot()
        case .restOfRecovery: runRestOfRecovery()
        case .lateKick0: lateDoorbell(0)
        case .lateKick1: lateDoorbell(1)
        }
    }

    func queueWork(_ kind: WorkQueue.Kind) {
        work.queue(kind, at: platform.now + configuration.timing.workLatency)
        arrangeWork()
    }

    func arrangeWork() { work.arrange(tasksThatMayRun) }

    /// One worker: a task that sleeps keeps the others waiting, and so does a boot or stop that holds the lock.
    private var tasksThatMayRun: WorkQueue.Tasks {
        if isWorking { return .none }
        if !isLocked { return .all }
        if !configuration.kernel.vringWorkTakesLock { return .vrings }
        return waitsForCoredump ? .restOfRecovery : .none
    }

    /// `stm32_rproc_mb_vq_work`
    private func runVringWork(_ id: Int) {
        isWorking = true
        let lockWasHeld = isLocked
        if configuration.kernel.vringWorkTakesLock { isLocked = true }
        defer {
            isLocked = lockWasHeld
            isWorking = false
        }
        // Kernels whose work does not take the lock do not look at the state either.
        let hears = state == .running || state == .attached && configuration.kernel.hearsDoorbellsWhileAttached
        guard hears || !configuration.kernel.vringWorkTakesLock else { return }
        debug("vq index \(id) is interrupted")
        guard id < notifyIDs.count, let queue = notifyIDs[id]?.queue, queue.hasUsed else {
            debug("no message found in vq\(id)")
            return
        }
        if !queue.isBroken { notifyIDs[id]?.device?.queueInterrupt(queue) }
    }
}
