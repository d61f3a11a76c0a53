// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A thread of an RTOS, as its control block has it.
public struct RTOSThread: Equatable, Sendable {
    public enum State: String, Equatable, Sendable {
        case running, ready, blocked, suspended, sleeping, terminated
        /// What the RTOS says is none of the others, or it is not known.
        case unknown
    }
    /// Address of its control block: what it is known by.
    public var control: UInt32
    /// nil where it has none, or it is not where the structure has it.
    public var name: String?
    public var state: State
    /// What it waits for, in the RTOS' words; empty where no more is known than the state.
    public var detail = ""
    /// As the RTOS counts: in FreeRTOS greater is more urgent, in RIOT and Zephyr less is. nil where it is not known.
    public var priority: Int?
    /// The first byte of its stack; nil where it is not known.
    public var stackStart: UInt32?
    /// Its stack pointer when it was switched out last: below all that it has stacked. nil where it is not known.
    public var savedStack: UInt32?

    public init(control: UInt32, name: String?, state: State, detail: String = "", priority: Int? = nil, stackStart: UInt32? = nil, savedStack: UInt32? = nil) {
        (self.control, self.name, self.state, self.detail) = (control, name, state, detail)
        (self.priority, self.stackStart, self.savedStack) = (priority, stackStart, savedStack)
    }

    /// State, what it waits for, priority: `blocked, priority 3`.
    public var summary: String {
        let words = detail.isEmpty ? state.rawValue : "\(state.rawValue) (\(detail))"
        return priority.map { "\(words), priority \($0)" } ?? words
    }
}

/// All threads at a moment, or why there is one only.
public struct ThreadList: Equatable, Sendable {
    /// The RTOS' name; nil for firmware without one of those that are known.
    public var system: String?
    /// By their control blocks' addresses; empty where the core itself is all that is known.
    public var threads: [RTOSThread] = []
    /// Whose registers are the core's own; nil as long as none runs.
    public var current: UInt32?
    /// Why threads are not shown, or not all of them, or not their registers; nil where nothing is missing.
    public var remark: String?

    public init(system: String?, threads: [RTOSThread] = [], current: UInt32? = nil, remark: String? = nil) {
        (self.system, self.threads, self.current, self.remark) = (system, threads, current, remark)
    }
}

/// Registers of a thread that is switched out, as they will be when it goes on. What is not saved, or not known, is nil.
public struct ThreadContext: Equatable, Sendable {
    /// R0 to R15; R13 is the stack pointer behind the exception's frame.
    public var r: [UInt32?]
    public var xpsr: UInt32
    /// S0 to S31; those of a thread that does not use the FPU are nil.
    public var s: [UInt32?]
    public var fpscr: UInt32?

    public init(r: [UInt32?], xpsr: UInt32, s: [UInt32?] = [UInt32?](repeating: nil, count: 32), fpscr: UInt32? = nil) {
        (self.r, self.xpsr, self.s, self.fpscr) = (r, xpsr, s, fpscr)
    }
}
