// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What a register or a word of the stack holds, in terms of a function's entry.
enum FrameValue: Equatable {
    case unknown
    /// The stack pointer at entry, and so many bytes.
    case stack(Int32)
    /// What that register held at entry.
    case entry(Int)
    case constant(UInt32)

    func adding(_ bytes: UInt32) -> FrameValue {
        switch self {
        case .stack(let offset): .stack(offset &+ Int32(bitPattern: bytes))
        case .constant(let value): .constant(value &+ bytes)
        case .unknown, .entry: .unknown
        }
    }
    func adding(_ other: FrameValue) -> FrameValue {
        if case .constant(let value) = other { return adding(value) }
        if case .constant(let value) = self { return other.adding(value) }
        return .unknown
    }
    func subtracting(_ other: FrameValue) -> FrameValue {
        if case .constant(let value) = other { return adding(0 &- value) }
        return .unknown
    }
}

/// What is certain about registers and stack before an instruction, whichever way led there.
struct FrameState: Equatable {
    /// R0 to R14.
    private(set) var r: [FrameValue]
    /// Words of the frame that hold what a register held at entry, by their distance from the stack pointer at entry.
    private(set) var saved: [Int32: Int] = [:]
    private static let mostSaved = 32
    /// Of the IT block that the next instruction is in. Source: ARMv7-M ARM, A7.3.3.
    var itState: UInt8 = 0

    /// At the function's first instruction.
    static let entry = FrameState()
    private init() { r = (0..<15).map { $0 == 13 ? .stack(0) : .entry($0) } }

    subscript(register: Int) -> FrameValue { register < 15 ? r[register] : .unknown }

    mutating func set(_ register: Int, _ value: FrameValue) {
        if register < 15 { r[register] = value }
    }
    mutating func forgetAll() {
        r = r.map { _ in .unknown }
        saved = [:]
    }

    /// Keeps what both agree on.
    mutating func merge(_ other: FrameState) {
        for index in r.indices where r[index] != other.r[index] { r[index] = .unknown }
        if saved != other.saved { saved = saved.filter { other.saved[$0.key] == $0.value } }
    }

    // MARK: Memory

    /// A store of words, ascending, of `registers`. Stores through pointers that are not into this frame leave it alone.
    mutating func store(_ registers: [Int], at address: FrameValue) {
        guard case .stack(var offset) = address else { return }
        for register in registers {
            forget(at: offset, bytes: 4)
            // A prologue keeps R4 to R11 and LR, some of them twice: what keeps more is no compiler's, and its callers are not certain.
            if case .entry(let origin) = self[register], saved.count < Self.mostSaved { saved[offset] = origin }
            offset = offset &+ 4
        }
    }
    mutating func forget(at address: FrameValue, bytes: Int32) {
        if case .stack(let offset) = address { forget(at: offset, bytes: bytes) }
    }
    private mutating func forget(at offset: Int32, bytes: Int32) {
        guard !saved.isEmpty else { return }
        saved = saved.filter { $0.key >= offset &+ bytes || $0.key &+ 4 <= offset }
    }
    func load(_ address: FrameValue) -> FrameValue {
        guard case .stack(let offset) = address, let origin = saved[offset] else { return .unknown }
        return .entry(origin)
    }

    /// What lies below the stack pointer is nobody's any more.
    mutating func dropDeadWords() {
        guard case .stack(let top) = r[13], !saved.isEmpty, saved.keys.contains(where: { $0 < top }) else { return }
        saved = saved.filter { $0.key >= top }
    }

    /// What a call leaves: the AAPCS' scratch registers are anybody's.
    mutating func call() {
        for register in [0, 1, 2, 3, 12, 14] { r[register] = .unknown }
    }
}
