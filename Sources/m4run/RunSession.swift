import Foundation
import M4Board
import MachineBase
import RprocHost
import SecureLoader
import VirtualMP1

/// One `m4run run`: the order of things, and how it ends.
final class RunSession {
    let options: Run
    let image: [UInt8]
    let system: MP1System
    let narrator: Narrator
    let symbols: FirmwareSymbols
    private let started = ContinuousClock.now
    /// What is plainly wrong with the file for this boot sequence; nothing is started then.
    private let unfit: String?
    /// Why the run ended as it did, in a sentence; nil when all went well.
    private var complaint: String?
    private var answers: [UInt8] = []
    private let coredump: CoredumpFile?
    private var listener: ChannelListener?

    /// What a run without a duration is given, and how long an answer may take.
    private static let usualDuration = VirtualTime.seconds(1)
    private static let patience = VirtualTime.seconds(5)

    init(_ options: Run) throws {
        self.options = options
        image = try InputFile.read(options.image)
        unfit = Self.unfit(image, options)
        var configuration = SystemConfiguration(boot: options.boot.boot, signatures: try Self.signatures(options))
        configuration.signatureSupport = options.boot.acceptECDSA ? .rsaAndECDSA : .rsaOnly
        configuration.isolation = options.boot.isolation
        configuration.board.ddrSize = options.boot.ddr.multipliedReportingOverflow(by: 1 << 20).overflow ? .max : options.boot.ddr << 20
        configuration.board.stopsAtUnmodelled = options.limits.strict
        configuration.board.faultPolicy = options.limits.stopAt
        configuration.placesResourceTable = !options.limits.strict
        options.lifecycle.configure(&configuration, image)
        symbols = FirmwareSymbols(image: image)
        options.debug.configure(&configuration.board, symbols)
        if configuration.board.commandLine.isEmpty { configuration.board.commandLine = (options.image as NSString).lastPathComponent }
        narrator = Narrator(level: options.limits.logLevel)
        system = try MP1System(configuration)
        coredump = options.lifecycle.coredump.map(CoredumpFile.init)
        try options.debug.attach(to: system.board, symbols)
        if options.limits.logLevel == .debug { system.linux.log.maximumLevel = .debug }
    }

    private static func unfit(_ image: [UInt8], _ options: Run) -> String? {
        let isELF = image.starts(with: [0x7F, 0x45, 0x4C, 0x46])
        let magic: UInt32? = image.littleEndian(at: 0)
        let isSigned = magic == SignedImageHeader.magic
        if isELF && options.boot.boot.usesTEE {
            return "\(options.image): an unsigned ELF, which OP-TEE refuses; sign it with 'm4run sign', or run it without OP-TEE: --boot elf"
        }
        if isSigned && !options.boot.boot.usesTEE {
            return "\(options.image): a signed image, which --boot elf cannot load; leave --boot out"
        }
        if isSigned && options.boot.key.isEmpty && !options.boot.unverified {
            return "\(options.image): a signed image needs the key to check it with: --key PUBLIC.pem, or --unverified to load it all the same"
        }
        return nil
    }

    private static func signatures(_ options: Run) throws -> SignaturePolicy {
        guard options.boot.boot.usesTEE else { return .trusted([]) }
        if options.boot.unverified {
            Console.note("WARNING: --unverified: the signature of \(options.image) is NOT checked; whoever made it also made the hashes")
            return .unverified
        }
        return .trusted(try options.boot.key.map(TrustedKeys.read))
    }

    // MARK: Running

    func run() -> ExitStatus {
        if let unfit {
            complaint = unfit
            return .refused
        }
        let data: ([UInt8]) -> Void = { [unowned self] bytes in
            answers.append(contentsOf: bytes)
            if !options.limits.json { Console.data(bytes) }
        }
        narrator.attach(to: system, data: data)
        system.onCoredump = { [unowned self] in coredump?.write($0) }
        if case .channel(let name) = options.traffic.to, !["rpmsg-tty", "rpmsg-raw"].contains(name) {
            listener = ChannelListener(system: system, name: name, data: data)
            system.linux.observer = listener
        }
        if let duration = options.limits.duration { system.timeLimit = duration.time }
        do throws(SystemError) {
            try options.lifecycle.begin(system, image, name: (options.image as NSString).lastPathComponent)
            let status = try talk()
            return status == .fine ? finish() : status
        } catch { return classify(error) }
    }

    private func talk() throws(SystemError) -> ExitStatus {
        for text in options.traffic.send {
            switch try send(text) {
            case .answered: break
            case .noDestination: return outOfTime("\(options.traffic.to.defaultValueDescription) to send to")
            case .noAnswer: return outOfTime("answer to \(Console.quoted(Array(text.utf8)))")
            }
        }
        if let until = options.limits.until {
            let span = options.limits.duration?.time ?? Self.patience
            pass(span) { sees(until) }
            if let reason = system.stopReason { throw .stopped(reason) }
            guard sees(until) else {
                complaint = "neither a channel nor the trace shows \(Console.quoted(Array(until.utf8))) after \(system.now) s of virtual time. \(waitingFor)"
                return .expectation
            }
        }
        if options.traffic.interactive {
            try Interactive(system: system, terminal: try system.openTTY(ttyIndex ?? 0)).run()
        }
        if let duration = options.limits.duration {
            pass(duration.time - system.now)
        } else if options.limits.until == nil && options.traffic.send.isEmpty && !options.traffic.interactive {
            pass(Self.usualDuration)
        } else {
            // What is on its way may still arrive.
            pass(.milliseconds(20))
        }
        if let reason = system.stopReason { throw .stopped(reason) }
        return .fine
    }

