// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

/// A target without a machine: registers and memory that hold what is written, a core that runs and steps two bytes at a time when it is told to. For tests of what speaks
/// the protocol, and for the fuzzer.
public final class InMemoryTarget: DebugTarget {
    public var features = TargetFeatures()
    public var memoryMap: [MemoryMapRegion] { [MemoryMapRegion(start: base, size: UInt64(memory.count))] }
    public let base: UInt32
    public var memory: [UInt8]
    public var registers: [DebugRegister: UInt64] = [:]
    public private(set) var breakpoints: [UInt32] = [], watchpoints: [Watchpoint] = []
    public var mostBreakpoints = 1000
    public private(set) var isHalted = true
    /// Resumptions so far, and how often stops were set.
    public private(set) var resumptions: [Resumption] = [], stopChanges = 0, resets = 0
    /// A write to these is refused.
    public var refused: Range<UInt32> = 0..<0
    public var threads = DebugThreads.one
    /// Told of each halt, as a session wants to hear it.
    public var onHalt: (HaltReason) -> Void = { _ in }

    /// - Parameter size: bytes of memory from `base` on.
    public init(base: UInt32 = 0x1000_0000, size: Int = 4096) {
        self.base = base
        memory = [UInt8](repeating: 0, count: size)
        registers[.r(15)] = UInt64(base)
    }

    public func register(_ register: DebugRegister) -> UInt64 { registers[register] ?? 0 }
    public func setRegister(_ register: DebugRegister, to value: UInt64) -> Bool {
        registers[register] = value
        return true
    }

    public func read(_ address: UInt32, count: Int) -> [UInt8] {
        let offset = Int(address) - Int(base)
        guard offset >= 0, offset < memory.count, count > 0 else { return [] }
        return Array(memory[offset..<min(memory.count, offset + count)])
    }

    public func write(_ address: UInt32, _ bytes: [UInt8]) -> WriteOutcome {
        let offset = Int(address) - Int(base)
        guard offset >= 0, offset + bytes.count <= memory.count else { return .noMemory }
        if refused.contains(address) { return .refused("not here") }
        memory.replaceSubrange(offset..<offset + bytes.count, with: bytes)
        return .done
    }

    public func accepts(breakpoints: Int, watchpoints: Int) -> Bool { breakpoints <= mostBreakpoints && watchpoints <= 16 }
    public func setStops(breakpoints: [UInt32], watchpoints: [Watchpoint]) {
        (self.breakpoints, self.watchpoints) = (breakpoints, watchpoints)
        stopChanges += 1
    }

    public func resume(_ how: Resumption) {
        guard isHalted else { return }
        resumptions.append(how)
        isHalted = false
    }

    public func halt() { if !isHalted { come(to: HaltReason(.interrupt)) } }

    /// The core comes to stand.
    public func come(to reason: HaltReason) {
        isHalted = true
        onHalt(reason)
    }

    public func resetAndHalt() -> String? {
        resets += 1
        isHalted = true
        registers[.r(15)] = UInt64(base)
        return nil
    }

    public func monitor(_ words: [String], mayChange: Bool) -> MonitorAnswer? {
        switch words.first {
        case "echo": MonitorAnswer(words.dropFirst().joined(separator: " ") + "\n")
        case "end": MonitorAnswer("", endsServer: mayChange)
        default: nil
        }
    }
}
