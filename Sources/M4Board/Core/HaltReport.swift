// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import MachineBase

/// Where a debugger's stop found the core: before the instruction of a breakpoint, behind the one that did a watched access.
public struct HaltReport: Equatable, Sendable {
    public enum Cause: Equatable, Sendable {
        /// An address of `Core.breakpoints`.
        case breakpoint
        /// A BKPT of the firmware's own, with its number.
        case instruction(UInt8)
        case access(WatchedAccess)
    }
    public var cause: Cause
    /// As they were; PC is the next instruction to be executed.
    public var registers: CoreRegisters
    /// Starts of the newest blocks of instructions, oldest first.
    public var history: [UInt32]
    public var cycle: UInt64
    /// Instructions retired.
    public var retired: UInt64

    public var pc: UInt32 { registers.pc }
    /// Where it happened: the instruction of a breakpoint, or the one that did the access.
    public var place: UInt32 { if case .access(let access) = cause { access.pc } else { pc } }

    /// One line: what, where. `name` makes a symbol of an address.
    public func summary(_ name: (UInt32) -> String? = { _ in nil }) -> String {
        func at(_ address: UInt32) -> String { hex32(address) + (name(address).map { " <\($0)>" } ?? "") }
        switch cause {
        case .breakpoint: return "breakpoint at \(at(pc)), \(retired) instructions retired"
        case .instruction(let number): return "breakpoint: BKPT #\(number) at \(at(pc)), \(retired) instructions retired"
        case .access(let access): return "watchpoint: \(access) by the instruction at \(at(access.pc)), \(retired) instructions retired"
        }
    }

    /// Everything, for a person; `callers` is `CallChain.text`, `backtrace` a line for each function in terms of the sources.
    public func text(callers: String? = nil, backtrace: [String] = [], _ name: (UInt32) -> String? = { _ in nil }) -> String {
        var lines = [summary(name), registers.text]
        if let callers { lines.append(callers) }
        lines += backtrace
        lines.append("last blocks of instructions, newest last: " + history.suffix(16).map(hex32).joined(separator: " "))
        return lines.joined(separator: "\n")
    }
}

/// A load or store that touched a watchpoint.
public struct WatchedAccess: Equatable, Sendable, CustomStringConvertible {
    /// Of the instruction.
    public var pc: UInt32
    /// First byte and number of bytes of the access.
    public var address: UInt32
    public var count: UInt32
    public var isWrite: Bool
    /// The watchpoint's first byte; it has `width` bytes.
    public var watched: UInt32
    public var width: UInt32
    /// The watched bytes before and after, little-endian, at most eight; nil for registers, which are not read to look.
    public var old: UInt64?
    public var new: UInt64?

    public var description: String {
        var text = "\(isWrite ? "write" : "read") of \(count) byte\(count == 1 ? "" : "s") at \(hex32(address))"
        if let old, let new { text += isWrite ? ", \(hexadecimal(old)) -> \(hexadecimal(new))" : ", value \(hexadecimal(new))" }
        return text
    }
    private func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return "0x" + String(repeating: "0", count: max(0, Int(min(8, width)) * 2 - digits.count)) + digits
    }
}

/// Addresses whose accesses stop a run.
public struct Watchpoint: Equatable, Sendable {
    /// Device address of the first byte.
    public var address: UInt32
    /// In bytes; at least 1.
    public var count: UInt32
    public var reads: Bool
    public var writes: Bool
    /// Stop only when the bytes, little-endian, are this behind the access; nil for any. Eight bytes at most, in memory.
    public var value: UInt64?

    public init(address: UInt32, count: UInt32, reads: Bool = false, writes: Bool = true, value: UInt64? = nil) {
        self.address = address; self.count = max(1, count); self.reads = reads; self.writes = writes; self.value = value
    }

    /// The last byte; the end of the address space at most.
    var last: UInt32 {
        let (last, overflow) = address.addingReportingOverflow(count &- 1)
        return overflow ? .max : last
    }
    func covers(_ first: UInt32, _ count: UInt32) -> Bool { first <= last && address <= first &+ (max(1, count) &- 1) }
}
