// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import MachineBase
import SourceLines

/// Who called whom, innermost first, as far as it is certain: it ends where a caller would have to be guessed.
public struct CallChain: Equatable, Sendable {
    /// A function under way outside of the innermost one.
    public struct Caller: Equatable, Sendable {
        /// Where it goes on: behind its call, or at the instruction that was interrupted.
        public var address: UInt32
        /// The instruction that is under way in it: the call, or again the interrupted one.
        public var place: UInt32
        /// The exception whose handler comes before it in the chain; nil when it called.
        public var interruptedBy: ExceptionNumber?
    }

    public var callers: [Caller] = []
    /// Nobody called the last one: reset entered it. Otherwise there may be more that is not certain.
    public var isComplete = false

    public init() {}

    /// `called from main+0x12 (ADDRESS), ...`, for a person; nil when nothing is known. `name` makes a symbol of a place and
    /// the address to show.
    public func text(limit: Int = 16, _ name: (Caller) -> String) -> String? {
        guard !callers.isEmpty else { return nil }
        var text = ""
        for (index, caller) in callers.prefix(limit).enumerated() {
            if let exception = caller.interruptedBy {
                text += (index == 0 ? "" : "; ") + "\(exception) interrupted \(name(caller))"
            } else {
                let begins = index == 0 || callers[index - 1].interruptedBy != nil
                text += (index == 0 ? "" : ", ") + (begins ? "called from " : "") + name(caller)
            }
        }
        if callers.count > limit { return text + ", and \(callers.count - limit) more" }
        return text + (isComplete ? "" : " (further callers are not certain)")
    }
}

/// Code that a function is made of. Its first byte is where calls enter it.
public struct FunctionExtent: Equatable, Sendable {
    public var start: UInt32
    /// The function itself, and parts of it that a compiler has put elsewhere (`.cold`).
    public var ranges: [Range<UInt32>]

    public init(start: UInt32, ranges: [Range<UInt32>]) { self.start = start; self.ranges = ranges }

    func contains(_ address: UInt32) -> Bool { ranges.contains { $0.contains(address) } }
}

/// What a symbol table knows of functions.
public protocol FunctionMap {
    /// The function that the instruction at `address` belongs to; nil where that is not known.
    func function(at address: UInt32) -> FunctionExtent?
    /// Where the caller's registers are at an instruction, as debugging information says; nil where it says nothing.
    func frameRule(at address: UInt32) -> FrameRule?
}

extension FunctionMap {
    public func frameRule(at address: UInt32) -> FrameRule? { nil }
}
