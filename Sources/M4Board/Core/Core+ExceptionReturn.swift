// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM

// Exception return: the check of EXC_RETURN, whose legal values `ExceptionReturn` has, the frame's way back, and what takes its place.
// Source: ARMv7-M ARM, B1.5.8.
extension Core {
    /// A branch to `value`, an EXC_RETURN, in handler mode.
    func returnFromException(_ value: UInt32) {
        m4_engine_clear_exclusive(engine.raw)
        var now = m4_return_state()
        m4_engine_read_return(engine.raw, &now)
        let returning = ExceptionNumber(Int(now.xpsr & 0x1FF))
        guard let link = ExceptionReturn(value), legalReturn(link, from: returning) else {
            deactivate(returning, faultMask: now.faultmask)
            chainFault(.invalidPC, link: value)
            return
        }
        deactivate(returning, faultMask: now.faultmask)
        eventRegister = true

        // Tail-chaining: the frame stays for the next handler.
        if m4_engine_can_take(engine.raw) {
            let next = scs.exceptions.next
            entered.note(next, cycle: cycles, frame: link.processStack ? now.psp : now.msp)
            chain(next, link: value)
            return
        }
        unstack(link, value: value, now)
    }

    private func deactivate(_ returning: ExceptionNumber, faultMask: UInt32) {
        scs.exceptions.deactivate(returning)
        if returning != .nmi, faultMask != 0 { engine.write(UC_ARM_REG_FAULTMASK, 0) }
        if scs.isMPUOn, returning <= .hardFault || !mpuApplies { prioritySignChanged() }
    }

    /// Starts a handler over the frame of the one before.
    private func chain(_ number: ExceptionNumber, link: UInt32) {
        m4_engine_spend(engine.raw, CycleModel.tailChain)
        start(number, link: link, unprivileged: engine.control & 1, flags: engine.xpsr)
    }

    private func legalReturn(_ link: ExceptionReturn, from returning: ExceptionNumber) -> Bool {
        guard scs.exceptions.isActive(returning) else { return false }
        let nested = scs.exceptions.activeCount > 1
        return link.toThread ? !nested || scs.allowsThreadReturnFromNested : nested
    }

    private func unstack(_ link: ExceptionReturn, value: UInt32, _ now: m4_return_state) {
        let frame = link.processStack ? now.psp : now.msp
        let size: UInt32 = link.extendedFrame ? 0x68 : 0x20
        // The FPU has not been used: its registers are what they were.
        let inPlace = link.extendedFrame && scs.isFPContextDeferred
        let unprivileged = now.control & 1 != 0
        guard mpuAllows(.read, frame: frame, size: inPlace ? 0x20 : size, privileged: !link.toThread || !unprivileged) else {
            chainFault(.unstackingAccess, link: value)
            return
        }
        var basic: BasicFrame = (0, 0, 0, 0, 0, 0, 0, 0)
        let loaded = withUnsafeMutableBytes(of: &basic) { load($0.bindMemory(to: UInt32.self), from: frame) }
        let registers = loaded && link.extendedFrame && !inPlace ? loadFloatingPoint(from: frame &+ 32) : nil
        guard loaded, !link.extendedFrame || inPlace || registers != nil else { chainFault(.unstackingBus, link: value); return }
        let xpsr = basic.7
        m4_engine_spend(engine.raw, CycleModel.exceptionReturn)
        // The mode in the frame must be the mode of the return.
        guard (xpsr & 0x1FF == 0) == link.toThread else { chainFault(.invalidPC, link: value); return }

        let stack = (frame &+ size) | (xpsr & 1 << 9 != 0 && (scs.alignsStack || link.extendedFrame) ? 4 : 0)
        if inPlace {
            scs.clearFPContextDeferred()
            engine.raw.pointee.fp_deferred = false
        } else if let registers {
            engine.floatingPoint = registers
        }
        let control: UInt32 = (link.processStack ? 2 : 0) | (link.extendedFrame ? 4 : 0)
        withUnsafeBytes(of: &basic) {
            m4_engine_resume(engine.raw, $0.bindMemory(to: UInt32.self).baseAddress, stack, control, unprivileged, link.toThread)
        }
        nextPC = basic.6 & ~1 | (xpsr >> 24 & 1)
        if link.toThread && scs.sleepsOnExit && !scs.exceptions.anyActive { fallAsleep(event: false) }
    }

    private func loadFloatingPoint(from address: UInt32) -> FloatingPointRegisters? {
        var registers = FloatingPointRegisters()
        guard withUnsafeMutableBytes(of: &registers, { load($0.bindMemory(to: UInt32.self), from: address) }) else { return nil }
        return registers
    }

    private func load(_ words: UnsafeMutableBufferPointer<UInt32>, from address: UInt32) -> Bool {
        if m4_engine_load_words(engine.raw, address, words.baseAddress, UInt32(words.count)) { return true }
        for i in words.indices {
            guard let word = word(address &+ UInt32(i) &* 4) else { return false }
            words[i] = word
        }
        return true
    }

    /// A fault at an exception return: its handler is chained to, over the frame that could not be used.
    private func chainFault(_ fault: Fault, link: UInt32) {
        let current = m4_engine_execution_priority(engine.raw)
        guard let taken = scs.escalate(fault, current: current) else { lockUp(fault, at: nextPC); return }
        noteFault(fault, taken: taken, at: nextPC)
        chain(taken, link: 0xF000_0000 | link)
    }
}

