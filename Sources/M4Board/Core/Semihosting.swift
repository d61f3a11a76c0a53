// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM
import MachineBase

/// Arm semihosting: `BKPT 0xAB` with an operation in R0 and its argument in R1.
/// Source: Semihosting for AArch32 and AArch64, 2.0.
///
/// Text goes to `onText`. There are no files: SYS_OPEN knows `:tt`, the console, and `:semihosting-features`, which tells that
/// SYS_EXIT_EXTENDED and a separate stderr are there. Reading from the console finds its end at once.
public final class Semihosting {
    enum Outcome { case handled, exit(Int32) }
    /// Longest text taken from one call, in bytes.
    static let longestText: UInt32 = 64 * 1024
    static let longestName: UInt32 = 255

    enum Operation: UInt32 {
        case open = 0x01, close, writeCharacter, writeString, write, read, readCharacter, isError, isTTY, seek
        case length = 0x0C, temporaryName, remove, rename, clock, time, system, errno
        case commandLine = 0x15, heapInfo
        case exit = 0x18, exitExtended = 0x20
        case elapsed = 0x30, tickFrequency
    }

    private enum Handle: UInt32 { case input = 1, output, error, features }
    /// "SHFB", then SH_EXT_EXIT_EXTENDED and SH_EXT_STDOUT_STDERR.
    private static let features: [UInt8] = [0x53, 0x48, 0x46, 0x42, 0b11]
    private static let failed = UInt32.max
    enum Errno: UInt32, Sendable { case none = 0, noEntry = 2, badHandle = 9, invalid = 22, notSupported = 95 }

    var clock = CoreClock(hertz: 64_000_000)
    /// What SYS_GET_CMDLINE answers; its first word is the program's name.
    public var commandLine = ""
    /// Gets what firmware writes to the console.
    public var onText: (([UInt8]) -> Void)?
    /// Told once of each operation, and of each file, that is not there.
    public var onUnsupported: ((BoardFinding) -> Void)?

    /// What of it changes.
    struct State: Equatable, Sendable {
        var told: [BoardFinding] = []
        var errno = Errno.none
        /// Of the next byte that is read of `:semihosting-features`.
        var featuresPosition = 0
    }
    var state = State()

    func call(_ core: Core) -> Outcome {
        let code = core.engine.r(0), argument = core.engine.r(1)
        guard let operation = Operation(rawValue: code) else {
            tell(.semihostingOperation(code))
            core.engine.setR(0, fail(.notSupported))
            return .handled
        }
        switch operation {
        case .exit:
            // ADP_Stopped_ApplicationExit is success.
            return .exit(argument == 0x20026 ? 0 : 1)
        case .exitExtended:
            return .exit(core.word(argument) == 0x20026 ? Int32(bitPattern: core.word(argument &+ 4) ?? 1) : 1)
        default:
            core.engine.setR(0, answer(operation, argument, core))
            return .handled
        }
    }

