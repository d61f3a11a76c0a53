import ImageFormat
import M4Board
import MP1Peripherals
import MachineBase
import RprocHost
import SecureLoader

/// Runs a firmware and says why no channel appears, or no answer comes: who waits for whom.
///
/// Says hello on each channel that a driver has bound, since firmware learns Linux's address from a message. What the firmware does in the
/// second half of its time is sampled; which functions it has called is known from breakpoints that nobody else sees.
public struct Doctor {
    let system: MP1System
    let image: FirmwareImage
    let symbols: FirmwareSymbols
    var report = DoctorReport()
    /// What the core did at the end.
    var core: CoreObservation
    let watch: EntryWatch
    let talk: Conversation
    private let heard = Heard()

    /// What came by events.
    private final class Heard {
        /// What the kernel complained of.
        var kernelErrors: [KernelLogRecord] = []
        /// First accesses to registers without a model.
        var unmodelled: [UnmodelledAccess] = []
        /// The first fault that Linux was told of as a crash, with its callers as they were then.
        var crash: (time: VirtualTime, fault: FaultReport, callers: String)?
        /// Faults that Linux was told of.
        var crashes = 0
    }
    var kernelErrors: [KernelLogRecord] { heard.kernelErrors }
    var unmodelled: [UnmodelledAccess] { heard.unmodelled }
    var crash: (time: VirtualTime, fault: FaultReport, callers: String)? { heard.crash }
    var crashes: Int { heard.crashes }

    /// How long an answer on one channel is waited for before the next is tried.
    private static let answerPatience = VirtualTime.milliseconds(50)

    /// - Parameter system: not yet started.
    public init(_ system: MP1System, image: FirmwareImage) {
        self.system = system; self.image = image
        symbols = FirmwareSymbols(of: image)
        // What was read before Linux attached is not on record.
        system.sanitizing.recordsForDiagnosis = M4Board.recordsAccesses && system.configuration.bootLoaderFirmware == nil
        core = CoreObservation(.zero, system.configuration.chip.registers)
        talk = Conversation(system)
        watch = EntryWatch(system.board, symbols)
    }

    /// Boots the image, or attaches to it, lets `span` of virtual time pass, and looks.
    public mutating func examine(name: String, span: VirtualTime) -> DoctorReport {
        listen()
        let begin = system.now
        do throws(SystemError) {
            try begins(name)
            report.hasStarted = true
            // Half of it: what firmware does in turns is to be seen in all of them.
            let window = VirtualTime(nanoseconds: span.nanoseconds / 2)
            converse(until: begin + (span - window))
            observe(until: begin + span)
        } catch {
            judge(error)
        }
        report.span = system.now - begin
        settle()
        report.channels = talk.report
        // What has not been looked at for a while.
        system.linux.sanitizer?.look()
        report.isWithoutRpmsg = isWithoutRpmsg
        if let reason = system.stopReason { judgeStop(reason) } else if isUp { judgeChain() }
        judgeFindings()
        admit()
        return report
    }

    private var isUp: Bool { system.linux.state == .running || system.linux.state == .attached }

    private func listen() {
        system.events.subscribe { [unowned system, symbols, heard] event in
            switch event {
            case .kernelLog(let record) where record.level <= .error && record.cause != .missingMailbox: heard.kernelErrors.append(record)
            case .unmodelled(_, let access) where access.initiator == .cortexM4: heard.unmodelled.append(access)
            case .crashed(let time, .fault(let fault)), .crashed(let time, .lockup(let fault)):
                heard.crashes += 1
                guard heard.crash == nil else { break }
                let callers = system.callChain(of: fault.registers, history: fault.history, symbols).text(limit: 8, symbols.name(of:))
                heard.crash = (time, fault, callers.map { "; \($0)" } ?? "")
            default: break
            }
        }
        system.linux.observer = talk
        system.end.onBreakpoint = { [watch, unowned system] report in watch.hit(report, at: system.now) }
    }

