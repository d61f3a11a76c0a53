// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

/// Bytecode of GDB's agent, with which a client has the server evaluate a breakpoint's condition.
///
/// Evaluation is bounded in steps, stack and reads, and total: what cannot be evaluated says so. Source: GDB manual, appendix F, "The GDB Agent Expression Mechanism".
public struct AgentExpression: Equatable, Sendable {
    public enum Failure: Error, Equatable, Sendable {
        /// A byte that is no instruction, or one that this machine has not: floating point, trace variables.
        case unsupported(UInt8)
        /// An operand, or a jump, beyond the end.
        case truncated
        case stackUnderflow, stackOverflow
        case divisionByZero
        /// More than `longestRun` instructions.
        case tooLong
        case noRegister(UInt16)
        case noMemory(UInt64)
    }

    /// Bytes of the longest expression.
    public static let longest = 4096
    /// Instructions that one evaluation may take.
    public static let longestRun = 10_000
    private static let deepestStack = 256

    public let code: [UInt8]
    public init(_ code: [UInt8]) { self.code = code }

    /// What the code leaves on the stack's top.
    ///
    /// - Parameters:
    ///   - register: by the target description's number; nil where there is none.
    ///   - memory: little-endian, so many bytes from an address on; nil where there is none.
    public func value(register: (UInt16) -> UInt64?, memory: (UInt32, Int) -> UInt64?) throws(Failure) -> UInt64 {
        var run = Run(code: code)
        for _ in 0..<Self.longestRun {
            if try run.step(register, memory) { return try run.pop() }
        }
        throw .tooLong
    }

    private struct Run {
        let code: [UInt8]
        var place = 0
        var stack: [UInt64] = []

        mutating func pop() throws(Failure) -> UInt64 {
            guard let value = stack.popLast() else { throw .stackUnderflow }
            return value
        }

        mutating func push(_ value: UInt64) throws(Failure) {
            guard stack.count < AgentExpression.deepestStack else { throw .stackOverflow }
            stack.append(value)
        }

        /// An operand of the code, the highest byte first.
        mutating func operand(_ count: Int) throws(Failure) -> UInt64 {
            guard count <= code.count - place else { throw .truncated }
            defer { place += count }
            return code[place..<place + count].reduce(0) { $0 << 8 | UInt64($1) }
        }

        mutating func binary(_ body: (UInt64, UInt64) throws(Failure) -> UInt64) throws(Failure) {
            let right = try pop(), left = try pop()
            try push(try body(left, right))
        }

        static func divided(_ right: UInt64, _ body: () -> UInt64) throws(Failure) -> UInt64 {
            guard right != 0 else { throw .divisionByZero }
            return body()
        }

        mutating func jump() throws(Failure) {
            let target = Int(try operand(2))
            guard target < code.count else { throw .truncated }
            place = target
        }

        /// Sign of the lowest `bits`.
        static func extended(_ value: UInt64, _ bits: UInt64) -> UInt64 {
            guard bits > 0, bits < 64 else { return value }
            let shift = 64 - bits
            return UInt64(bitPattern: Int64(bitPattern: value << shift) >> Int64(shift))
        }

        /// One instruction.
        /// - Returns: whether it was the end.
        mutating func step(_ register: (UInt16) -> UInt64?, _ memory: (UInt32, Int) -> UInt64?) throws(Failure) -> Bool {
            let instruction = UInt8(try operand(1))
            switch instruction {
            case 0x02: try binary { (a, b) in a &+ b }
            case 0x03: try binary { (a, b) in a &- b }
            case 0x04: try binary { (a, b) in a &* b }
            case 0x05: try binary { (a, b) throws(Failure) in try Self.divided(b) { UInt64(bitPattern: Int64(bitPattern: a).dividedReportingOverflow(by: Int64(bitPattern: b)).partialValue) } }
            case 0x06: try binary { (a, b) throws(Failure) in try Self.divided(b) { a / b } }
            case 0x07: try binary { (a, b) throws(Failure) in try Self.divided(b) { UInt64(bitPattern: Int64(bitPattern: a).remainderReportingOverflow(dividingBy: Int64(bitPattern: b)).partialValue) } }
            case 0x08: try binary { (a, b) throws(Failure) in try Self.divided(b) { a % b } }
            case 0x09: try binary { (a, b) in a << b }
            case 0x0A: try binary { (a, b) in UInt64(bitPattern: Int64(bitPattern: a) >> b) }
            case 0x0B: try binary { (a, b) in a >> b }
            case 0x0E: try push(try pop() == 0 ? 1 : 0)
            case 0x0F: try binary { (a, b) in a & b }
            case 0x10: try binary { (a, b) in a | b }
            case 0x11: try binary { (a, b) in a ^ b }
            case 0x12: try push(~(try pop()))
            case 0x13: try binary { (a, b) in a == b ? 1 : 0 }
            case 0x14: try binary { (a, b) in Int64(bitPattern: a) < Int64(bitPattern: b) ? 1 : 0 }
            case 0x15: try binary { (a, b) in a < b ? 1 : 0 }
            case 0x16:
                let bits = try operand(1)
                try push(Self.extended(try pop(), bits))
            case 0x17...0x1A:
                let count = 1 << Int(instruction - 0x17), address = try pop()
                // An address of 32 bits may come with its sign.
                guard let value = memory(UInt32(truncatingIfNeeded: address), count) else { throw .noMemory(address) }
                try push(value)
            case 0x20: if try pop() != 0 { try jump() } else { _ = try operand(2) }
            case 0x21: try jump()
            case 0x22...0x25: try push(try operand(1 << Int(instruction - 0x22)))
            case 0x26:
                let number = UInt16(try operand(2))
                guard let value = register(number) else { throw .noRegister(number) }
                try push(value)
            case 0x27: return true
            case 0x28:
                let top = try pop()
                try push(top)
                try push(top)
            case 0x29: _ = try pop()
            case 0x2A:
                let bits = try operand(1), value = try pop()
                try push(bits >= 64 ? value : value & (1 << bits &- 1))
            case 0x2B:
                let top = try pop(), second = try pop()
                try push(top)
                try push(second)
            case 0x32:
                let depth = Int(try operand(1))
                guard depth < stack.count else { throw .stackUnderflow }
                try push(stack[stack.count - 1 - depth])
            case 0x33:
                let top = try pop(), second = try pop(), third = try pop()
                try push(top)
                try push(third)
                try push(second)
            default: throw .unsupported(instruction)
            }
            return false
        }
    }
}
