// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RprocHost
import VirtualMP1

/// Tells what happens, on stderr, in the order of virtual time.
final class RunLog {
    private let level: Run.LogLevel
    /// What the run had to show before it was stopped: a stop takes channels and trace buffers away.
    private(set) var channels: [(name: ForeignName, address: UInt32, driver: String?)] = []
    private(set) var traces: [String] = []
    /// The kernel's first complaint: what follows it is the consequence.
    private(set) var firstError: String?

    /// What the firmware printed without Linux's help.
    private(set) var output = OutputLines()

    /// Texts that somebody waits for.
    var heard: HeardTexts
    /// To name places by, at the moment: a served run may start other firmware. nil for none.
    var symbols: () -> FirmwareSymbols? = { nil }
    /// Called when the M4 stops for good, while its memory is as it was.
    var onStop: () -> Void = {}

    /// - Parameter texts: to look for in what the firmware says.
    init(level: Run.LogLevel, texts: [String] = []) {
        self.level = level
        heard = HeardTexts(texts)
    }

    /// `data` gets what the firmware sends to ttys and raw devices.
    func attach(to system: MP1System, data: @escaping ([UInt8]) -> Void) {
        system.events.subscribe { [unowned self, level] event in
            if firstError == nil, case .kernelLog(let record) = event, record.level <= .error, record.cause != .missingMailbox {
                firstError = record.message
            }
            if case .stopped = event { onStop() }
            if let line = line(event, level) { Console.note(line, Self.role(event)) }
            if case .crashed(_, let reason) = event, let most = level.kernel, most >= .warning { tellCallers(system, reason) }
            if case .trace(_, _, let line) = event { heard.add(line: line) }
            if case .board(let time, let event) = event, let text = event.text {
                heard.add(text.bytes, from: .output(text.source))
                show(output.add(text.bytes, from: text.source), time)
            }
            if case .ttyReceived(_, _, let bytes) = event { data(bytes) }
            if case .rawReceived(_, _, _, let bytes) = event { data(bytes) }
        }
    }

    private static func stamp(_ time: VirtualTime) -> String {
        let text = time.description
        return "[" + String(repeating: " ", count: max(0, 12 - text.count)) + text + "]"
    }

    /// Who called what crashed; Linux is about to restart it.
    private func tellCallers(_ system: MP1System, _ reason: StopReason) {
        guard let symbols = symbols(), let place = CorePlace(system.board, symbols, stop: reason) else { return }
        for line in (place.callersText.map { [$0] } ?? []) + place.backtrace { Console.note("\(Self.stamp(system.now)) m4run: \(line)") }
    }

    private func line(_ event: SystemEvent, _ level: Run.LogLevel) -> String? {
        guard let most = level.kernel else { return nil }
        switch event {
        case .kernelLog(let record): return record.level <= most ? record.description : nil
        case .finding(let time, let finding): return most >= .warning ? "\(Self.stamp(time)) m4run: \(finding)" : nil
        case .tablePlaced(let time, let placement): return most >= .warning ? "\(Self.stamp(time)) m4run: WARNING: \(placement)" : nil
        case .kickFault(let time, let event): return most >= .info ? "\(Self.stamp(time)) m4run: \(event)" : nil
        case .stopped(let time, let reason): return most >= .warning ? "\(Self.stamp(time)) m4run: the M4 stops: \(reason.name)" : nil
        case .crashed(let time, let reason):
            guard most >= .warning else { return nil }
            let why = switch reason { case .fault(let report), .lockup(let report): report.summary { [symbols] in symbols()?.name(at: $0) }; default: reason.name }
            return "\(Self.stamp(time)) m4run: \(why); reported to Linux as a crash"
        case .trace(let time, let index, let line): return most >= .info ? "\(Self.stamp(time)) trace\(index): \(line)" : nil
        case .ttySent(let time, let tty, let bytes): return most >= .info ? "\(Self.stamp(time)) ttyRPMSG\(tty) <- \(ForeignText.quoted(bytes))" : nil
        case .ttyReceived(let time, let tty, let bytes): return most >= .info ? "\(Self.stamp(time)) ttyRPMSG\(tty) -> \(ForeignText.quoted(bytes))" : nil
        case .rawReceived(let time, let device, let source, let bytes):
            return most >= .info ? "\(Self.stamp(time)) rpmsg\(device) -> \(ForeignText.quoted(bytes)) from 0x\(String(source, radix: 16))" : nil
        case .reset(let time, let local, let isHeld):
            guard most >= .warning else { return nil }
            let what = local ? "its core (AIRCR.VECTRESET)" : "the M4 (AIRCR.SYSRESETREQ)"
            let then = isHeld ? "boot is held, so it stays in reset, and Linux does not hear of it" : "it starts again, and Linux does not hear of it"
            return "\(Self.stamp(time)) m4run: the firmware has reset \(what): \(then)"
        // Text comes in lines, see `show`.
        case .board(let time, let event):
            guard most >= .warning else { return nil }
            let what = event.unmodelled.map { "\($0)" } ?? event.finding.map { "\($0)" }
            return what.map { "\(Self.stamp(time)) m4run: \($0)" }
        }
    }

    private static func role(_ event: SystemEvent) -> Style.Role {
        switch event {
        case .kernelLog(let record): record.level <= .error ? .error : record.level == .warning ? .warning : .plain
        case .finding: .finding
        case .stopped(_, .fault), .stopped(_, .lockup), .crashed: .error
        case .stopped: .plain
        case .tablePlaced, .kickFault, .reset: .warning
        case .trace: .firmware
        case .ttySent: .sent
        case .ttyReceived, .rawReceived: .received
        case .board(_, let event): event.finding == nil ? .warning : .finding
        }
    }

    private func show(_ lines: [OutputLines.Line], _ time: VirtualTime) {
        guard level.kernel.map({ $0 >= .info }) == true else { return }
        for line in lines { Console.note("\(Self.stamp(time)) \(line.source): \(line.text)", .firmware) }
    }

    /// Shows what the firmware has begun to print and not ended.
    func flush(_ system: MP1System) {
        system.board.drainRTT()
        show(output.flush(), system.now)
    }

    /// What nobody will ever answer, a line each.
    func tell(waits: [ModelGap]) {
        guard level.kernel.map({ $0 >= .warning }) == true else { return }
        for gap in waits { Console.note("m4run: \(gap.lastLine)", .warning) }
    }

    /// Keeps channels and traces as they are now, unless an earlier call found more.
    func capture(_ system: MP1System) {
        let present = system.linux.channels
        if present.count >= channels.count { channels = present.map { ($0.name, $0.destination, $0.driver?.driverName) } }
        let texts = (0..<system.linux.traceBuffers.count).compactMap { system.trace($0) }
        if texts.count >= traces.count { traces = texts }
    }

    /// The trace buffers as debugfs shows them.
    func showTraces() {
        guard level.kernel.map({ $0 >= .info }) == true else { return }
        for (index, text) in traces.enumerated() where !text.isEmpty {
            Console.note("--- /sys/kernel/debug/remoteproc/remoteproc0/trace\(index)")
            // Indented: a line of the firmware's ends no section, and is no line of the log.
            let lines = (text.hasSuffix("\n") ? text.dropLast() : text[...]).split(separator: "\n", omittingEmptySubsequences: false)
            Console.notes(lines.map { "  " + $0 }.joined(separator: "\n"), .firmware)
            Console.note("---")
        }
    }
}
