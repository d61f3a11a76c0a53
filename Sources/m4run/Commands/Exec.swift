// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import Chips
import FoundationEssentials
import Glibc
import ImageFormat
import M4Board
import MP1Peripherals
import MachineBase
import VirtualMP1

/// The core alone: what a debugger's `load` and `continue` would do.
struct Exec: TakesProjectFile {
    static let configuration = CommandConfiguration(
        commandName: "exec",
        abstract: "Run an ELF on the bare Cortex-M4: no OP-TEE, no Linux.",
        discussion: """
            Text from UARTs, ITM, RTT and semihosting goes to stdout. Semihosting SYS_EXIT ends the run with its code; \
            a fault ends it with 3, the time limit and --timeout with 5, a breakpoint with 6; 8 when it ended with 0 and no breakpoint was hit.
            """)

    @Argument(help: "The ELF to run.", completion: .file()) var elf: String
    @Option(name: .customLong("for"), help: "Virtual time after which to give up.", transform: VirtualDuration.read) var limit = VirtualDuration(seconds: 10)
    @Option(help: "Wall time after which the run ends with status 5, as 500ms, 30s, 2m.", transform: VirtualDuration.read) var timeout: VirtualDuration?
    @Option(help: "Where a fault ends the run: any (at any fault exception), hardFault, none (only at a lockup).") var stopAt = FaultPolicy.hardFault
    @Option(help: ClockHelp.text) var mcuClock = ClockOption.usual
    @OptionGroup(title: "Debugging") var debug: DebugOptions
    @Flag(help: "Print no summary.") var quiet = false
    @OptionGroup(title: "General") var general: GeneralOptions
    @Argument(parsing: .postTerminator, help: ArgumentHelp("What semihosting's SYS_GET_CMDLINE answers behind the ELF's name.", valueName: "arguments"))
    var arguments: [String] = []

    func run() throws {
        try Supervisor.start(timeout, .end)
        let image = FirmwareImage(try InputFile.read(elf))
        var configuration = M4Board.Configuration(.chosen)
        configuration.faultPolicy = stopAt
        configuration.soc.mcuClock = mcuClock.clock
        configuration.commandLine = ([URL(fileURLWithPath: elf).lastPathComponent] + arguments).joined(separator: " ")
        let symbols = FirmwareSymbols(of: image)
        debug.configure(&configuration, symbols)
        let board = try M4Board(configuration)
        try debug.attach(to: board, symbols)
        board.events.subscribe { [unowned board, quiet] event in
            if let text = event.text { Console.data(text.bytes) }
            guard !quiet else { return }
            if let finding = event.finding { return Console.note("[\(board.now)] \(finding)", .finding) }
            if let access = event.unmodelled { Console.note("[\(board.now)] \(access)", .warning) }
        }
        do throws(BareFirmware.LoadError) { try BareFirmware.load(image.bytes, into: board) } catch { throw Refusal("\(elf): \(error)") }
        board.setHoldBoot(released: true)
        let deadline = board.configuration.coreClock.cycles(until: limit.time)
        let started = ContinuousClock.now
        Supervisor.watch(board.stopper)
        let reason = board.run(until: deadline)
        if Supervisor.cut == nil { board.drainRTT() }
        let wall = (ContinuousClock.now - started) / .seconds(1)
        if !quiet, reason == .deadline || reason == .asleep { for gap in board.waitsFor { Console.note("m4run: \(gap.lastLine)", .warning) } }
        if !quiet { Console.note(Summary.speed(reason: reason.name, board: board, wall: wall)) }
        let place = reason == .exit(code: 0) ? nil : CorePlace(board, symbols, stop: reason)
        if reason == .hostRequest, let cut = Supervisor.cut {
            let pc = board.core.registers.pc
            Console.error("\(Supervisor.sentence(cut)), at \(board.now) s of virtual time, pc \(hex32(pc))" + (symbols.name(at: pc).map { " (\($0))" } ?? ""))
            HelpTopic.explains(Supervisor.topic(cut))
            throw Supervisor.status(cut)
        }
        switch reason {
        case .exit, .breakpoint, .watchpoint: break
        default: HelpTopic.explains(.stop(reason.kind))
        }
        switch reason {
        case .exit(let code):
            if code == 0, let sentence = debug.neverReached {
                Console.error(sentence)
                throw ExitStatus.notReached
            }
            // A status has eight bits: what does not fit must not become success.
            throw ExitCode((0...255).contains(code) ? code : 255)
        case .fault(let report), .lockup(let report):
            Console.report("the firmware faulted:\n" + report.text(callers: place?.callersText, backtrace: place?.backtrace ?? [], symbols.name))
            throw ExitStatus.fault
        case .breakpoint(let report), .watchpoint(let report):
            Console.report(report.text(callers: place?.callersText, backtrace: place?.backtrace ?? [], symbols.name), .plain)
            throw ExitStatus.halted
        case .deadline, .asleep:
            Console.error("\(elf): no end after \(limit) of virtual time. " + (place.map { $0.sentence + "." } ?? "The M4 is held in reset."))
            throw ExitStatus.limit
        default:
            Console.error("the M4 stopped: \(reason.name)")
            throw ExitStatus.fault
        }
    }
}
