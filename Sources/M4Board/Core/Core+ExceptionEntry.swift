import CUnicorn
import CortexM

// Exception entry and return. Source: ARMv7-M ARM, B1.5.6 to B1.5.8.
extension Core {
    /// Stacks a frame and starts `number`'s handler.
    func enter(_ number: ExceptionNumber, returnTo address: UInt32) {
        m4_engine_clear_exclusive(engine.raw)
        let control = engine.control
        let inThread = engine.exception.value == 0
        let onProcessStack = inThread && control & 2 != 0
        let extended = control & 4 != 0 && scs.fpAutomaticStacking
        let xpsr = engine.xpsr & ~(1 << 9)
        let size: UInt32 = extended ? 0x68 : 0x20
        let stack = engine.r(13)
        let realign = scs.alignsStack || extended ? stack & 4 : 0
        let frame = (stack &- size) & (realign != 0 || scs.alignsStack ? ~7 : ~3)

        let allowed = mpuAllows(.write, frame: frame, size: size, privileged: !inThread || control & 1 == 0)
        let pushed = allowed && push(frame: frame, xpsr: xpsr | (realign != 0 ? 1 << 9 : 0), returnAddress: address & ~1, extended: extended)
        engine.setR(13, frame)
        let link = ExceptionReturn(processStack: onProcessStack, toThread: inThread, extendedFrame: extended)

        // SPSEL can be cleared in privileged thread mode only, which is reached through handler mode.
        if inThread {
            if control & 1 != 0 {
                engine.write(UC_ARM_REG_IPSR, UInt32(number.value))
                engine.write(UC_ARM_REG_CONTROL, 0)
                engine.write(UC_ARM_REG_IPSR, 0)
            }
            engine.write(UC_ARM_REG_CONTROL, 0)
        }
        let unprivileged = control & 1
        if extended { engine.write(UC_ARM_REG_FPSCR, scs.fpDefaultStatus) }
        if pushed {
            start(number, link: link.value, unprivileged: unprivileged)
            return
        }
        // The frame could not be written. The derived BusFault competes with the exception itself.
        let current = m4_engine_execution_priority(engine.raw)
        let fault = allowed ? Fault.stackingBus : .stackingAccess
        guard let derived = scs.escalate(fault, current: current) else { lockUp(fault, at: address); return }
        noteFault(fault, taken: derived, at: address)
        if scs.exceptions.groupPriority(derived) <= scs.exceptions.groupPriority(number) {
            // The exception waits for the fault's handler to return, whether it was pended or raised.
            if derived != number { scs.exceptions.setPending(number) }
            start(derived, link: link.value, unprivileged: unprivileged)
        } else {
            scs.exceptions.setPending(derived)
            start(number, link: link.value, unprivileged: unprivileged)
        }
    }

    private func push(frame: UInt32, xpsr: UInt32, returnAddress: UInt32, extended: Bool) -> Bool {
        var whole = true
        for i in 0..<4 { whole = store(engine.r(i), at: frame &+ UInt32(i) &* 4) && whole }
        whole = store(engine.r(12), at: frame &+ 16) && whole
        whole = store(engine.r(14), at: frame &+ 20) && whole
        whole = store(returnAddress, at: frame &+ 24) && whole
        whole = store(xpsr, at: frame &+ 28) && whole
        guard extended else { return whole }
        for i in 0..<16 { whole = store(engine.s(i), at: frame &+ 32 &+ UInt32(i) &* 4) && whole }
        whole = store(engine.read(UC_ARM_REG_FPSCR), at: frame &+ 96) && whole
        scs.fpContextAddress = frame &+ 32
        return whole
    }

    /// The stack is done: vector, mode and link register of `number`. `unprivileged` is CONTROL.nPRIV, which handlers keep;
    /// FPCA they start without.
    private func start(_ number: ExceptionNumber, link: UInt32, unprivileged: UInt32) {
        engine.write(UC_ARM_REG_IPSR, UInt32(number.value))
        engine.write(UC_ARM_REG_CONTROL, unprivileged)
        engine.write(UC_ARM_REG_EPSR, 0x0100_0000)
        engine.modeChanged()
        engine.setR(14, link)
        scs.exceptions.activate(number)
        if number <= .hardFault { prioritySignChanged() }
        eventRegister = true
        guard let vector = word(scs.vectorTable &+ UInt32(number.value) &* 4) else {
            if number <= .hardFault { lockUp(.vectorTable, at: 0); return }
            // The handler cannot be found: HardFault in its place, which may not find its own either.
            scs.faults.hfsr |= 1 << 1
            noteFault(.vectorTable, taken: .hardFault, at: 0)
            start(.hardFault, link: link, unprivileged: unprivileged)
            return
        }
        nextPC = vector
    }

