import ArgumentParser
import Foundation
import M4Board
import MachineBase
import MP1Peripherals
import VirtualMP1

struct Exec: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run an ELF on the bare Cortex-M4: no OP-TEE, no Linux.",
        discussion: "Text from UARTs, ITM and semihosting goes to stdout. Semihosting SYS_EXIT ends the run with its code.")

    @Argument(help: "The ELF to run.") var elf: String
    @Option(name: .customLong("for"), help: "Virtual time to run, as 500ms, 2s, 100us.") var duration = "10s"

    func run() throws {
        let bytes = try InputFile.read(elf)
        let board = try M4Board()
        let output = BareOutput()
        board.delegate = output
        try BareFirmware.load(bytes, into: board)
        board.setHoldBoot(released: true)
        let limit = board.configuration.coreClock.cycles(until: try VirtualDuration.parse(duration))
        let started = DispatchTime.now().uptimeNanoseconds
        let reason = board.run(until: limit)
        let wall = Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9
        FileHandle.standardError.write(Data("\(reason.name): \(board.cycles) instructions, virtual \(board.now) s, wall \(wall) s, \(Int(Double(board.cycles) / wall / 1e6)) MIPS\n".utf8))
        switch reason {
        case .exit(let code): throw ExitCode(code)
        case .fault(let report), .lockup(let report):
            FileHandle.standardError.write(Data((report.text + "\n").utf8))
            throw ExitCode(3)
        default: break
        }
    }
}

final class BareOutput: M4BoardDelegate {
    func board(_ board: M4Board, output: [UInt8], from source: M4Board.TextSource) { FileHandle.standardOutput.write(Data(output)) }
    func board(_ board: M4Board, unmodelled access: UnmodelledAccess) {
        FileHandle.standardError.write(Data("[\(board.now)] \(access)\n".utf8))
    }
}

enum InputFile {
    static func read(_ path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else { throw ValidationError("\(path): cannot be read") }
        return [UInt8](data)
    }
}

enum VirtualDuration {
    static func parse(_ text: String) throws -> VirtualTime {
        for (suffix, scale) in [("ns", 1), ("us", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000)] as [(String, UInt64)] where text.hasSuffix(suffix) {
            if let n = UInt64(text.dropLast(suffix.count)) { return VirtualTime(nanoseconds: n.multipliedReportingOverflow(by: scale).partialValue) }
        }
        throw ValidationError("'\(text)' is no duration: write 500ms, 2s or 100us")
    }
}
