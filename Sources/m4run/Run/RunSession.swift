// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Debugger
import DeviceFiles
import FoundationEssentials
import Glibc
import ImageFormat
import M4Board
import MachineBase
import RprocHost
import SecureLoader
import VirtualMP1

/// One `m4run run`: the order of things, and how it ends.
final class RunSession {
    let options: Run
    let image: FirmwareImage
    /// As asked for, or as the device tree says.
    let boot: BootSequence
    let system: MP1System
    let runLog: RunLog
    /// Of the firmware that Linux has loaded, which in a served run may be another than the command's.
    var symbols: FirmwareSymbols { FirmwareSymbols(of: system.loadedImage ?? image) }
    private let started = ContinuousClock.now
    /// What is plainly wrong with the file for this boot sequence; nothing is started then.
    private let unfit: String?
    /// Why the run ended as it did, in a sentence; nil when all went well.
    var complaint: String?
    /// What of the manual explains that.
    var topic: HelpTopic?
    /// The firmware is being stopped, which takes its own time.
    private(set) var isStopping = false
    private(set) var answers: Answers
    /// Where the M4 stood at the end, before Linux stopped it.
    private(set) var lastPlace: CorePlace?
    /// What the M4 waited for at the end and m4run does not model.
    private(set) var waits: [ModelGap]?
    let coredump: CoredumpFile?
    private var listener: ChannelListener?
    /// Made and looked over before anything runs.
    private let place: ServedPlace?
    private var server: DeviceServer?
    private let debugger: MachineDebugger?

    /// What a run without a duration is given, and how long an answer may take.
    private static let usualDuration = VirtualTime.seconds(1)
    private static let patience = VirtualTime.seconds(5)

    init(_ options: Run) throws {
        self.options = options
        image = FirmwareImage(try InputFile.read(options.image))
        let tree = try TreeOptions(options.boot)
        boot = tree.boot
        if options.lifecycle.attach && boot.usesTEE { throw UsageError("--attach goes with --boot elf: OP-TEE has no part in firmware that the boot loader has started") }
        unfit = options.boot.unfit(image, options.image, boot)
        var configuration = try options.boot.configuration(options.image, tree)
        configuration.board.stopsAtUnmodelled = options.limits.strict
        configuration.board.faultPolicy = options.limits.stopAt
        configuration.placesResourceTable = !options.limits.strict
        configuration.linux.kickFaults = options.traffic.kickFault
        if options.limits.sanitize { configuration.sanitizing = .writers }
        options.lifecycle.configure(&configuration, image)
        options.drivers.configure(&configuration)
        configuration.goesOnAfterReset = options.lifecycle.recover != nil || options.lifecycle.attach || options.serving.isOn
        let symbols = FirmwareSymbols(of: image)
        options.debug.configure(&configuration.board, symbols)
        if configuration.board.commandLine.isEmpty { configuration.board.commandLine = PathText.name(options.image) }
        runLog = RunLog(
            level: options.limits.logLevel, texts: options.traffic.expect + [options.limits.until].compactMap { $0 })
        answers = Answers(keeps: options.limits.json)
        system = try MP1System(configuration)
        options.drivers.attach(to: system, options.traffic.to)
        // What comes goes to `answers`.
        system.keepsReceived = false
        system.watchesTraces = !runLog.heard.isEmpty || options.limits.logLevel.kernel.map { $0 >= .info } == true
        coredump = try options.lifecycle.coredump.map { try CoredumpFile($0) }
        try options.debug.attach(to: system.board, symbols)
        if options.limits.logLevel == .debug { system.linux.log.maximumLevel = .debug }
        // A signal that comes while the folders are made waits until they can be taken away in order.
        Supervisor.watch(system.board.stopper)
        if unfit == nil, let address = options.debugger.gdb?.address {
            do throws(DebugServerError) {
                debugger = try MachineDebugger(system, at: address, waitsForClient: options.debugger.waits || !options.serving.isOn)
            } catch { throw UsageError(error.description) }
        } else {
            debugger = nil
        }
        place = unfit == nil && options.serving.isOn ? try options.serving.place() : nil
    }

    // MARK: Running

    func run() -> ExitStatus {
        let status = goThrough()
        // What the machine itself came to stands; all else was cut short.
        if let cut = Supervisor.cut { return [.fault, .halted, .refused].contains(status) ? status : cutShort(by: cut) }
        // A served run has ended in order, but nobody had asked for an end.
        guard status == .fine, let number = Supervisor.signals?.first, !EndingSignals.isWish(number) else { return status }
        complaint = "\(Supervisor.sentence(.signal(number))), in order, at \(system.now) s of virtual time"
        return .signal(number)
    }

