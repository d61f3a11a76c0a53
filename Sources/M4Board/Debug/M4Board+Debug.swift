// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

// What an external debugger does with the core while it stands.
extension M4Board {
    /// As an external debugger sees it, wherever the core stands: in a handler, asleep, locked up, in reset; 0 where there is no such register.
    public func register(_ register: DebugRegister) -> UInt64 { core.value(of: register) }

    /// Writes it. The program counter ends a sleep or a lockup: the core goes on from there.
    /// - Returns: false where the register does not take it: an xPSR with another exception's number, any in reset.
    public func setRegister(_ register: DebugRegister, to value: UInt64) -> Bool {
        core.endRangeStep()
        return core.set(register, to: value)
    }

    /// Executes one instruction, as DHCSR.C_STEP does: an exception that is due is entered in its place, and one that it raises itself, as an SVC, with it.
    /// Or, with `range`, at least one, and on until the next lies outside of the range, at the speed of a run; exceptions that interrupt that are
    /// executed up to their end.
    ///
    /// - Parameters:
    ///   - range: first and last byte of code, as of a source line.
    ///   - deadline: the cycle at which waiting, or the range's code, ends with `.stopped(.deadline)`. Called again with the same range, it goes on.
    public func step(within range: ClosedRange<UInt32>? = nil, until deadline: UInt64) -> StepEnd {
        let end: StepEnd
        if let range {
            end = core.step(within: range, until: deadline)
        } else {
            core.endRangeStep()
            end = core.step(until: deadline)
        }
        if case .stopped(.resetRequest(let local)) = end { carryOutReset(local: local) }
        return end
    }
}
