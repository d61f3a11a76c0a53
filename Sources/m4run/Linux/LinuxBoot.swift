// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import DeviceFiles
import FoundationEssentials
import Glibc
import LinuxGuest
import M4Board
import MachineBase
import VirtualMP1

/// One boot of a Linux guest: QEMU and board together, from power-on to the guest's end.
///
/// A reboot is another boot, with a new machine on both sides, as the chip's system reset has both processors in it. Memories are zero then.
final class LinuxBoot {
    enum Outcome {
        case end(LinuxEnd)
        /// The guest asked to be started again.
        case reboot
    }
    private let command: LinuxCommand
    let symbols: FirmwareSymbols
    private let guest: RunningGuest
    let board: GuestBoard
    private let pump: ConsolePump
    private let runLog: LinuxRunLog
    private let record: LinuxRecord
    private let crashes: LinuxCrashes
    /// The breakpoint or watchpoint that ended the run.
    private(set) var halt: HaltReport?
    /// Where the M4 stood at the end.
    private(set) var place: CorePlace?
    /// What the script has printed.
    var said: Answers { pump.output }
    /// Whether a script has printed something, or somebody has typed.
    var isAlive: Bool { pump.isAlive }
    var hasAttached: Bool { command.life.attach }

    /// - Parameter firmware: the images that Linux may start; the first is the command's, which the boot loader starts under --attach.
    init(
        _ command: LinuxCommand, _ configuration: GuestConfiguration, _ firmware: [KnownFirmware], _ symbols: FirmwareSymbols, _ runLog: LinuxRunLog,
        _ record: LinuxRecord, _ crashes: LinuxCrashes
    ) throws {
        (self.command, self.symbols, self.runLog, self.record, self.crashes) = (command, symbols, runLog, record, crashes)
        let prepared = try Guest(configuration)
        var configurationOfBoard = M4Board.Configuration(.chosen)
        configurationOfBoard.ddrSize = command.ddr << 20
        configurationOfBoard.soc.mcuClock = command.mcuClock.clock
        configurationOfBoard.faultPolicy = command.life.faultPolicy
        configurationOfBoard.stopsAtUnmodelled = command.limits.strict
        command.debug.configure(&configurationOfBoard, symbols)
        board = try GuestBoard(configurationOfBoard, memory: prepared.memory)
        if command.life.attach, let image = firmware.first?.image {
            do { try BootLoader.start(image, on: board.board, lead: .milliseconds(100)) } catch { throw Refusal("\(command.image): \(error)") }
            board.showRegisters()
        }
        board.know(firmware)
        if command.limits.sanitize { try board.recordWriters(configuration.coprocessor.memoryRegions) }
        // Behind the boot loader's time, as in a run.
        try command.debug.attach(to: board.board, symbols)
        guest = try prepared.start()
        board.join(guest)
        pump = ConsolePump(guest, hasScript: command.guest.run != nil, showsConsole: command.guest.console, keepsOutput: command.limits.json)
        record.begins(command.life.attach ? firmware.first : nil)
        board.watch.symbol = { [runLog] in runLog.symbols.nameAndSource(at: $0) }
        board.events.subscribe { [unowned self] in hear($0) }
        board.onHalt = { [unowned self] report in
            halt = report
            return false
        }
    }

    private func hear(_ event: GuestBoardEvent) {
        record.add(event)
        if case .started(_, let known) = event { runLog.symbols = known.map { FirmwareSymbols(of: $0.image) } ?? .none }
        switch event {
        case .stopped(_, .fault(let report)), .stopped(_, .lockup(let report)):
            record.fault = record.fault ?? (report, CorePlace(board.board, runLog.symbols, stop: .fault(report)))
        default: break
        }
        runLog.tell(event, board.board, &record.output)
        crashes.take(event, board, record.firmware)
    }

    func run() throws -> Outcome {
        Supervisor.watch(board.board.stopper)
        try pump.start()
        // The page is closed at the guest's end, which ends the board's run.
        let guest = guest
        guard DetachedThread.start({ _ = guest.wait() }) else { throw UsageError("no thread to wait for QEMU with: \(String(cString: strerror(EAGAIN)))") }
        board.run {
            Supervisor.cut != nil || self.halt != nil || self.pump.wantsEnd || Console.readerHasGone || self.crashes.loop != nil || self.record.unmodelledStop != nil
        }
        place = CorePlace(board.board, runLog.symbols, stop: halt.map { .breakpoint($0) })
        if let end = endFromOutside() {
            if [ExitStatus.limit, .halted].contains(where: { $0.rawValue == end.status }) { crashes.dump(board.board, record.firmware) }
            guest.kill()
            finish()
            return .end(end)
        }
        let ending = guest.wait() ?? .poweredOff
        finish()
        return outcome(ending)
    }

