import Chips

/// Inter-processor communication controller (RM0436, IPCC): channels, each a pair of flags, one a direction.
///
/// A flag says "occupied": its sender sets it, its receiver clears it. Each processor has interrupts for "a flag towards me is
/// occupied" and "a flag of mine is free", both levels. Processor 1 is the Cortex-A7s, processor 2 the Cortex-M4; both banks
/// of registers answer to either.
public final class IPCC: RegisterBlock {
    /// A bit for each channel that the chip has; registers count them from 1.
    private let channels: UInt32

    private typealias Offset = IPCCOffset

    private static let rxInterruptEnable: UInt32 = 1        // CR.RXOIE
    private static let txInterruptEnable: UInt32 = 1 << 16  // CR.TXFIE
    private let rxInterrupt: Int, txInterrupt: Int
    /// Levels last told to the A7s' side.
    private var applicationLevels: (receive: Bool, transmit: Bool) = (false, false)

    /// Told of the channels that the M4 rings, bit 0 for channel 1, when their flags are set; of those that were set already, too.
    public var onRing: ((UInt32) -> Void)?

    init(on interconnect: Interconnect) {
        let mailbox = interconnect.chip.mailbox
        channels = mailbox.channelMask
        (rxInterrupt, txInterrupt) = (mailbox.receiveInterrupt, mailbox.transmitInterrupt)
        super.init(index: Self.index(mailbox.block, on: interconnect), on: interconnect)
    }

    override class var plainRegisters: [Range<UInt32>] { [Offset.C1CR..<Offset.C2TOC1SR + 4] }

    /// Flags that the A7s have set for the M4, bit 0 for channel 1.
    public var occupiedToM4: UInt32 { self[Offset.C1TOC2SR] }
    /// Flags that the M4 has set for the A7s, bit 0 for channel 1.
    public var occupiedToA7: UInt32 { self[Offset.C2TOC1SR] }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case Offset.C1SCR, Offset.C2SCR: 0  // "set and clear" registers: firmware reads, modifies and writes them
        default: readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case Offset.C1CR, Offset.C2CR:
            merge(offset, value & (Self.rxInterruptEnable | Self.txInterruptEnable), lanes: lanes)
        case Offset.C1MR, Offset.C2MR:
            merge(offset, value & (channels | channels << 16), lanes: lanes)
        case Offset.C1SCR:
            setAndClear(value, sent: Offset.C1TOC2SR, received: Offset.C2TOC1SR)
        case Offset.C2SCR:
            setAndClear(value, sent: Offset.C2TOC1SR, received: Offset.C1TOC2SR)
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
        let toM4 = self[Offset.C1TOC2SR]
        let toA7 = self[Offset.C2TOC1SR]
        let m4 = levels(control: self[Offset.C2CR], mask: self[Offset.C2MR], received: toM4, sent: toA7)
        interconnect.drive(rxInterrupt, m4.receive)
        interconnect.drive(txInterrupt, m4.transmit)
        let a7 = levels(control: self[Offset.C1CR], mask: self[Offset.C1MR], received: toA7, sent: toM4)
        if a7.receive != applicationLevels.receive {
            applicationLevels.receive = a7.receive
            interconnect.host.setApplicationProcessorInterrupt(.ipccReceive, level: a7.receive)
        }
        if a7.transmit != applicationLevels.transmit {
            applicationLevels.transmit = a7.transmit
            interconnect.host.setApplicationProcessorInterrupt(.ipccTransmitFree, level: a7.transmit)
        }
    }

    private func levels(
        control: UInt32, mask: UInt32, received: UInt32, sent: UInt32
    ) -> (receive: Bool, transmit: Bool) {
        (control & Self.rxInterruptEnable != 0 && received & ~mask & channels != 0,
         control & Self.txInterruptEnable != 0 && ~sent & ~(mask >> 16) & channels != 0)
    }
}
