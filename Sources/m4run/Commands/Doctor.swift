// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import FoundationEssentials
import Glibc
import ImageFormat
import M4Board
import MachineBase
import RprocHost
import VirtualMP1

/// Why no channel appears, or no answer comes.
struct DoctorCommand: TakesProjectFile {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Run firmware and say why no channel appears, or no answer comes.",
        discussion: """
            Boots the image as 'run' does, says hello on each channel in turn, and follows the chain from the image to the answer. \
            With --dtb it goes by the device tree's mailbox channels and regions. 'm4run help causes' explains the causes. \
            Exit status: 0 a channel is up and answers, or the firmware runs and asks for no channel; 1 something is in the way; 2 usage; \
            4 the image was refused; 5 --timeout was over before, and nothing can be said.
            """)

    @Argument(help: "The firmware: a signed image, or an ELF with --boot elf.", completion: .file()) var image: String
    @OptionGroup(title: "Boot") var boot: Run.BootOptions
    @OptionGroup(title: "Life of the firmware") var lifecycle: LifecycleOptions
    @OptionGroup(title: "Drivers") var drivers: BindOptions
    @Option(help: "A channel that no driver has the name of, to be bound and spoken to all the same.") var to = Destination.tty(0)
    @Option(help: KickFaultOption.help, transform: KickFaultOption.read) var kickFault: [KickFault] = []
    @Option(name: .customLong("for"), help: "Virtual time that the firmware has, as 250us, 20ms, 2s.", transform: VirtualDuration.read) var duration = VirtualDuration(seconds: 2)
    @Option(help: "Where a fault ends the run: any (at any fault exception), hardFault, none (only at a lockup).") var stopAt = FaultPolicy.any
    @Option(help: "Cycles an instruction takes: instructions (one each) or coarse (the Cortex-M4's own, roughly).") var cycles = CycleModel.instructions
    @Flag(help: "Do not help where a board would not: a resource table that OP-TEE leaves elsewhere is not copied.") var strict = false
    @Option(help: "How much of the run to tell on stderr: quiet, error, warning, info, debug.") var logLevel = Run.LogLevel.quiet
    @Flag(help: "One JSON object on stdout, nothing else there.") var json = false
    @Option(help: "Wall time after which the run ends with status 5 and no diagnosis, as 500ms, 30s, 2m.", transform: VirtualDuration.read) var timeout: VirtualDuration?
    @OptionGroup(title: "General") var general: GeneralOptions

    func validate() throws { try boot.check() }

    func run() throws {
        try Supervisor.start(timeout, .end)
        let firmware = FirmwareImage(try InputFile.read(image))
        let name = PathText.name(image)
        let tree = try TreeOptions(boot)
        if lifecycle.attach && tree.boot.usesTEE { throw UsageError("--attach goes with --boot elf: OP-TEE has no part in firmware that the boot loader has started") }
        if let unfit = boot.unfit(firmware, image, tree.boot) { throw UsageError(unfit) }
        let system = try MP1System(configuration(firmware, tree))
        drivers.attach(to: system, to)
        let coredump = try lifecycle.coredump.map { try CoredumpFile($0) }
        system.onCoredump = { coredump?.write($0) }
        let runLog = RunLog(level: logLevel)
        runLog.attach(to: system) { _ in }
        let doctor = VirtualMP1.Doctor(system, image: firmware)
        Supervisor.watch(system.board.stopper)
        let report = doctor.examine(name: name, span: duration.time)
        if let cut = Supervisor.cut {
            // What was seen up to here depends on the wall clock: no diagnosis.
            let complaint = "\(Supervisor.sentence(cut)), at \(system.now) s of virtual time; nothing can be said of the firmware"
            Console.error(complaint)
            Supervisor.hasReported()
            if json { Console.data(ShortReport(complaint, Supervisor.status(cut), image: image).text + "\n") }
            HelpTopic.explains(Supervisor.topic(cut))
            throw Supervisor.status(cut)
        }
        Supervisor.hasReported()
        let status = status(report)
        if json { Console.data(DoctorJSON(report, status, image: name).text + "\n") } else { Console.data(Self.lines(report, name)) }
        switch system.stopReason {
        case .fault, .lockup: coredump?.write(system.coredump())
        default: break
        }
        if case .channel(let name) = to, !report.channels.contains(where: { $0.name == name }) {
            Console.error("--to \(name): no channel of that name has come" + (report.channels.isEmpty ? "" : "; there are \(report.channels.map(\.name.description).joined(separator: ", "))"))
            throw status
        }
        if status == .fine { return }
        HelpTopic.explains(report.cause.map { .cause($0.name) } ?? .page(.causes))
        throw status
    }

    private func status(_ report: DoctorReport) -> ExitStatus {
        if case .channel(let name) = to, !report.channels.contains(where: { $0.name == name }) { return .expectation }
        return report.isFine ? .fine : report.hasStarted ? .expectation : .refused
    }

    private func configuration(_ firmware: FirmwareImage, _ tree: TreeOptions) throws -> SystemConfiguration {
        var configuration = try boot.configuration(image, tree)
        configuration.placesResourceTable = !strict
        configuration.board.faultPolicy = stopAt
        configuration.board.cycleModel = cycles
        configuration.board.rtt = FirmwareSymbols(of: firmware)["_SEGGER_RTT"].map { .at($0.address) } ?? .scan
        configuration.linux.kickFaults = kickFault
        lifecycle.configure(&configuration, firmware)
        drivers.configure(&configuration)
        return configuration
    }

    static func lines(_ report: DoctorReport, _ name: String) -> [ReportLine] {
        var lines: [ReportLine] = []
        if report.isFine, report.channels.isEmpty {
            lines.append(ReportLine("\(name): fine. It runs, and does not talk to Linux; \(report.span) s were looked at.", .good))
        } else if report.isFine {
            lines.append(ReportLine("\(name): fine. \(report.channels.count) channel\(report.channels.count == 1 ? "" : "s") after \(report.span) s:", .good))
        } else if let cause = report.cause {
            lines.append(ReportLine("\(name): \(cause.name). \(cause.sentence)", .bad))
            lines.append(ReportLine("  what to do: \(cause.advice ?? "")"))
        } else {
            lines.append(ReportLine("\(name): no channel answers after \(report.span) s.", .bad))
        }
        for entry in report.entries where entry != report.cause {
            lines.append(ReportLine("  \(entry.isProblem ? "!" : "-") \(entry.name): \(entry.sentence)", entry.isProblem ? .warning : .plain))
        }
        return lines
    }
}

