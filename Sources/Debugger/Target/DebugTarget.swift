// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

/// What a server of the protocol needs of what is debugged: a core that stands or runs, registers, memory.
///
/// The machine's is `MachineTarget`; tests have a double of their own. All calls come on one thread, and none blocks.
public protocol DebugTarget: AnyObject {
    var features: TargetFeatures { get }
    /// Everything that has addresses; empty where a client may try any.
    var memoryMap: [MemoryMapRegion] { get }

    func register(_ register: DebugRegister) -> UInt64
    /// False where the register does not take it.
    func setRegister(_ register: DebugRegister, to value: UInt64) -> Bool
    /// The beginning of what was asked for, as far as it can be read; without any side effect.
    func read(_ address: UInt32, count: Int) -> [UInt8]
    func write(_ address: UInt32, _ bytes: [UInt8]) -> WriteOutcome

    /// What of these can be had at a time.
    func accepts(breakpoints: Int, watchpoints: Int) -> Bool
    /// All that are to stop the core from its next resumption on.
    func setStops(breakpoints: [UInt32], watchpoints: [Watchpoint])

    /// Whether the core stands for the debugger.
    var isHalted: Bool { get }
    /// Lets a halted core go on; it comes back by `DebugSession.stopped`.
    func resume(_ how: Resumption)
    /// Halts a running core, which comes back by `DebugSession.stopped`.
    func halt()
    /// Resets the core and halts it before the first instruction. A sentence where it cannot.
    func resetAndHalt() -> String?
    /// A command of `monitor`, in words; nil for one that is unknown.
    /// - Parameter mayChange: false for a client that only looks.
    func monitor(_ words: [String], mayChange: Bool) -> MonitorAnswer?

    /// Who runs, and who could. The core itself is one where no more is known.
    var threads: DebugThreads { get }
    /// A register of a thread as it will be when it runs again; nil where that is not known.
    func register(_ register: DebugRegister, of thread: UInt32) -> UInt64?
    func setRegister(_ register: DebugRegister, to value: UInt64, of thread: UInt32) -> Bool
}

extension DebugTarget {
    public var threads: DebugThreads { .one }
    public func register(_ register: DebugRegister, of thread: UInt32) -> UInt64? { self.register(register) }
    public func setRegister(_ register: DebugRegister, to value: UInt64, of thread: UInt32) -> Bool { setRegister(register, to: value) }
}

/// A thread of the firmware's, by a number that is not 0.
public struct DebugThread: Equatable, Sendable {
    public var number: UInt32
    public var name: String
    /// State, priority: what a list of threads shows beside the name.
    public var detail: String
    public init(_ number: UInt32, name: String, detail: String = "") { (self.number, self.name, self.detail) = (number, name, detail) }
}

public struct DebugThreads: Equatable, Sendable {
    public var all: [DebugThread]
    /// The number of the one that the core is in.
    public var current: UInt32
    public init(_ all: [DebugThread], current: UInt32) { (self.all, self.current) = (all, current) }
    /// The core alone.
    public static let one = DebugThreads([DebugThread(1, name: "Cortex-M4")], current: 1)
}

public enum WriteOutcome: Equatable, Sendable {
    case done
    /// Nothing answers there.
    case noMemory
    /// It is not allowed, and why, for a person.
    case refused(String)
}

/// How a halted core goes on.
public enum Resumption: Equatable, Sendable {
    case run
    /// One instruction.
    case step
    /// One instruction at least, and on until the program counter leaves the range; a call out of it leaves it.
    case stepInside(ClosedRange<UInt32>)
}

public struct MonitorAnswer: Equatable, Sendable {
    /// What the client prints; with its newlines.
    public var text: String
    /// The server ends behind it.
    public var endsServer: Bool
    public init(_ text: String, endsServer: Bool = false) { (self.text, self.endsServer) = (text, endsServer) }
}

/// Why the core stands.
public struct HaltReason: Equatable, Sendable {
    public enum Cause: Equatable, Sendable {
        /// An address of the client's breakpoints.
        case breakpoint
        case watchpoint(WatchKind, address: UInt32)
        /// A step has ended, or the core was reset and halted, or a BKPT of the firmware's own, or the client has just come.
        case trap
        /// The client's interrupt.
        case interrupt
        /// A fault or lockup, by GDB's number of the signal that is nearest.
        case fault(signal: UInt8)
    }
    public var cause: Cause
    /// For a person, printed by the client before the stop: what fault it was. Empty for the usual ones.
    public var text = ""

    public init(_ cause: Cause, text: String = "") { (self.cause, self.text) = (cause, text) }

    /// GDB's: 2 SIGINT, 5 SIGTRAP.
    public var signal: UInt8 {
        switch cause {
        case .breakpoint, .watchpoint, .trap: 5
        case .interrupt: 2
        case .fault(let signal): signal
        }
    }
}

public enum WatchKind: Equatable, Sendable {
    case write, read, access
    /// As a stop's packet has it.
    var name: String {
        switch self {
        case .write: "watch"
        case .read: "rwatch"
        case .access: "awatch"
        }
    }
}