    private func goThrough() -> ExitStatus {
        if let unfit {
            complaint = ForeignText.line(unfit)
            topic = .page(.boot)
            return .refused
        }
        // Standard output may be gdb's.
        let shows = !options.serving.isOn && !options.limits.json && options.debugger.gdb?.address != .standardInput
        let data: ([UInt8]) -> Void = { [unowned self] bytes in
            answers.add(bytes)
            runLog.heard.add(bytes, from: .messages)
            if shows { Console.data(bytes) }
        }
        runLog.symbols = { [unowned self] in symbols }
        runLog.attach(to: system, data: data)
        runLog.onStop = { [unowned self] in keepStop() }
        system.onCoredump = { [unowned self] in coredump?.write($0) }
        if case .channel(let name) = options.traffic.to, !["rpmsg-tty", "rpmsg-raw"].contains(name) {
            listener = ChannelListener(system: system, name: name, data: data)
            system.linux.observer = listener
        }
        if let duration = options.limits.duration { system.timeLimit = duration.time }
        defer { server?.close() }
        if let debugger { announce(debugger) }
        do throws(SystemError) {
            if let place { try serve(place) }
            if !options.serving.offline { try options.lifecycle.begin(system, image, name: name) }
            let status = try talk()
            return status == .fine && !isCut ? finish() : keep(status == .fine ? .limit : status)
        } catch { return keep(classify(error)) }
    }

    private func announce(_ debugger: MachineDebugger) {
        debugger.target.diagnosis = { [unowned self] in FirmwareState(system, symbols).hint(image) }
        debugger.target.onRefusal = { Console.error("gdb's write is refused: \($0)") }
        guard options.debugger.gdb?.address != .standardInput else { return }
        Console.note("m4run: gdb server: \(debugger.invitation)")
        if let warning = debugger.warning { Console.note("m4run: \(warning)", .warning) }
    }

    /// Lets a debugger have the machine until something ends it. While nothing happens, virtual time follows the wall clock, unless it has a limit.
    private func debugUntilTheEnd(_ debugger: MachineDebugger) throws(SystemError) -> ExitStatus {
        let until = options.limits.until
        func isOver() -> Bool { debugger.hasEnded || until.map(sees) == true }
        while system.stopReason == nil, !system.limitReached, !isCut, !isOver() {
            let begin = WallTime.now, virtualBegin = system.now
            system.run(for: .milliseconds(20), until: isOver)
            guard options.limits.duration == nil, !debugger.isHalted else { continue }
            let passed = (system.now - virtualBegin).nanoseconds, wall = WallTime.now - begin
            if passed > wall { debugger.wait(Int32(clamping: min(20, (passed - wall) / 1_000_000))) }
        }
        if let reason = system.stopReason { throw .stopped(reason) }
        if isCut { return .limit }
        if let until, !sees(until) { return neverSeen(until) }
        return .fine
    }

    /// What ended badly has its core dump, while the M4 is as it was.
    private func keep(_ status: ExitStatus) -> ExitStatus {
        lastPlace = lastPlace ?? CorePlace(system.board, symbols, stop: system.stopReason)
        debugger?.close(status: UInt8(clamping: status.rawValue), signal: status == .fault ? 11 : nil)
        if [.fault, .halted, .limit, .expectation].contains(status), !system.board.isHeld { coredump?.write(system.coredump()) }
        return status == .fine ? judge() : status
    }

    /// The M4 has stopped for good: what it was at, before Linux resets it and takes the memory back.
    private func keepStop() {
        guard let reason = system.stopReason else { return }
        lastPlace = CorePlace(system.board, symbols, stop: reason)
        if reason != .exit(code: 0), !system.board.isHeld { coredump?.write(system.coredump()) }
    }

    private var name: String { PathText.name(options.image) }

    /// Opens the folders to other programs, before the firmware announces anything.
    private func serve(_ place: ServedPlace) throws(SystemError) {
        let server = DeviceServer(system, in: place)
        self.server = server
        // Others are served while nobody reads: the server lets virtual time wait instead.
        Console.waitsForReaders = false
        Console.onFull = { [unowned system] in system.board.core.requestStop() }
        server.isHeld = { Console.isFull }
        if let why = place.whyNoFuse, let folder = options.serving.control {
            Console.note("m4run: no files under \(folder)/sys: \(why); 'm4run ctl \(folder) state' reads and writes them")
        }
        if options.serving.control != nil {
            let beside = PathText.folder(options.image)
            let files = FirmwareFolder([place.firmwareFolder, beside.isEmpty ? "." : beside], known: image.bytes)
            system.firmwareFiles = { name throws(Errno) in try files.read(name) }
        }
        guard options.serving.offline else { return }
        system.put(image, name: name)
        // The boot loader's firmware runs: Linux attaches to it whatever the name is, and refuses another.
        guard system.linux.state != .detached else { return }
        do throws(Errno) { try system.linux.setFirmware(name) } catch { throw .linux(doing: "firmware \(name)", error) }
    }

