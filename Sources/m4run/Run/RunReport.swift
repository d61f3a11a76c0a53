// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import M4Board
import MachineBase
import RprocHost
import SourceLines
import VirtualMP1

/// What `--json` prints: one object with the same keys every time, sorted; numbers plain, nothing to say `null`.
struct RunReport: JSONText {
    struct Channel: Encodable {
        let name: String
        let address: UInt32
        @Nullable var driver: String?

        init(_ name: String, _ address: UInt32, driver: String?) {
            self.name = name
            self.address = address
            self.driver = driver
        }
    }
    /// What the firmware printed on one channel beside rpmsg and trace.
    struct Output: Encodable { let source: String, text: String }
    /// A function under way, and where it goes on.
    struct Caller: Encodable {
        let address: UInt32
        @Nullable var symbol: String?
        /// The exception whose handler comes before it; nil when it called.
        @Nullable var interruptedBy: String?
        /// Of the call or the interrupted instruction.
        let source: [InSource]

        static func all(_ chain: CallChain, _ symbols: FirmwareSymbols) -> [Caller] {
            chain.callers.map { Caller($0, symbols) }
        }
        private init(_ caller: CallChain.Caller, _ symbols: FirmwareSymbols) {
            address = caller.address
            symbol = symbols.symbol(of: caller)
            interruptedBy = caller.interruptedBy?.description
            source = InSource.all(caller.place, symbols)
        }
    }
    /// A function at an instruction, as the sources have it; the innermost of what is inlined first.
    struct InSource: Encodable {
        @Nullable var function: String?
        @Nullable var file: String?
        @Nullable var line: Int?
        let inlined: Bool

        /// None without debugging information.
        static func all(_ address: UInt32, _ symbols: FirmwareSymbols) -> [InSource] { symbols.lines.frames(at: address).map(InSource.init) }
        private init(_ frame: SourceFrame) {
            inlined = frame.isInlined
            function = frame.function
            file = frame.place?.file
            line = frame.place?.line
        }
    }
    struct FaultInfo: Encodable {
        let exception: String, summary: String, flags: [String]
        let pc: UInt32, cfsr: UInt32, hfsr: UInt32, mmfar: UInt32, bfar: UInt32
        @Nullable var symbol: String?
        let source: [InSource]
        let callers: [Caller]
        let registers: [UInt32], history: [UInt32]
    }

    struct Halt: Encodable {
        let cause: String, summary: String
        let pc: UInt32, place: UInt32
        @Nullable var symbol: String?
        @Nullable var address: UInt32?
        @Nullable var old: UInt64?
        @Nullable var new: UInt64?
        let source: [InSource]
        let callers: [Caller]
        let registers: [UInt32], history: [UInt32]
        let instructions: UInt64
    }

    /// Where the M4 stood when the run ended, before Linux stopped it.
    struct Core: Encodable {
        let state: String
        let exception: String
        let pc: UInt32
        @Nullable var symbol: String?
        let source: [InSource]
        let callers: [Caller]

        init(state: String, exception: String, pc: UInt32, symbol: String?, source: [InSource], callers: [Caller]) {
            (self.state, self.exception, self.pc, self.source, self.callers) = (state, exception, pc, source, callers)
            self.symbol = symbol
        }
    }

    let result: String
    let exit: Int32
    @Nullable var error: String?
    @Nullable var halt: Halt?
    @Nullable var m4: Core?
    let image: String
    let boot: String
    let state: String
    @Nullable var stop: String?
    @Nullable var fault: FaultInfo?
    /// That Linux handled.
    let crashes: UInt32
    let channels: [Channel]
    /// Its first MiB.
    let received: String
    let receivedBytes: UInt64
    let messagesFromFirmware: UInt64
    let messagesToFirmware: UInt64
    let traces: [String]
    let output: [Output]
    let findings: [String]
    let unmodelled: [Unmodelled]
    let unsupported: [Unsupported]
    let waitsFor: [Wait]
    let cycleModel: String
    let virtualNanoseconds: UInt64
    let cycles: UInt64
    let instructions: UInt64
    let wallSeconds: Double

    init(_ session: RunSession, status: ExitStatus, complaint: String?, wall: Double) {
        let system = session.system
        result = status.name
        exit = status.rawValue
        error = complaint
        image = session.options.image
        boot = session.boot.rawValue
        state = system.linux.state.rawValue
        stop = system.stopReason?.name
        let callers = session.lastPlace?.callersReport ?? []
        switch system.stopReason {
        case .fault(let report), .lockup(let report): fault = FaultInfo(report, session.symbols, callers)
        case .breakpoint(let report), .watchpoint(let report): halt = Halt(report, session.symbols, callers)
        default: break
        }
        m4 = session.lastPlace?.report
        channels = session.runLog.channels.map { Channel($0.name.text, $0.address, driver: $0.driver) }
        crashes = system.linux.crashCount
        received = ForeignText.text(session.answers.kept)
        receivedBytes = session.answers.count
        messagesFromFirmware = system.linux.messageCounts.received
        messagesToFirmware = system.linux.messageCounts.sent
        traces = session.runLog.traces
        output = session.runLog.output.texts.map { Output(source: $0.source.description, text: $0.text) }
        cycleModel = session.options.debug.cycles.rawValue
        findings = (system.tablePlacement.map { [$0.description] } ?? []) + system.linux.findings.kept.map { $0.finding.description }
            + system.boardFindings.map(\.finding.description)
        unmodelled = system.board.unmodelledRegisters.map(Unmodelled.init)
        let clock = system.board.configuration.coreClock
        unsupported = system.board.unsupportedFeatures.map { Unsupported($0, clock) }
        waitsFor = (session.waits ?? []).map(Wait.init)
        virtualNanoseconds = system.now.nanoseconds
        cycles = system.board.cycles
        instructions = system.board.core.retired
        wallSeconds = wall
    }
}

extension RunReport.FaultInfo {
    init(_ report: FaultReport, _ symbols: FirmwareSymbols, _ callers: [RunReport.Caller]) {
        exception = report.taken?.description ?? "lockup"
        summary = report.summary(symbols.name)
        symbol = symbols.name(at: report.registers.pc)
        source = RunReport.InSource.all(report.registers.pc, symbols)
        self.callers = callers
        flags = report.status.flags.map(\.name)
        pc = report.registers.pc
        cfsr = report.status.cfsr
        hfsr = report.status.hfsr
        mmfar = report.status.mmfar
        bfar = report.status.bfar
        registers = report.registers.r
        history = report.history
    }
}

extension RunReport.Halt {
    init(_ report: HaltReport, _ symbols: FirmwareSymbols, _ callers: [RunReport.Caller]) {
        switch report.cause {
        case .breakpoint: cause = "breakpoint"
        case .instruction: cause = "bkpt"
        case .access(let access):
            cause = access.isWrite ? "write" : "read"
            address = access.address
            old = access.old
            new = access.new
        }
        summary = report.summary(symbols.name)
        pc = report.pc
        place = report.place
        symbol = symbols.name(at: report.place)
        source = RunReport.InSource.all(report.place, symbols)
        self.callers = callers
        registers = report.registers.r
        history = report.history
        instructions = report.retired
    }
}

/// A value that is encoded as `null` when there is none, so that its key is always there.
@propertyWrapper
struct Nullable<Value: Encodable>: Encodable {
    var wrappedValue: Value?
    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        if let wrappedValue { try container.encode(wrappedValue) } else { try container.encodeNil() }
    }
}
