// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM

// Exception entry: the frame, and the handler's start. Source: ARMv7-M ARM, B1.5.6 and B1.5.7.
extension Core {
    /// Stacks a frame and starts `number`'s handler.
    func enter(_ number: ExceptionNumber, returnTo address: UInt32) {
        m4_engine_clear_exclusive(engine.raw)
        m4_engine_spend(engine.raw, CycleModel.entry)
        var now = m4_stacked()
        m4_engine_read_stacked(engine.raw, &now)
        let control = now.control
        let inThread = now.xpsr & 0x1FF == 0
        let onProcessStack = inThread && control & 2 != 0
        let extended = control & 4 != 0 && scs.fpAutomaticStacking
        let deferred = extended && scs.fpLazyStacking
        let unprivilegedNow = inThread && control & 1 != 0
        let size: UInt32 = extended ? 0x68 : 0x20
        let realign = scs.alignsStack || extended ? now.sp & 4 : 0
        let frame = (now.sp &- size) & (realign != 0 || scs.alignsStack ? ~7 : ~3)

        let allowed = mpuAllows(.write, frame: frame, size: deferred ? 0x20 : size, privileged: !unprivilegedNow)
        let pushed = allowed && push(now, frame: frame, realigned: realign != 0, returnAddress: address & ~1, extended: extended && !deferred)
        if deferred {
            scs.deferFPContext(
                to: frame &+ 0x20, unprivileged: unprivilegedNow, inThread: inThread, current: m4_engine_execution_priority(engine.raw))
            engine.raw.pointee.fp_deferred = true
        }
        let link = ExceptionReturn(processStack: onProcessStack, toThread: inThread, extendedFrame: extended)
        m4_engine_leave_mode(engine.raw, frame, control, inThread, UInt32(number.value))
        let unprivileged = control & 1
        if extended, !deferred { engine.write(UC_ARM_REG_FPSCR, scs.fpDefaultStatus) }
        if pushed {
            entered.note(number, cycle: cycles, frame: frame)
            start(number, link: link.value, unprivileged: unprivileged, flags: now.xpsr)
            return
        }
        // The frame could not be written. The derived BusFault competes with the exception itself.
        let current = m4_engine_execution_priority(engine.raw)
        let fault = allowed ? Fault.stackingBus : .stackingAccess
        guard let derived = scs.escalate(fault, current: current) else {
            // Only an NMI gets here: it goes first, and what it derived waits as a HardFault. Source: ARMv7-M ARM, B1.5.14.
            scs.exceptions.setPending(.hardFault)
            start(number, link: link.value, unprivileged: unprivileged, flags: now.xpsr)
            return
        }
        noteFault(fault, taken: derived, at: address)
        if scs.exceptions.groupPriority(derived) <= scs.exceptions.groupPriority(number) {
            // The exception waits for the fault's handler to return, whether it was pended or raised.
            if derived != number { scs.exceptions.setPending(number) }
            start(derived, link: link.value, unprivileged: unprivileged, flags: now.xpsr)
        } else {
            scs.exceptions.setPending(derived)
            start(number, link: link.value, unprivileged: unprivileged, flags: now.xpsr)
        }
    }

    /// The frame: R0 to R3, R12, LR, the return address, xPSR; then S0 to S15 and FPSCR.
    private func push(_ now: m4_stacked, frame: UInt32, realigned: Bool, returnAddress: UInt32, extended: Bool) -> Bool {
        var basic: BasicFrame = (now.r.0, now.r.1, now.r.2, now.r.3, now.r12, now.lr, returnAddress, now.xpsr & ~(1 << 9) | (realigned ? 1 << 9 : 0))
        let whole = withUnsafeBytes(of: &basic) { store($0.bindMemory(to: UInt32.self), at: frame) }
        guard extended else { return whole }
        return pushFloatingPoint(at: frame &+ 32) && whole
    }

    /// S0 to S15 and FPSCR, with a reserved word behind it that is not written.
    func pushFloatingPoint(at address: UInt32) -> Bool {
        var registers = engine.floatingPoint
        return withUnsafeBytes(of: &registers) { store($0.bindMemory(to: UInt32.self), at: address) }
    }

    private func store(_ words: UnsafeBufferPointer<UInt32>, at address: UInt32) -> Bool {
        if m4_engine_store_words(engine.raw, address, words.baseAddress, UInt32(words.count)) { return true }
        var whole = true
        for (i, word) in words.enumerated() { whole = store(word, at: address &+ UInt32(i) &* 4) && whole }
        return whole
    }

    /// The stack is done: vector, mode and link register of `number`. `unprivileged` is CONTROL.nPRIV, which handlers keep;
    /// FPCA they start without. `flags` are those of xPSR.
    func start(_ number: ExceptionNumber, link: UInt32, unprivileged: UInt32, flags: UInt32) {
        m4_engine_start_handler(engine.raw, UInt32(number.value), link, unprivileged, flags)
        scs.exceptions.activate(number)
        if number <= .hardFault, scs.isMPUOn { prioritySignChanged() }
        eventRegister = true
        guard let vector = word(scs.vectorTable &+ UInt32(number.value) &* 4) else {
            if number <= .hardFault { lockUp(.vectorTable, at: 0); return }
            // The handler cannot be found: HardFault in its place, which may not find its own either.
            scs.faults.hfsr |= 1 << 1
            noteFault(.vectorTable, taken: .hardFault, at: 0)
            start(.hardFault, link: link, unprivileged: unprivileged, flags: flags)
            return
        }
        nextPC = vector
    }
}

/// R0 to R3, R12, LR, PC and xPSR, as they are stacked.
typealias BasicFrame = (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32)
