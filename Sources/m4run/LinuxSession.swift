import ArgumentParser
import DeviceFiles
import DeviceTree
import Foundation
import LinuxGuest
import M4Board
import MachineBase
import RprocDeviceTree
import RprocHost
import VirtualMP1

/// One `m4run linux`: guest and board together, until the guest's end.
final class LinuxSession {
    private let command: LinuxCommand
    private let symbols: FirmwareSymbols
    private let guest: RunningGuest
    private let board: GuestBoard
    private let pump: ConsolePump
    private let narrator: LinuxNarrator
    /// What a breakpoint or watchpoint said; it ends the run.
    private var halt: String?

    init(_ command: LinuxCommand) throws {
        self.command = command
        let image = try InputFile.read(command.image)
        guard image.starts(with: [0x7F, 0x45, 0x4C, 0x46]) else {
            throw Refusal("\(command.image): no ELF; a real Linux loads firmware without OP-TEE, which takes no part here")
        }
        symbols = FirmwareSymbols(image: image)
        var linux = HostConfiguration(bootSequence: .elf)
        if let path = command.dtb {
            let tree = try TreeOptions.tree(path)
            do throws(CoprocessorNodeError) { linux = try CoprocessorNode(tree).hostConfiguration(.elf) } catch { throw UsageError("\(path): \(error)") }
        }
        let setup = try LinuxGuestSetup(command, image, linux)
        narrator = LinuxNarrator(symbols, isQuiet: command.quiet)
        narrator.note("Linux \(setup.configuration.files.release) (\(setup.configuration.files.package) \(setup.configuration.files.version), Debian \(setup.configuration.files.suite)) in QEMU, wall-clock paced")
        let prepared = try Guest(setup.configuration)
        var configuration = M4Board.Configuration()
        configuration.ddrSize = command.ddr << 20
        configuration.soc.mcuClock = command.mcuClock
        configuration.faultPolicy = command.stopAt
        command.debug.configure(&configuration, symbols)
        board = try GuestBoard(configuration, memory: prepared.memory)
        try command.debug.attach(to: board.board, symbols)
        if command.attach {
            do { try BootLoader.start(image, on: board.board, lead: .milliseconds(100)) } catch { throw Refusal("\(command.image): \(error)") }
            board.showRegisters()
        }
        guest = try prepared.start()
        board.join(guest)
        pump = ConsolePump(guest, hasScript: command.guest.run != nil, showsConsole: command.guest.console)
        board.onEvent = { [narrator, unowned board = board] event in narrator.tell(event, board.board) }
        board.onHalt = { [unowned self] report in
            halt = report.text(callers: CorePlace(board.board, symbols, stop: .breakpoint(report))?.callersText, symbols.name)
            return false
        }
    }

    /// - Returns: the exit status.
    func run() throws -> Int32 {
        Supervisor.watch(board.board.stopper)
        try pump.start()
        // The page is closed at the guest's end, which ends the board's run.
        let guest = guest
        guard DetachedThread.start({ _ = guest.wait() }) else { throw UsageError("no thread to wait for QEMU with: \(String(cString: strerror(EAGAIN)))") }
        board.run { Supervisor.cut != nil || self.halt != nil || self.pump.wantsEnd || Console.readerHasGone }
        if let cut = Supervisor.cut {
            end()
            Console.error("\(Supervisor.sentence(cut)). \(CorePlace(board.board, symbols).map { $0.sentence + "." } ?? "The M4 is held in reset.")")
            return Supervisor.status(cut).rawValue
        }
        if let halt {
            end()
            Console.report(halt)
            return ExitStatus.halted.rawValue
        }
        if pump.wantsEnd || Console.readerHasGone {
            end()
            return 0
        }
        let ending = guest.wait() ?? .poweredOff
        pump.finish()
        narrator.summary(board)
        return verdict(ending)
    }

    /// Before the guest's own end.
    private func end() {
        guest.kill()
        pump.finish()
        narrator.summary(board)
    }

    private func verdict(_ ending: GuestEnding) -> Int32 {
        for report in pump.reports + guest.reports() {
            if case .moduleFailed(let name) = report { Console.note("m4run: the guest could not load \(name)") }
        }
        switch ending {
        case .exit(let status):
            return Int32(truncatingIfNeeded: status & 0xFF)
        case .poweredOff:
            guard command.guest.run != nil else { return 0 }
            Console.error("the guest was switched off before its script had ended")
            return ExitStatus.expectation.rawValue
        case .reset:
            Console.error("the guest restarted: a reboot or a panic of the kernel's, which ends it here" + (pump.tail.map { "; the console's end: \($0)" } ?? ""))
            return ExitStatus.expectation.rawValue
        case .signal(let number, let said):
            Console.error("QEMU was ended by signal \(number)" + (said.isEmpty ? "" : ": \(said)"))
            return ExitStatus.expectation.rawValue
        case .failed(let status, let said):
            Console.error("QEMU ended with status \(status)" + (said.isEmpty ? "" : ": \(said)"))
            return ExitStatus.usage.rawValue
        }
    }
}