    /// Lets `span` of virtual time pass, or less. In steps, at whose ends the trace buffers are looked at: firmware writes to them
    /// without a word to Linux. A step is a millisecond, later a hundredth of what has passed.
    private func pass(_ span: VirtualTime, until condition: () -> Bool = { false }) {
        let begin = system.now, end = begin + span
        while system.now < end, system.stopReason == nil, !system.limitReached, !condition() {
            let now = system.now
            let step = max(.milliseconds(1), VirtualTime(nanoseconds: (now - begin).nanoseconds / 100))
            system.run(for: min(step, end - now), until: condition)
            guard system.now > now else { return }
        }
    }

    private func sees(_ text: String) -> Bool {
        system.linux.channels.contains { $0.name == text } || narrator.output.texts.contains { $0.text.contains(text) } || (0..<system.linux.traceBuffers.count).contains { system.trace($0)?.contains(text) == true }
    }

    private var ttyIndex: Int? { if case .tty(let index) = options.traffic.to { index } else { nil } }

    private enum Delivery { case answered, noDestination, noAnswer }

    /// Sends one text and waits for an answer.
    private func send(_ text: String) throws(SystemError) -> Delivery {
        pass(Self.patience) { isDestinationThere }
        if let reason = system.stopReason { throw .stopped(reason) }
        guard isDestinationThere else { return .noDestination }
        let before = answers.count
        if let index = ttyIndex {
            try system.openTTY(index).send(text + "\n")
        } else if let channel {
            try system.send(Array(text.utf8), on: channel)
        }
        pass(Self.patience) { answers.count > before }
        if let reason = system.stopReason { throw .stopped(reason) }
        return answers.count > before ? .answered : .noAnswer
    }

    private var isDestinationThere: Bool {
        if let ttyIndex { return system.linux.tty.port(ttyIndex) != nil }
        return channel != nil
    }

    /// The channel that `--to` names, once it is there and has a driver.
    private var channel: RpmsgChannel? {
        switch options.traffic.to {
        case .tty: nil
        case .raw(let index): system.linux.raw.device(index)
        case .channel(let name): system.linux.channels.first { $0.name == name && $0.driver != nil }
        }
    }

    /// The core is stopped as a user would, so that the firmware's shutdown is seen too.
    private func finish() -> ExitStatus {
        narrator.capture(system)
        narrator.showTraces()
        system.timeLimit = .never
        do throws(SystemError) { try options.lifecycle.end(system) } catch { return classify(error) }
        for expected in options.traffic.expect where !String(decoding: answers, as: UTF8.self).contains(expected) {
            complaint = "the firmware never sent \(Console.quoted(Array(expected.utf8)))"
            return .expectation
        }
        return .fine
    }

    private func outOfTime(_ what: String) -> ExitStatus {
        complaint = "no \(what) after \(system.now) s of virtual time. \(waitingFor)"
        return .limit
    }

    private var waitingFor: String { FirmwareState(system).hint(image) }

    private func classify(_ error: SystemError) -> ExitStatus {
        switch error {
        case .refused(let failure):
            complaint = "\(options.image): \(failure)"
            return .refused
        case .linux(let doing, let errno):
            // Limits interrupt what Linux waits for.
            if system.limitReached { return outOfTime(doing) }
            if system.linux.state == .offline {
                complaint = "\(options.image): Linux refuses it: " + (narrator.firstError.map { "\($0): " } ?? "") + "\(errno)"
                return .refused
            }
            complaint = "\(doing): \(errno)"
            return .expectation
        case .stopped(let reason): return classify(reason)
        case .timeout(let what, _): return outOfTime(what)
        }
    }

    private func classify(_ reason: StopReason) -> ExitStatus {
        switch reason {
        case .fault(let report), .lockup(let report):
            complaint = (system.crashLoop.map { "\($0): " } ?? "") + "the firmware faulted:\n" + report.text
            coredump?.write(system.coredump())
            return .fault
        case .breakpoint(let report), .watchpoint(let report):
            complaint = report.text(symbols.name)
            return .halted
        case .exit(let code):
            complaint = code == 0 ? nil : "the firmware ended with semihosting exit code \(code)"
            return code == 0 ? .fine : .expectation
        case .hostRequest:
            if let loop = system.crashLoop { complaint = "\(loop)" } else if let access = system.unmodelledStop { complaint = "--strict: \(access), pc in the block at \(FirmwareState(system).place)" }
            return .fault
        case .resetRequest(local: true):
            complaint = "the firmware reset its core (AIRCR.VECTRESET)"
            return .fault
        case .resetRequest:
            complaint = "the firmware asked for a reset (AIRCR.SYSRESETREQ); with boot held the core stays in reset"
            return .fault
        default:
            complaint = "the M4 stopped: \(reason.name)"
            return .fault
        }
    }

    // MARK: Reporting

    func report(_ status: ExitStatus) {
        let wall = (ContinuousClock.now - started) / .seconds(1)
        narrator.capture(system)
        if unfit == nil { narrator.flush(system) }
        if let complaint { Console.error(complaint) }
        if let problem = coredump?.problem { Console.error(problem) }
        if options.limits.json {
            Console.data(RunReport(self, status: status, complaint: complaint, wall: wall).text + "\n")
        }
        if options.limits.logLevel != .quiet && unfit == nil { Console.note(Summary.run(system, wall: wall)) }
    }

    var received: [UInt8] { answers }
}
