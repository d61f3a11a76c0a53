// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// Hardware semaphore (RM0436, HSEM): 32 locks that name the core and process holding them.
///
/// A core locks in two steps, writing R[n] and reading it back, or in one, reading RLR[n]. Which core asks is the bus
/// master's id: the Cortex-A7s are 1, the Cortex-M4 is 2.
public final class HSEM: RegisterBlock {
    private let interrupt: Int

    struct State: BlockState {
        /// The level last told to the A7s' side.
        var applicationLevel = false
    }
    private var state = State()
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

    init(on interconnect: Interconnect) {
        interrupt = interconnect.chip.registers.line("HSEM_IT2")
        super.init(index: Self.index("HSEM", on: interconnect), on: interconnect)
    }

    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onRead: [RLRx.self, C1ICR.self, C1MISR.self, C2ICR.self, C2MISR.self],
        onWrite: [
            Rx.self, RLRx.self, C1IER.self, C1ICR.self, C1ISR.self, C1MISR.self, C2IER.self, C2ICR.self, C2ISR.self, C2MISR.self, CR.self,
            KEYR.self,
        ],
        acting: [
            Rx.all, RLRx.all, C1IER.all, C1ICR.all, C1ISR.all, C1MISR.all, C2IER.all, C2ICR.all, C2ISR.all, C2MISR.all, CR.all, KEYR.all,
        ])

    /// The content of R[n] for `semaphore` 0 to 31: LOCK in bit 31, the core in 11:8, the process in 7:0.
    public func state(_ semaphore: Int) -> UInt32 {
        semaphore >= 0 && semaphore < 32 ? self[Rx.offset(UInt32(semaphore))] : 0
    }

    /// R[n] of a semaphore that a core's process holds.
    private static func locked(core: UInt32, process: UInt32 = 0) -> UInt32 {
        var held = Rx.LOCK.mask
        held[Rx.COREID] = core
        held[Rx.PROCID] = process
        return held
    }

    /// COREID of a bus master.
    private static func core(_ initiator: Initiator) -> UInt32 { initiator == .cortexM4 ? 2 : 1 }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case RLRx.span:
            let semaphore = offset &- RLRx.offset &+ Rx.offset
            // Locks with process 0 when free; in any case reads who holds it.
            if !self[semaphore].has(Rx.LOCK) { self[semaphore] = Self.locked(core: Self.core(initiator)) }
            return self[semaphore]
        case C1ICR.offset, C2ICR.offset: return 0
        case C1MISR.offset: return self[C1ISR.offset] & self[C1IER.offset]
        case C2MISR.offset: return self[C2ISR.offset] & self[C2IER.offset]
        default: return readStored(offset, by: initiator)
        }
    }

    override func peek(_ offset: UInt32) -> UInt32 {
        RLRx.span.contains(offset) ? self[offset &- RLRx.offset &+ Rx.offset] : read(offset, by: .cortexM4)
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case Rx.span: writeSemaphore(offset, value, by: initiator)
        case RLRx.span, C1ISR.offset, C1MISR.offset, C2ISR.offset, C2MISR.offset: return
        case C1IER.offset, C2IER.offset: merge(offset, value, lanes: lanes)
        case C1ICR.offset: self[C1ISR.offset] &= ~value
        case C2ICR.offset: self[C2ISR.offset] &= ~value
        case CR.offset: clearAll(value)
        case KEYR.offset: merge(offset, value & KEYR.KEY.mask, lanes: lanes)
        default: return writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        if isTouched { update() }
    }

    /// Locks or frees: only with the asking core's own id, and freeing only with the id and process that hold it.
    private func writeSemaphore(_ offset: UInt32, _ value: UInt32, by initiator: Initiator) {
        let held = self[offset]
        guard value[Rx.COREID] == Self.core(initiator) else { return }
        let owned = Self.locked(core: value[Rx.COREID], process: value[Rx.PROCID])
        if value.has(Rx.LOCK) {
            if !held.has(Rx.LOCK) { self[offset] = owned }
        } else if held == owned {
            free(offset)
        }
    }

    /// CR frees every semaphore of one core, given the key.
    private func clearAll(_ value: UInt32) {
        guard value & KEYR.KEY.mask == self[KEYR.offset] else { return }
        for semaphore in 0..<Rx.count {
            let offset = Rx.offset(semaphore), held = self[offset]
            if held.has(Rx.LOCK), held[Rx.COREID] == value[CR.COREID] { free(offset) }
        }
    }

    private func free(_ offset: UInt32) {
        self[offset] = 0
        self[C1ISR.offset] |= 1 &<< (offset / 4)
        self[C2ISR.offset] |= 1 &<< (offset / 4)
    }

    private func update() {
        interconnect.drive(interrupt, self[C2ISR.offset] & self[C2IER.offset] != 0)
        let level = self[C1ISR.offset] & self[C1IER.offset] != 0
        if level != state.applicationLevel {
            state.applicationLevel = level
            interconnect.tell { $0.report(.applicationProcessorInterrupt(.hsem, level: level)) }
        }
    }
}