    /// A branch to `value`, an EXC_RETURN, in handler mode.
    func returnFromException(_ value: UInt32) {
        m4_engine_clear_exclusive(engine.raw)
        let returning = engine.exception
        let exceptions = scs.exceptions
        guard let link = ExceptionReturn(value), legalReturn(link, from: returning) else {
            deactivate(returning)
            chainFault(.invalidPC, link: value)
            return
        }
        deactivate(returning)
        eventRegister = true

        // Tail-chaining: the frame stays for the next handler.
        if m4_engine_can_take(engine.raw) {
            chain(exceptions.next, link: value)
            return
        }
        unstack(link, value: value)
    }

    private func deactivate(_ returning: ExceptionNumber) {
        scs.exceptions.deactivate(returning)
        if returning <= .hardFault { prioritySignChanged() }
        if returning != .nmi { engine.write(UC_ARM_REG_FAULTMASK, 0) }
    }

    /// Starts a handler over the frame of the one before.
    private func chain(_ number: ExceptionNumber, link: UInt32) { start(number, link: link, unprivileged: engine.control & 1) }

    /// Below priority 0 the MPU may be out of force.
    private func prioritySignChanged() {
        if engine.raw.pointee.page_permission != nil { m4_engine_flush_permissions(engine.raw) }
    }

    private func legalReturn(_ link: ExceptionReturn, from returning: ExceptionNumber) -> Bool {
        guard scs.exceptions.isActive(returning) else { return false }
        let nested = scs.exceptions.activeCount > 1
        return link.toThread ? !nested || scs.allowsThreadReturnFromNested : nested
    }

    private func unstack(_ link: ExceptionReturn, value: UInt32) {
        let frame = engine.read(link.processStack ? UC_ARM_REG_PSP : UC_ARM_REG_MSP)
        let size: UInt32 = link.extendedFrame ? 0x68 : 0x20
        guard mpuAllows(.read, frame: frame, size: size, privileged: !link.toThread || engine.control & 1 == 0) else {
            chainFault(.unstackingAccess, link: value)
            return
        }
        // R0-R3, R12, LR, PC, xPSR.
        var words: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0, 0, 0)
        guard let w0 = word(frame), let w1 = word(frame &+ 4), let w2 = word(frame &+ 8), let w3 = word(frame &+ 12),
            let w4 = word(frame &+ 16), let w5 = word(frame &+ 20), let w6 = word(frame &+ 24), let w7 = word(frame &+ 28),
            !link.extendedFrame || word(frame &+ 96) != nil
        else { chainFault(.unstackingBus, link: value); return }
        words = (w0, w1, w2, w3, w4, w5, w6, w7)
        let xpsr = words.7
        // The mode in the frame must be the mode of the return.
        guard (xpsr & 0x1FF == 0) == link.toThread else { chainFault(.invalidPC, link: value); return }

        let unprivileged = engine.control & 1
        engine.write(UC_ARM_REG_CONTROL, 0)
        engine.write(UC_ARM_REG_IPSR, 0)
        engine.write(UC_ARM_REG_CONTROL, (link.processStack ? 2 : 0) | (link.extendedFrame ? 4 : 0))
        engine.setR(13, (frame &+ size) | (xpsr & 1 << 9 != 0 && (scs.alignsStack || link.extendedFrame) ? 4 : 0))
        if link.extendedFrame {
            for i in 0..<16 { engine.setS(i, word(frame &+ 32 &+ UInt32(i) &* 4) ?? 0) }
            engine.write(UC_ARM_REG_FPSCR, word(frame &+ 96) ?? 0)
        }
        engine.setR(0, words.0); engine.setR(1, words.1); engine.setR(2, words.2); engine.setR(3, words.3)
        engine.setR(12, words.4); engine.setR(14, words.5)
        if !link.toThread { engine.write(UC_ARM_REG_IPSR, xpsr & 0x1FF) }
        if unprivileged != 0 { engine.write(UC_ARM_REG_CONTROL, engine.control | 1) }
        engine.write(UC_ARM_REG_XPSR_NZCVQG, xpsr & ~(1 << 9))
        engine.modeChanged()
        nextPC = words.6 & ~1 | (xpsr >> 24 & 1)
        if link.toThread && scs.sleepsOnExit && !scs.exceptions.anyActive { state = .sleeping(event: false) }
    }

    /// A fault at an exception return: its handler is chained to, over the frame that could not be used.
    private func chainFault(_ fault: Fault, link: UInt32) {
        let current = m4_engine_execution_priority(engine.raw)
        guard let taken = scs.escalate(fault, current: current) else { lockUp(fault, at: nextPC); return }
        noteFault(fault, taken: taken, at: nextPC)
        chain(taken, link: 0xF000_0000 | link)
    }
}