/// What `doctor --json` prints; every key is always there.
private struct DoctorJSON: JSONText {
    struct Entry: Encodable {
        let name: String, problem: Bool, sentence: String
        @Nullable var advice: String?

        init(_ entry: DoctorReport.Entry) {
            name = entry.name
            problem = entry.isProblem
            sentence = entry.sentence
            advice = entry.advice
        }
    }
    struct Channel: Encodable {
        let name: String, address: UInt32, answers: Bool, reply: String
        @Nullable var driver: String?
        @Nullable var device: String?

        init(_ channel: DoctorReport.Channel) {
            name = channel.name.text
            address = channel.address
            answers = channel.answers
            reply = channel.reply.rawValue
            driver = channel.driver
            device = channel.device
        }
    }
    let image: String
    let exit: Int32
    let fine: Bool
    let rpmsg: Bool
    @Nullable var cause: String?
    let channels: [Channel]
    let entries: [Entry]
    let virtualNanoseconds: UInt64

    init(_ report: DoctorReport, _ status: ExitStatus, image: String) {
        self.image = image
        exit = status.rawValue
        fine = report.isFine
        rpmsg = !report.isWithoutRpmsg
        cause = report.cause?.name
        channels = report.channels.map(Channel.init)
        entries = report.entries.map(Entry.init)
        virtualNanoseconds = report.span.nanoseconds
    }
}
