import MachineBase

/// What the kernel has put off: interrupt handlers on their way, and work on its queues. Each kind waits at most once.
final class WorkQueue {
    enum Kind: Int, CaseIterable {
        case receiveInterrupt, transmitFreeInterrupt, vring0, vring1, recovery
        /// Doorbells that a `KickFault` holds back.
        case lateKick0, lateKick1
        /// Handlers run in interrupt context and late doorbells by themselves; the others are tasks that take the remoteproc lock.
        var isInterrupt: Bool {
            switch self {
            case .receiveInterrupt, .transmitFreeInterrupt, .lateKick0, .lateKick1: true
            case .vring0, .vring1, .recovery: false
            }
        }
    }
    private var due = [VirtualTime](repeating: .never, count: Kind.allCases.count)
    private let platform: any HostPlatform

    init(platform: any HostPlatform) { self.platform = platform }

    func queue(_ kind: Kind, at time: VirtualTime) {
        if time < due[kind.rawValue] { due[kind.rawValue] = time }
    }

    func isQueued(_ kind: Kind) -> Bool { due[kind.rawValue] != .never }

    /// Takes the earliest of what may run and is due at `now`.
    func takeDue(at now: VirtualTime, tasksMayRun: Bool) -> Kind? {
        guard let kind = earliest(tasksMayRun: tasksMayRun), due[kind.rawValue] <= now else { return nil }
        due[kind.rawValue] = .never
        return kind
    }

    /// Asks the platform for a call at the earliest due time of what may run.
    func arrange(tasksMayRun: Bool) {
        platform.scheduleWork(at: earliest(tasksMayRun: tasksMayRun).map { due[$0.rawValue] } ?? .never)
    }

    private func earliest(tasksMayRun: Bool) -> Kind? {
        var best: Kind?
        var bestTime = VirtualTime.never
        for index in 0..<due.count where due[index] < bestTime {
            guard let kind = Kind(rawValue: index), tasksMayRun || kind.isInterrupt else { continue }
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
        case .watchdog: reportCrash(.watchdog)
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
            guard let kind = work.takeDue(at: platform.now, tasksMayRun: tasksMayRun) else { break }
            run(kind)
        }
        arrangeWork()
    }

    private func runInterrupts() {
        isHandlingInterrupt = true
        defer { isHandlingInterrupt = false }
        for _ in 0..<4 {
            guard let kind = work.takeDue(at: platform.now, tasksMayRun: false) else { break }
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
        case .lateKick0: lateDoorbell(0)
        case .lateKick1: lateDoorbell(1)
        }
    }

    func queueWork(_ kind: WorkQueue.Kind) {
        work.queue(kind, at: platform.now + configuration.timing.workLatency)
        arrangeWork()
    }

    func arrangeWork() { work.arrange(tasksMayRun: tasksMayRun) }

    /// One worker: a task that sleeps keeps the others waiting, and so does a boot or stop that holds the lock.
    private var tasksMayRun: Bool { !isWorking && (!isLocked || !configuration.kernel.vringWorkTakesLock) }

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
        guard state == .running || state == .attached || !configuration.kernel.vringWorkTakesLock else { return }
        guard id < notifyIDs.count, let queue = notifyIDs[id]?.queue, queue.hasUsed || queue.isBroken else {
            debug("no message found in vq\(id)")
            return
        }
        if !queue.isBroken { notifyIDs[id]?.device?.queueInterrupt(queue) }
    }
}