    private func answer(_ operation: Operation, _ argument: UInt32, _ core: Core) -> UInt32 {
        func parameter(_ n: UInt32) -> UInt32 { core.word(argument &+ n &* 4) ?? 0 }
        switch operation {
        case .open: return open(name: text(core, at: parameter(0), count: min(parameter(2), Self.longestName)), mode: parameter(1))
        case .close: return Handle(rawValue: parameter(0)) == nil ? fail(.badHandle) : 0
        case .writeCharacter:
            onText?(text(core, at: argument, count: 1))
            return 0
        case .writeString:
            var bytes = text(core, at: argument, count: Self.longestText)
            if let end = bytes.firstIndex(of: 0) { bytes.removeSubrange(end...) }
            onText?(bytes)
            return 0
        case .write:
            // Answers how many bytes were not written.
            let count = parameter(2)
            guard let handle = Handle(rawValue: parameter(0)), handle == .output || handle == .error else { return fail(.badHandle, count) }
            let bytes = text(core, at: parameter(1), count: min(count, Self.longestText))
            onText?(bytes)
            return count &- UInt32(bytes.count)
        case .read: return read(handle: parameter(0), to: parameter(1), count: parameter(2), core)
        case .readCharacter: return Self.failed
        case .isError: return Int32(bitPattern: parameter(0)) < 0 ? 1 : 0
        case .isTTY:
            guard let handle = Handle(rawValue: parameter(0)) else { return fail(.badHandle) }
            return handle == .features ? 0 : 1
        case .seek:
            guard Handle(rawValue: parameter(0)) == .features, parameter(1) <= UInt32(Self.features.count) else { return fail(.invalid) }
            state.featuresPosition = Int(parameter(1))
            return 0
        case .length:
            guard let handle = Handle(rawValue: parameter(0)) else { return fail(.badHandle) }
            return handle == .features ? UInt32(Self.features.count) : 0
        case .clock: return UInt32(truncatingIfNeeded: clock.time(cycles: core.cycles).nanoseconds / 10_000_000)  // centiseconds
        // The board is made at the epoch.
        case .time: return UInt32(truncatingIfNeeded: clock.time(cycles: core.cycles).nanoseconds / 1_000_000_000)
        case .errno: return state.errno.rawValue
        case .commandLine: return putCommandLine(at: parameter(0), size: parameter(1), lengthAt: argument &+ 4, core)
        case .heapInfo:
            // Heap and stack, base and limit: 0 is "unknown", and leaves it to the firmware's linker script.
            for n in 0..<UInt32(4) { _ = core.store(0, at: parameter(0) &+ n &* 4) }
            return 0
        case .elapsed:
            _ = core.store(UInt32(truncatingIfNeeded: core.cycles), at: argument)
            _ = core.store(UInt32(truncatingIfNeeded: core.cycles >> 32), at: argument &+ 4)
            return 0
        case .tickFrequency: return UInt32(clamping: clock.hertz)
        case .temporaryName, .remove, .rename, .system, .exit, .exitExtended:
            tell(.semihostingOperation(operation.rawValue))
            return fail(.notSupported)
        }
    }

    private func open(name: [UInt8], mode: UInt32) -> UInt32 {
        if name == Array(":tt".utf8) {
            // r is stdin, w stdout, a stderr.
            return mode < 12 ? 1 + mode / 4 : fail(.invalid)
        }
        if name == Array(":semihosting-features".utf8) {
            guard mode < 4 else { return fail(.invalid) }
            state.featuresPosition = 0
            return Handle.features.rawValue
        }
        tell(.semihostingFile(ForeignText.text(name)))
        return fail(.noEntry)
    }

    /// Answers how many bytes were not read.
    private func read(handle: UInt32, to address: UInt32, count: UInt32, _ core: Core) -> UInt32 {
        switch Handle(rawValue: handle) {
        case .input: return count
        case .features:
            let part = Self.features[state.featuresPosition...].prefix(Int(clamping: count))
            guard store(Array(part), at: address, core) else { return count }
            state.featuresPosition += part.count
            return count &- UInt32(part.count)
        default: return fail(.badHandle, count)
        }
    }

    private func putCommandLine(at address: UInt32, size: UInt32, lengthAt: UInt32, _ core: Core) -> UInt32 {
        let line = Array(commandLine.utf8) + [0]
        guard line.count <= Int(size), store(line, at: address, core) else { return fail(.invalid) }
        return core.store(UInt32(line.count - 1), at: lengthAt) ? 0 : fail(.invalid)
    }

    private func fail(_ why: Errno, _ result: UInt32 = failed) -> UInt32 {
        state.errno = why
        return result
    }

    private func tell(_ finding: BoardFinding) {
        // A firmware that opens many names is no reason to keep them all.
        guard state.told.count < 32, !state.told.contains(finding) else { return }
        state.told.append(finding)
        onUnsupported?(finding)
    }

    private func store(_ bytes: [UInt8], at address: UInt32, _ core: Core) -> Bool {
        guard let host = core.engine.memory(address, count: UInt32(bytes.count)) else { return false }
        for (index, byte) in bytes.enumerated() { host[index] = byte }
        m4_engine_memory_written(core.engine.raw, address, UInt32(bytes.count))
        return true
    }

    private func text(_ core: Core, at address: UInt32, count: UInt32) -> [UInt8] {
        guard count > 0, let region = m4_engine_region(core.engine.raw, address), let host = region.pointee.host else { return [] }
        let offset = address &- region.pointee.start
        let available = min(count, region.pointee.size &- offset)
        return Array(UnsafeBufferPointer(start: host + Int(offset), count: Int(available)))
    }
}