    private mutating func begins(_ name: String) throws(SystemError) {
        if system.configuration.bootLoaderFirmware != nil {
            try system.attach()
            report.note("accepted", "\(name) runs, and Linux has attached to it.")
        } else {
            try system.start(image, name: name)
            report.note("accepted", "\(name) is loaded" + (system.configuration.linux.bootSequence.usesTEE ? " by OP-TEE" : " by Linux") + " and started.")
        }
    }

    /// Speaks on each channel in turn, as they come.
    private func converse(until end: VirtualTime) {
        func left() -> VirtualTime { end > system.now ? end - system.now : .zero }
        while system.stopReason == nil, left() > .zero {
            let now = system.now
            if let channel = talk.unspoken.first {
                // Firmware that has announced a service may have something to do before it listens.
                system.run(for: min(left(), .milliseconds(20)))
                talk.greet(channel)
                system.run(for: min(left(), Self.answerPatience)) { talk.hasHeard(channel) }
            } else {
                system.run(for: min(left(), .milliseconds(10))) { !talk.unspoken.isEmpty }
            }
            // What was due may have been Linux's work alone.
            guard system.now > now || !talk.unspoken.isEmpty else { break }
        }
    }

    private mutating func observe(until end: VirtualTime) {
        core = CoreObservation(end > system.now ? end - system.now : .zero, chip.registers)
        system.board.registerReads.begin()
        defer { core.end(system.board) }
        while system.stopReason == nil, system.now < end {
            let now = system.now
            system.run(for: min(end - now, core.isFull ? end - now : core.step))
            guard system.now > now else { break }
            if !core.isFull { core.take(system, symbols) }
        }
        // Not of what has stopped: its time is over.
        if core.samples == 0 { core.take(system, symbols) }
    }

    /// What is on its way at the end of the span is to arrive: a doorbell, and Linux's work behind it.
    private func settle() {
        func waiting() -> Bool { system.linux.virtioDevices.first?.rings.first.map { $0.usedIndex != $0.lastUsedIndex && !$0.isBroken } ?? false }
        if system.stopReason == nil, waiting() { system.run(for: .milliseconds(2)) { !waiting() } }
    }

    /// Says that it does not know, when nothing was found and nothing works.
    private mutating func admit() {
        guard report.problems.isEmpty, !report.isFine else { return }
        report.problem(
            .unknown,
            "No channel answers after \(report.span) s, and m4run does not know why: image, table, mailbox and rings are as they should be. \(corePlace)",
            (report.span < .milliseconds(100) ? "give it longer (--for 2s), or " : "") + "look at the run itself: 'm4run run --sanitize --log-level debug', or --break at what should happen next.")
    }

    /// `fault_id+0x4 (ADDRESS)`.
    func place(_ address: UInt32) -> String { symbols.place(address) }

    /// What Linux had said shortly before `time`: firmware may not have expected it. Empty when it had said nothing.
    func greetingHint(before time: VirtualTime) -> String {
        guard let last = talk.greetings.last(where: { $0.time <= time }), time - last.time < .milliseconds(100) else { return "" }
        return " Shortly before, at \(last.time) s, Linux had said \(ForeignText.quoted(last.text)) on \(last.place), as the doctor does to hear an answer: the firmware may take other words."
    }

    /// `, called from main+0x12 (ADDRESS)` for what returns to `address`; nothing when no call is there.
    ///
    /// - Parameter entry: of the function that was entered so. A tail call leaves the LR of the function that made it.
    func caller(returningTo address: UInt32, entry: UInt32? = nil) -> String {
        guard let call = system.board.call(returningTo: address) else { return "" }
        if let entry, let target = call.target, target & ~1 != entry & ~1, let between = symbols.name(at: target & ~1) {
            return ", called from \(between) or what that calls, which \(place(call.instruction)) called"
        }
        return ", called from \(place(call.instruction))"
    }
}
