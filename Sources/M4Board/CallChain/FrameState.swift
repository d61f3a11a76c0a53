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
    /// The process stack's pointer at entry, and a distance.
    case process(ProcessDistance)

    func adding(_ bytes: UInt32) -> FrameValue {
        switch self {
        case .process(let distance): .process(distance.adding(Int32(bitPattern: bytes)))
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

/// So many bytes from the process stack's pointer: a handler that switches threads keeps their registers there, with or without those of the FPU below
/// them, so that there are two ways that a place in the frame may lie.
struct ProcessDistance: Hashable {
    /// The farther one, and the nearer one; the same when there is one only.
    var low, high: Int32

    func adding(_ bytes: Int32) -> ProcessDistance { ProcessDistance(low: low &+ bytes, high: high &+ bytes) }

    /// Either of both; nil for more than two.
    func merged(with other: ProcessDistance) -> ProcessDistance? {
        let all = Set([low, high, other.low, other.high]).sorted()
        return all.count <= 2 ? ProcessDistance(low: all[0], high: all[all.count - 1]) : nil
    }
    func overlaps(_ other: ProcessDistance, bytes: Int32) -> Bool {
        [low, high].contains { place in [other.low, other.high].contains { place < $0 &+ bytes && $0 < place &+ 4 } }
    }
}

/// What is certain about registers and stack before an instruction, whichever way led there.
struct FrameState: Equatable {
    /// R0 to R14.
    private(set) var r: [FrameValue]
    /// Words of the frame that hold what a register held at entry, by their distance from the stack pointer at entry.
    private(set) var saved: [Int32: Int] = [:]
    private static let mostSaved = 32
    /// The same of words of the process stack.
    private(set) var savedInProcess: [ProcessDistance: Int] = [:]
    /// Words of the frame that hold a place of the process stack.
    private(set) var pointers: [Int32: ProcessDistance] = [:]
    /// The process stack's pointer is not what it was at entry.
    private(set) var isProcessStackChanged = false
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
        (saved, savedInProcess, pointers, isProcessStackChanged) = ([:], [:], [:], true)
    }

    /// Keeps what both agree on.
    mutating func merge(_ other: FrameState) {
        for index in r.indices where r[index] != other.r[index] {
            if case .process(let one) = r[index], case .process(let another) = other.r[index], let either = one.merged(with: another) {
                r[index] = .process(either)
            } else {
                r[index] = .unknown
            }
        }
        if saved != other.saved { saved = saved.filter { other.saved[$0.key] == $0.value } }
        if pointers != other.pointers { pointers = pointers.filter { other.pointers[$0.key] == $0.value } }
        if savedInProcess != other.savedInProcess { savedInProcess = savedInProcess.filter { other.savedInProcess[$0.key] == $0.value } }
        if other.isProcessStackChanged { changeProcessStack() }
    }

    // MARK: Memory

    /// A store of words, ascending, of `registers`. Stores through pointers that are not into this frame leave it alone.
    mutating func store(_ registers: [Int], at address: FrameValue) {
        if case .process(let distance) = address { return storeInProcess(registers, at: distance) }
        guard case .stack(var offset) = address else { return }
        for register in registers {
            forget(at: offset, bytes: 4)
            // A prologue keeps R4 to R11 and LR, some of them twice: what keeps more is no compiler's, and its callers are not certain.
            if case .entry(let origin) = self[register], saved.count < Self.mostSaved { saved[offset] = origin }
            if case .process(let distance) = self[register], pointers.count < Self.mostSaved { pointers[offset] = distance }
            offset = offset &+ 4
        }
    }
    private mutating func storeInProcess(_ registers: [Int], at distance: ProcessDistance) {
        var distance = distance
        for register in registers {
            forget(at: .process(distance), bytes: 4)
            if case .entry(let origin) = self[register], savedInProcess.count < Self.mostSaved { savedInProcess[distance] = origin }
            distance = distance.adding(4)
        }
    }
    mutating func forget(at address: FrameValue, bytes: Int32) {
        if case .stack(let offset) = address { forget(at: offset, bytes: bytes) }
        if case .process(let distance) = address, !savedInProcess.isEmpty { savedInProcess = savedInProcess.filter { !$0.key.overlaps(distance, bytes: bytes) } }
    }
    private mutating func forget(at offset: Int32, bytes: Int32) {
        if !pointers.isEmpty { pointers = pointers.filter { $0.key >= offset &+ bytes || $0.key &+ 4 <= offset } }
        guard !saved.isEmpty else { return }
        saved = saved.filter { $0.key >= offset &+ bytes || $0.key &+ 4 <= offset }
    }
    func load(_ address: FrameValue) -> FrameValue {
        guard case .stack(let offset) = address, let origin = saved[offset] else { return .unknown }
        return .entry(origin)
    }

    /// MSR PSP: distances from what it was say nothing any more.
    mutating func changeProcessStack() {
        isProcessStackChanged = true
        (savedInProcess, pointers) = ([:], [:])
        for index in r.indices {
            if case .process = r[index] { r[index] = .unknown }
        }
    }

    /// What lies below the stack pointer is nobody's any more.
    mutating func dropDeadWords() {
        guard case .stack(let top) = r[13] else { return }
        if pointers.keys.contains(where: { $0 < top }) { pointers = pointers.filter { $0.key >= top } }
        guard !saved.isEmpty, saved.keys.contains(where: { $0 < top }) else { return }
        saved = saved.filter { $0.key >= top }
    }

    /// What a call leaves: the AAPCS' scratch registers are anybody's.
    mutating func call() {
        for register in [0, 1, 2, 3, 12, 14] { r[register] = .unknown }
    }
}
