// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CThumb
import CUnicorn
import CortexM
import MachineBase

// From what the engine says to the fault the architecture names.
extension Core {
    /// Raises a synchronous fault at the instruction at `address`.
    func raise(_ fault: Fault, at address: UInt32) {
        let current = m4_engine_execution_priority(engine.raw)
        guard let taken = scs.escalate(fault, current: current) else { lockUp(fault, at: address); return }
        noteFault(fault, taken: taken, at: address)
        enter(taken, returnTo: address)
    }

    /// Records the fault and stops where the policy says so; the handler is entered all the same, so that the run can go on.
    func noteFault(_ fault: Fault, taken: ExceptionNumber, at address: UInt32) {
        own.pointee.faultCount += 1
        let stops = switch faultPolicy {
        case .hardFault: taken == .hardFault
        case .any: true
        case .none: false
        }
        if stops, pendingStop == nil { pendingStop = .fault(report(fault, taken: taken, at: address)) }
    }

    func lockUp(_ fault: Fault, at address: UInt32) {
        own.pointee.faultCount += 1
        let report = report(fault, taken: nil, at: address)
        own.pointee.lockupReport = report
        pendingStop = .lockup(report)
        phase = .lockedUp
    }

    private func report(_ fault: Fault, taken: ExceptionNumber?, at address: UInt32) -> FaultReport {
        var registers = self.registers
        registers.r[15] = address & ~1
        return FaultReport(fault: fault, taken: taken, status: scs.faults, registers: registers, history: history, cycle: cycles)
    }

    func supervisorCall() {
        let current = m4_engine_execution_priority(engine.raw)
        if scs.exceptions.groupPriority(.svCall) < current {
            enter(.svCall, returnTo: nextPC)
        } else if current <= -1 {
            lockUp(Fault(.hardFault), at: nextPC &- 2)
        } else {
            // An SVC that cannot preempt escalates.
            raise(Fault(.hardFault, hfsr: 1 << 30), at: nextPC &- 2)
        }
    }

    func breakpoint() {
        let address = nextPC & ~1
        let number = instruction(at: address)?.decoded.immediate ?? 0
        if number == 0xAB {
            if case .exit(let code) = semihosting.call(self) { pendingStop = .exit(code: code) }
            nextPC = (address &+ 2) | 1
            // It has done its work: an instruction like any other.
            engine.raw.pointee.cycles &+= 1
            return
        }
        breakpointInstruction(UInt8(truncatingIfNeeded: number))
    }

    func undefined() {
        let xpsr = engine.xpsr
        if xpsr & 1 << 24 == 0 { raise(.invalidState, at: nextPC); return }
        let isCoprocessor = instruction(at: nextPC & ~1)?.operation == THUMB_COPROCESSOR
        raise(isCoprocessor ? .noCoprocessor : .undefinedInstruction, at: nextPC)
    }

    func instruction(at address: UInt32) -> ThumbInstruction? {
        var first: UInt16 = 0, second: UInt16 = 0
        guard m4_engine_code(engine.raw, address, &first) else { return nil }
        if ThumbInstruction.isWide(first), !m4_engine_code(engine.raw, address &+ 2, &second) { return nil }
        return ThumbInstruction(first: first, second: second)
    }

    func fetchFault() {
        let raw = engine.raw
        // An EXC_RETURN value in thread mode is no return: a fetch from execute-never memory.
        let refusal = raw.pointee.fault_refusal
        let address = raw.pointee.fault_exact && refusal == M4_REFUSED_UNMAPPED ? raw.pointee.fault_address : nextPC
        let executeNever = refusal != M4_REFUSED_UNMAPPED || SystemAddressMap.isExecuteNever(address)
        raise(executeNever ? .instructionAccess : .instructionBus, at: nextPC)
    }

    func dataFault() {
        let raw = engine.raw
        if raw.pointee.fault_refusal == M4_REFUSED_WATCHED { watchedFault(); return }
        let refused = raw.pointee.fault_address
        var address: UInt32? = raw.pointee.fault_exact ? refused : nil
        if raw.pointee.fault_exact {
            locate(byte: refused, isWrite: raw.pointee.fault_write)
        } else if raw.pointee.fault_located {
            address = refused
        } else if let instruction = instruction(at: nextPC & ~1), let access = instruction.access(pc: nextPC & ~1, register: engine.r) {
            // The first byte of the access that lies in the refused page; the start of it when it does not reach in there.
            let into = refused &- access.address
            address = into < access.count ? refused : access.address
        }
        let fault: Fault = raw.pointee.fault_refusal == M4_REFUSED_PROTECTION ? .dataAccess(address) : .preciseBus(address)
        if fault.exception == .busFault, scs.ignoresBusFaults, m4_engine_execution_priority(raw) < 0 {
            ignore(fault)
            return
        }
        raise(fault, at: nextPC)
    }

    /// CCR.BFHFNMIGN: the handlers of HardFault and NMI, and code under FAULTMASK, probe addresses this way. The status
    /// registers tell, and the instruction is passed over. Source: ARMv7-M ARM, B3.2.8.
    private func ignore(_ fault: Fault) {
        scs.note(fault)
        guard let instruction = instruction(at: nextPC & ~1) else { return }
        nextPC = nextPC &+ instruction.size
        engine.raw.pointee.cycles &+= 1
        engine.setITState(instruction.itState(after: engine.itState))
        engine.modeChanged()
    }

    /// Engine 2.0 leaves PC at the block's start. The faulting instruction is the first of the block whose access, with the
    /// registers as they are now, begins at the byte that was refused, or else covers it: an earlier one that covers it may have
    /// had other registers.
    private func locate(byte: UInt32, isWrite: Bool) {
        if !locate(isWrite: isWrite, where: { $0.address == byte }) {
            _ = locate(isWrite: isWrite, where: { byte &- $0.address < $0.count })
        }
    }

    private func locate(isWrite: Bool, where matches: (ThumbInstruction.Access) -> Bool) -> Bool {
        guard let start = history.last else { return false }
        var address = start
        var itState = engine.itState
        let end = start &+ m4_block_size(engine.raw)
        while address < end, let instruction = instruction(at: address) {
            if let access = instruction.access(pc: address, register: engine.r), access.isWrite == isWrite, matches(access) {
                nextPC = address | 1
                engine.setITState(itState)
                m4_engine_retire_to(engine.raw, address)
                return true
            }
            itState = instruction.itState(after: itState)
            address = address &+ instruction.size
        }
        return false
    }
}