    /// Lets other programs talk to the firmware until something ends it.
    private func serveUntilTheEnd(_ server: DeviceServer) throws(SystemError) -> ExitStatus {
        let end = server.serve(wallLimit: Supervisor.rest) { debugger?.hasEnded == true || options.limits.until.map(sees) ?? false }
        switch end {
        case .stopped: throw .stopped(system.stopReason ?? .deadline)
        case .failed(let error):
            complaint = error.description
            return .usage
        // `run` says so.
        case .wallLimit: return .limit
        case .signal, .conditionMet, .virtualLimit: break
        }
        if let until = options.limits.until, end != .conditionMet {
            return neverSeen(until)
        }
        return .fine
    }

    /// Whether the run is to end whatever it is at.
    var isCut: Bool { Supervisor.cut != nil }

    private func talk() throws(SystemError) -> ExitStatus {
        for message in options.traffic.messages {
            switch try send(message) {
            case .answered, .sent: break
            case _ where isCut: return .limit
            case .noDestination: return outOfTime("\(options.traffic.to.defaultValueDescription) to send to")
            case .noAnswer: return outOfTime("answer to \(ForeignText.quoted(message.forChannel))")
            }
        }
        if let server { return try serveUntilTheEnd(server) }
        if let debugger, !options.traffic.interactive { return try debugUntilTheEnd(debugger) }
        if let until = options.limits.until {
            let span = options.limits.duration?.time ?? Self.patience
            pass(span) { sees(until) }
            if let reason = system.stopReason { throw .stopped(reason) }
            if isCut { return .limit }
            guard sees(until) else { return neverSeen(until) }
        }
        if options.traffic.interactive {
            try Interactive(system: system, terminal: try system.openTTY(ttyIndex ?? 0), isOver: { [debugger] in Supervisor.cut != nil || Console.readerHasGone || debugger?.hasEnded == true }).run()
        }
        if let duration = options.limits.duration, options.limits.until == nil {
            pass(duration.time - system.now)
        } else if options.limits.until == nil && !options.traffic.messages.contains(where: \.waits) && !options.traffic.interactive {
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
            guard system.now > now, !isCut else { return }
        }
    }

    private func sees(_ text: String) -> Bool {
        runLog.heard.look(system)
        return runLog.heard.has(text)
    }

    private var ttyIndex: Int? { if case .tty(let index) = options.traffic.to { index } else { nil } }

    private enum Delivery { case sent, answered, noDestination, noAnswer }

    /// Sends one message and waits for an answer, if it has one.
    private func send(_ message: OutgoingMessage) throws(SystemError) -> Delivery {
        pass(Self.patience) { isDestinationThere && !system.isRecovering }
        if let reason = system.stopReason { throw .stopped(reason) }
        guard isDestinationThere else { return .noDestination }
        let before = answers.count, crashes = system.crashes
        if let index = ttyIndex {
            try system.openTTY(index).send(message.forTerminal)
        } else if let channel {
            try system.send(message.forChannel, on: channel)
        }
        guard message.waits else { return .sent }
        // A crash is one too: who recovers from it has lost what was under way.
        func isAnswered() -> Bool { answers.count > before || system.crashes > crashes }
        pass(Self.patience) { isAnswered() }
        if let reason = system.stopReason { throw .stopped(reason) }
        return isAnswered() ? .answered : .noAnswer
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
        lastPlace = CorePlace(system.board, symbols, isReported: options.limits.json)
        // Nobody is to hold the firmware in its shutdown.
        debugger?.close(status: 0)
        system.board.drainRTT()
        runLog.heard.look(system)
        noteWaits()
        runLog.capture(system)
        runLog.showTraces()
        system.timeLimit = .never
        isStopping = true
        // Others may have stopped it already, or started it twice.
        do throws(SystemError) {
            if server == nil { try options.lifecycle.end(system) }
            while server != nil && (system.linux.state == .running || system.linux.state == .attached) { try options.lifecycle.end(system) }
        } catch { return classify(error) }
        switch system.stopReason {
        // Firmware may end itself by a reset when it is told to shut down.
        case nil, .resetRequest, .exit(code: 0): break
        case let reason?: return classify(reason)
        }
        return judge()
    }

    /// Keeps what the M4 waits for in vain, once: stopping it makes an end of that.
    private func noteWaits() { if waits == nil { waits = system.waitsFor } }

    // MARK: Reporting

    func report(_ status: ExitStatus) {
        let wall = (ContinuousClock.now - started) / .seconds(1)
        runLog.capture(system)
        noteWaits()
        if unfit == nil { runLog.flush(system) }
        if status != .fault, status != .halted { runLog.tell(waits: waits ?? []) }
        if let complaint { Console.report(complaint, status == .halted ? .plain : .error) }
        if let problem = coredump?.problem { Console.error(problem) }
        if options.limits.json {
            Supervisor.hasReported()
            Console.data(RunReport(self, status: status, complaint: complaint, wall: wall).text + "\n")
        }
        if status != .fine { HelpTopic.explains(topic) }
        if options.limits.logLevel != .quiet && unfit == nil { Console.note(Summary.run(system, wall: wall)) }
    }
}
