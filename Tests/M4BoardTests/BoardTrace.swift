// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import M4Board
import MP1Peripherals
import MachineBase
import TestSupport

/// What a board does, leg by leg, as lines that are compared: stops, registers, counts, newest blocks, memory, and what it tells the world.
final class BoardTrace {
    private(set) var lines: [String] = []

    private func hear(_ event: BoardEvent) {
        switch event {
        case .soc(.outputs(let port, let levels, let changed)): lines.append("GPIO\(port) \(levels) \(changed)")
        case .soc(.applicationProcessorInterrupt(let line, let level)): lines.append("\(line) \(level)")
        case .watchdogReset: lines.append("watchdog")
        default:
            if let text = event.text { lines.append("\(text.source): \(text.bytes)") }
            if let what = event.finding.map({ "\($0)" }) ?? event.unmodelled.map({ "\($0)" }) { lines.append(what) }
        }
    }

    /// Runs a leg of about so many cycles, and has a core that has locked up reset.
    func run(_ board: M4Board, cycles: UInt64) {
        let listening = board.events.subscribe { [self] in hear($0) }
        defer { board.events.end(listening) }
        let reason = board.run(until: board.cycles + cycles)
        let core = board.core
        lines.append("\(reason) at \(board.cycles), \(core.retired) retired, \(core.skipped) skipped, \(core.faultCount) faults")
        lines.append("\(core.registers) \(core.singlePrecisionRegisters) \(core.history)")
        lines.append("\(Self.hash(board)) \(board.handlersUnderWay()) \(board.isAsleep) \(board.unmodelledRegisters.count)")
        if board.isLockedUp { board.resetMCU() }
    }

    func run(_ board: M4Board, _ legs: [UInt64]) -> [String] {
        lines = []
        for leg in legs { run(board, cycles: leg) }
        return lines
    }

    /// Of all memories inside of the chip.
    private static func hash(_ board: M4Board) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for memory in board.configuration.chip.memories {
            guard let start = memory.physicalAddresses.first else { continue }
            _ = board.withMemory(start, count: Int(memory.size)) { bytes in
                for word in bytes.bindMemory(to: UInt64.self) { hash = (hash ^ word) &* 0x100_0000_01B3 }
            }
        }
        return hash
    }

    /// Legs of very different lengths.
    static func legs(_ count: Int, seed: UInt64) -> [UInt64] {
        var random = SeededChoices(seed: seed)
        return (0..<count).map { _ in UInt64(random.pick([1, 17, 300, 4_000, 70_000] as [UInt32]) + random.below(64)) }
    }
}

extension M4Board {
    /// A board with a sample, out of reset.
    static func sample(_ name: String, _ configuration: Configuration = Configuration()) throws -> M4Board {
        let board = try M4Board(configuration)
        let bytes = try TestEnvironment.sample(name), file = try ELFFile(bytes)
        for segment in file.programHeaders where segment.isLoad && segment.memorySize > 0 {
            guard let contents = file.contents(of: segment), let place = board.configuration.chip.physical(DeviceAddress(segment.physicalAddress)) else { continue }
            try board.fill(place, count: Int(segment.memorySize), with: 0)
            try board.write(place, Array(contents))
        }
        board.setHoldBoot(released: true)
        return board
    }
}
