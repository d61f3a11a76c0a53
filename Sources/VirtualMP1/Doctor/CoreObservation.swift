// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import M4Board
import MachineBase

/// What the core did over a span, sample by sample: one moment says little of a loop that takes half a second a round.
struct CoreObservation {
    private let registers: RegisterMap
    /// At least so long from one sample to the next; not a divisor of anything that firmware counts in.
    private static let leastStep = VirtualTime(nanoseconds: 617_000)
    private static let mostSamples: UInt64 = 397
    /// From one sample to the next.
    let step: VirtualTime

    private(set) var samples = 0
    /// Virtual time of the first.
    private(set) var begin = VirtualTime.never
    private var asleep = 0
    private var sleepsAt: UInt32?
    /// Samples in which it went round few blocks.
    private(set) var loops = 0
    /// Samples by what was among the last blocks.
    private var functions: [String: Int] = [:]
    /// Registers of the SoC that were loaded from, while this looked.
    private var reads: [UInt32: RegisterReads.Reads] = [:]
    /// Loads from each up to the newest sample, and samples since the one before which it was loaded from: a wait that is over is none.
    private var readsBefore: [UInt32: UInt64] = [:]
    private var samplesWithReads: [UInt32: Int] = [:]
    /// What the registers were at a place of a thread's, and how often they were the same there, and not.
    private var seen: [UInt32: [UInt32]] = [:]
    private var same = 0, different = 0
    private var pinStores: UInt64 = 0
    /// Samples in which nothing but a branch to itself was executed, by its address.
    private var endless: [UInt32: Int] = [:]

    /// - Parameter span: that is looked at.
    /// - Parameter registers: the chip's.
    init(_ span: VirtualTime, _ registers: RegisterMap) {
        self.registers = registers
        step = max(Self.leastStep, VirtualTime(nanoseconds: span.nanoseconds / Self.mostSamples | 1))
    }

    var isFull: Bool { samples >= Self.mostSamples }

    mutating func take(_ system: MP1System, _ symbols: FirmwareSymbols) {
        let activity = system.board.activity()
        if samples == 0 { begin = system.now }
        samples += 1
        if activity.state == .asleep {
            asleep += 1
            sleepsAt = sleepsAt ?? activity.registers.pc
        }
        for (address, reads) in system.board.registerReads.counts where readsBefore.updateValue(reads.count, forKey: address) != reads.count {
            samplesWithReads[address, default: 0] += 1
        }
        for name in Set(activity.blocks.compactMap { symbols.functionName(at: $0) }) { functions[name, default: 0] += 1 }
        guard activity.isLooping else { return }
        loops += 1
        compare(activity.registers)
        if activity.blocks.count == 1, let block = activity.blocks.first, system.board.isEndlessLoop(at: block) { endless[block, default: 0] += 1 }
    }

    private mutating func compare(_ registers: CoreRegisters) {
        guard registers.exception.value == 0 else { return }
        let now = Array(registers.r[0..<15])
        guard let before = seen[registers.pc] else {
            if seen.count < 64 { seen[registers.pc] = now }
            return
        }
        if before == now { same += 1 } else { different += 1 }
    }

    /// The span is over.
    mutating func end(_ board: M4Board) {
        board.registerReads.end()
        reads = board.registerReads.counts
        pinStores = board.registerReads.pinStores
    }

    /// Of something that was seen `count` times: as good as always.
    private func isUsual(_ count: Int) -> Bool { samples > 0 && count * 2 > samples }

    /// Where it sleeps, if that is what it does.
    var sleepPlace: UInt32? { isUsual(asleep) ? sleepsAt : nil }
    var isLooping: Bool { isUsual(loops) }
    /// The branch to itself that is executed and nothing else.
    var endlessLoop: UInt32? { endless.first { isUsual($0.value) }?.key }
    /// Round after round nothing changes, registers included: it counts nothing and does nothing.
    var isSteady: Bool { isLooping && different == 0 && same > 0 }
    /// It was seen twice at a place with other registers: something changes from round to round.
    var isProgressing: Bool { different > 0 }
    /// It drives pins, once a sample or more.
    var drivesPins: Bool { samples > 1 && pinStores >= UInt64(samples) }
    /// Registers that were loaded once a sample or more, between most samples, and always gave the same: status registers first, then the most frequent.
    var polled: [(address: UInt32, value: UInt32)] {
        reads.filter { $0.value.isConstant && samples > 1 && $0.value.count >= UInt64(samples) && isUsual(samplesWithReads[$0.key] ?? 0) }
            .sorted { (isStatus($0.key) ? 0 : 1, $1.value.count, $0.key) < (isStatus($1.key) ? 0 : 1, $0.value.count, $1.key) }
            .map { ($0.key, $0.value.value) }
    }
    /// Functions that were under way in most samples, the most frequent first; at most `limit`.
    func usualFunctions(_ limit: Int) -> [String] {
        Array(functions.filter { isUsual($0.value) }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key).prefix(limit))
    }

    private func isStatus(_ address: UInt32) -> Bool {
        guard let name = registers.location(at: address)?.register else { return false }
        return name.hasSuffix("SR") || name == "IDR" || name.hasSuffix("SR1") || name.hasSuffix("S")
    }
}
