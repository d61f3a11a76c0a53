// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// Inter-processor communication controller (RM0436, IPCC): channels, each a pair of flags, one a direction.
///
/// A flag says "occupied": its sender sets it, its receiver clears it. Each processor has interrupts for "a flag towards me is
/// occupied" and "a flag of mine is free", both levels. Processor 1 is the Cortex-A7s, processor 2 the Cortex-M4; both banks
/// of registers answer to either.
public final class IPCC: RegisterBlock {
    /// A bit for each channel that the chip has; registers count them from 1.
    private let channels: UInt32

    private let rxInterrupt: Int, txInterrupt: Int

    struct Levels: BlockState {
        var receive = false
        var transmit = false
    }
    /// Levels last told to the A7s' side.
    private var state = Levels()
    override var ownState: any BlockState { get { state } set { state = newValue as? Levels ?? state } }

    /// Told of the channels that the M4 rings, bit 0 for channel 1, when their flags are set; of those that were set already, too.
    public var onRing: ((UInt32) -> Void)?

    init(on interconnect: Interconnect) {
        let mailbox = interconnect.chip.mailbox
        channels = mailbox.channelMask
        (rxInterrupt, txInterrupt) = (mailbox.receiveInterrupt, mailbox.transmitInterrupt)
        super.init(index: Self.index(mailbox.block, on: interconnect), on: interconnect)
    }

    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onRead: [C1SCR.self, C2SCR.self], onWrite: [C1CR.self, C1MR.self, C1SCR.self, C2CR.self, C2MR.self, C2SCR.self],
        acting: [C1CR.all, C1MR.all, C1SCR.all, C1TOC2SR.all, C2CR.all, C2MR.all, C2SCR.all, C2TOC1SR.all])

    /// Flags that the A7s have set for the M4, bit 0 for channel 1.
    public var occupiedToM4: UInt32 { self[C1TOC2SR.offset] }
    /// Flags that the M4 has set for the A7s, bit 0 for channel 1.
    public var occupiedToA7: UInt32 { self[C2TOC1SR.offset] }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case C1SCR.offset, C2SCR.offset: 0  // "set and clear" registers: firmware reads, modifies and writes them
        default: readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case C1CR.offset, C2CR.offset:
            merge(offset, value & (C1CR.RXOIE.mask | C1CR.TXFIE.mask), lanes: lanes)
        case C1MR.offset, C2MR.offset:
            merge(offset, value & (channels | channels << 16), lanes: lanes)
        case C1SCR.offset:
            setAndClear(value, sent: C1TOC2SR.offset, received: C2TOC1SR.offset)
        case C2SCR.offset:
            setAndClear(value, sent: C2TOC1SR.offset, received: C1TOC2SR.offset)
            if value >> 16 & channels != 0 { onRing?(value >> 16 & channels) }
        default:
            return writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        if isTouched { update() }
    }

    /// The low half clears flags received, the high half sets flags sent.
    private func setAndClear(_ value: UInt32, sent: UInt32, received: UInt32) {
        self[received] &= ~(value & channels)
        self[sent] |= value >> 16 & channels
    }

    private func update() {
        let toM4 = self[C1TOC2SR.offset]
        let toA7 = self[C2TOC1SR.offset]
        let m4 = levels(control: self[C2CR.offset], mask: self[C2MR.offset], received: toM4, sent: toA7)
        interconnect.drive(rxInterrupt, m4.receive)
        interconnect.drive(txInterrupt, m4.transmit)
        let a7 = levels(control: self[C1CR.offset], mask: self[C1MR.offset], received: toA7, sent: toM4)
        if a7.receive != state.receive {
            state.receive = a7.receive
            interconnect.tell { $0.report(.applicationProcessorInterrupt(.ipccReceive, level: a7.receive)) }
        }
        if a7.transmit != state.transmit {
            state.transmit = a7.transmit
            interconnect.tell { $0.report(.applicationProcessorInterrupt(.ipccTransmitFree, level: a7.transmit)) }
        }
    }

    private func levels(control: UInt32, mask: UInt32, received: UInt32, sent: UInt32) -> Levels {
        Levels(
            receive: control.has(C1CR.RXOIE) && received & ~mask & channels != 0,
            transmit: control.has(C1CR.TXFIE) && ~sent & ~(mask >> 16) & channels != 0)
    }
}
