import DeviceFiles
import Foundation
import LinuxGuest
import M4Board
import MachineBase
import VirtualMP1

/// One boot of a Linux guest: QEMU and board together, from power-on to the guest's end.
///
/// A reboot is another boot, with a new machine on both sides, as the chip's system reset has both processors in it. Memories are zero then.
final class LinuxBoot {
    enum Outcome: Equatable {
        case status(Int32)
        /// The guest asked to be started again.
        case reboot
    }
    private let command: LinuxCommand
    private let symbols: FirmwareSymbols
    private let guest: RunningGuest
    private let board: GuestBoard
    private let pump: ConsolePump
    private let narrator: LinuxNarrator
    /// What a breakpoint or watchpoint said; it ends the run.
    private var halt: String?

    /// - Parameter image: the firmware, which the boot loader starts under --attach.
    init(_ command: LinuxCommand, _ configuration: GuestConfiguration, _ image: [UInt8], _ symbols: FirmwareSymbols, _ narrator: LinuxNarrator) throws {
        (self.command, self.symbols, self.narrator) = (command, symbols, narrator)
        let prepared = try Guest(configuration)
        var configuration = M4Board.Configuration()
        configuration.ddrSize = command.ddr << 20
        configuration.soc.mcuClock = command.mcuClock
        configuration.faultPolicy = command.stopAt
        command.debug.configure(&configuration, symbols)
        board = try GuestBoard(configuration, memory: prepared.memory)
        if command.attach {
            do { try BootLoader.start(image, on: board.board, lead: .milliseconds(100)) } catch { throw Refusal("\(command.image): \(error)") }
            board.showRegisters()
        }
        // Behind the boot loader's time, as in a run.
        try command.debug.attach(to: board.board, symbols)
        guest = try prepared.start()
        board.join(guest)
        pump = ConsolePump(guest, hasScript: command.guest.run != nil, showsConsole: command.guest.console)
        board.onEvent = { [narrator, unowned board = board] event in narrator.tell(event, board.board) }
        board.onHalt = { [unowned self] report in
            halt = report.text(callers: CorePlace(board.board, symbols, stop: .breakpoint(report))?.callersText, symbols.name)
            return false
        }
    }

    func run() throws -> Outcome {
        Supervisor.watch(board.board.stopper)
        try pump.start()
        // The page is closed at the guest's end, which ends the board's run.
        let guest = guest
        guard DetachedThread.start({ _ = guest.wait() }) else { throw UsageError("no thread to wait for QEMU with: \(String(cString: strerror(EAGAIN)))") }
        board.run { Supervisor.cut != nil || self.halt != nil || self.pump.wantsEnd || Console.readerHasGone }
        if let cut = Supervisor.cut {
            end()
            Console.error("\(Supervisor.sentence(cut)). \(CorePlace(board.board, symbols).map { $0.sentence + "." } ?? "The M4 is held in reset.")")
            return .status(Supervisor.status(cut).rawValue)
        }
        if let halt {
            end()
            Console.report(halt)
            return .status(ExitStatus.halted.rawValue)
        }
        if Console.readerHasGone, command.guest.run != nil {
            end()
            Console.error("the reader of standard output has gone, before the script had ended")
            return .status(ExitStatus.expectation.rawValue)
        }
        if pump.wantsEnd || Console.readerHasGone {
            end()
            return .status(pump.terminalHasGone ? ExitStatus.hungUp.rawValue : 0)
        }
        let ending = guest.wait() ?? .poweredOff
        pump.finish()
        narrator.summary(board)
        return outcome(ending)
    }

    /// Before the guest's own end.
    private func end() {
        guest.kill()
        pump.finish()
        narrator.summary(board)
    }

    private func outcome(_ ending: GuestEnding) -> Outcome {
        for report in pump.reports + guest.reports() {
            if case .moduleFailed(let name) = report { Console.note("m4run: the guest could not load \(name)") }
        }
        switch ending {
        case .exit(let status):
            if status == 0, let sentence = command.debug.neverReached {
                Console.error(sentence)
                return .status(ExitStatus.notReached.rawValue)
            }
            return .status(Int32(truncatingIfNeeded: status & 0xFF))
        case .reboot:
            narrator.note("the guest reboots, and the M4 is reset with it")
            return .reboot
        case .poweredOff:
            guard command.guest.run != nil else { return .status(0) }
            Console.error("the guest was switched off before its script had ended")
            return .status(ExitStatus.expectation.rawValue)
        case .reset:
            Console.error("the guest restarted unannounced: a panic of the kernel's, or reboot -f" + (pump.tail.map { "; the console's end: \($0)" } ?? ""))
            return .status(ExitStatus.expectation.rawValue)
        case .signal(let number, let said):
            Console.error("QEMU was ended by signal \(number)" + (said.isEmpty ? "" : ": \(said)"))
            return .status(ExitStatus.expectation.rawValue)
        case .failed(let status, let said):
            Console.error("QEMU ended with status \(status)" + (said.isEmpty ? "" : ": \(said)"))
            return .status(ExitStatus.usage.rawValue)
        }
    }
}