    /// What ends the run while the guest is still there; nil when that has ended by itself.
    private func endFromOutside() -> LinuxEnd? {
        if let cut = Supervisor.cut { return LinuxEnd(Supervisor.status(cut), "\(Supervisor.sentence(cut)). \(place.map { $0.sentence + "." } ?? "The M4 is held in reset.")" + (neverReady ?? ""), see: Supervisor.topic(cut)) }
        if let halt { return LinuxEnd(.halted, halt.text(callers: place?.callersText, backtrace: place?.backtrace ?? [], runLog.symbols.name), isReport: true) }
        if let loop = crashes.loop { return LinuxEnd(.fault, "\(loop)", see: .stop(.fault)) }
        if let access = record.unmodelledStop { return LinuxEnd(.fault, "--strict: \(access), pc in the block at \(runLog.symbols.place(board.board.core.registers.pc))", see: .cause("unmodelled-register")) }
        if Console.readerHasGone, command.guest.run != nil { return LinuxEnd(.expectation, "the reader of standard output has gone, before the script had ended") }
        if pump.wantsEnd || Console.readerHasGone { return LinuxEnd(pump.terminalHasGone ? .hungUp : .fine) }
        return nil
    }

    private func finish() {
        pump.finish()
        board.lookAgain()
        runLog.summary(board, &record.output)
    }

    /// Where a guest's console stood that never came so far as to run a script.
    private var neverReady: String? {
        if (pump.reports + guest.reports()).contains(where: { if case .ready = $0 { true } else { false } }) { return nil }
        let end = pump.tail.map { "; the console's end: \($0)" } ?? ", and nothing came on its console"
        return " The guest has not told of its first process: the kernel did not come so far, or has neither virtio_mmio nor virtio_console\(end)"
    }

    private func outcome(_ ending: GuestEnding) -> Outcome {
        for report in pump.reports + guest.reports() {
            switch report {
            case .moduleFailed(let name): Console.note("m4run: the guest could not load \(name); its dmesg says why: a module fits one kernel", .warning)
            case .driverMissing(let name): Console.note("m4run: the guest's kernel has no driver \(name): \(LinuxDrivers.advice(name))", .warning)
            default: break
            }
        }
        switch ending {
        case .exit(let status):
            if status == 0, command.limits.strict, let complaint = record.strictComplaint { return .end(LinuxEnd(.findings, complaint, see: record.findings.first.map { .cause($0.name) })) }
            if status == 0, let sentence = command.debug.neverReached { return .end(LinuxEnd(.notReached, sentence)) }
            return .end(LinuxEnd(script: Int32(truncatingIfNeeded: status & 0xFF)))
        case .reboot:
            runLog.note("the guest reboots, and the M4 is reset with it")
            return .reboot
        case .poweredOff:
            guard command.guest.run != nil else { return .end(LinuxEnd(.fine)) }
            return .end(LinuxEnd(.expectation, "the guest was switched off before its script had ended" + (neverReady.map { "." + $0 } ?? ""), see: .page(.linux)))
        case .reset:
            return .end(LinuxEnd(.expectation, "the guest restarted unannounced: a panic of the kernel's, or reboot -f" + (pump.tail.map { "; the console's end: \($0)" } ?? "")))
        case .signal(let number, let said): return .end(LinuxEnd(.expectation, "QEMU was ended by signal \(number)" + (said.isEmpty ? "" : ": \(said)")))
        case .failed(let status, let said): return .end(LinuxEnd(.usage, "QEMU ended with status \(status)" + (said.isEmpty ? "" : ": \(said)")))
        }
    }
}

/// What to do about a driver that the guest's kernel lacks.
enum LinuxDrivers {
    private static let options = [
        "stm32-rproc": "CONFIG_STM32_RPROC", "stm32-ipcc": "CONFIG_STM32_IPCC", "virtio_rpmsg_bus": "CONFIG_RPMSG_VIRTIO", "rpmsg_tty": "CONFIG_RPMSG_TTY",
    ]
    static func advice(_ driver: String) -> String {
        (options[driver].map { "build it with \($0), give its modules by --modules" } ?? "give its modules by --modules") + ", or take Debian's kernel: scripts/fetch-linux"
    }
}
