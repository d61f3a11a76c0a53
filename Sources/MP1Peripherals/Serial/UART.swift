// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// USART and UART (RM0436, USART), asynchronous. Characters take no time: what firmware sends is out at once, and what the host
/// sends waits outside the receiver until firmware reads, so that nothing is lost. Only DMA goes at the baud rate.
public final class UART: RegisterBlock {
    /// In the order of RM0436's names.
    public enum Instance: Int, CaseIterable, Sendable, CustomStringConvertible {
        case usart1, usart2, usart3, uart4, uart5, usart6, uart7, uart8

        public var description: String {
            switch self {
            case .usart1: "USART1"; case .usart2: "USART2"; case .usart3: "USART3"; case .uart4: "UART4"
            case .uart5: "UART5"; case .usart6: "USART6"; case .uart7: "UART7"; case .uart8: "UART8"
            }
        }

        /// 1 to 8.
        public var number: Int { rawValue + 1 }
    }

    /// IDLEIE, RXNEIE, TCIE and TXEIE sit at their flags' places in ISR.
    private static let interrupts = CR1.IDLEIE.mask | CR1.RXNEIE.mask | CR1.TCIE.mask | CR1.TXEIE.mask
    /// Flags of ISR that ICR clears.
    private static let clearable: UInt32 = 0x0012_3B5F

    public let instance: Instance
    private let interrupt: Int
    private let clock: ClockInput
    /// DMAMUX1's inputs.
    private let receiveRequest: DMARequest, transmitRequest: DMARequest

    struct State: BlockState {
        /// Characters on the line that firmware has not read, and where the first of them is.
        var incoming: [UInt16] = []
        var nextIncoming = 0
    }
    private var state = State()
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

    init(_ instance: Instance, on interconnect: Interconnect) {
        self.instance = instance
        interrupt = interconnect.chip.registers.line(instance.description)
        clock = ClockInput(instance.description, on: interconnect)
        receiveRequest = DMARequest("\(instance)_RX", on: interconnect)
        transmitRequest = DMARequest("\(instance)_TX", on: interconnect)
        super.init(index: Self.index(instance.description, on: interconnect), on: interconnect)
        receiveRequest.connect(self, movesSingly: true)
        transmitRequest.connect(self, movesSingly: false)
    }

    override var map: BlockMap { Self.map }
    private static let map: BlockMap = {
        typealias Row = MissingFeature
        let on = Row.Condition(CR1.UE)
        return BlockMap(
            onRead: [ISR.self, RDR.self],
            onWrite: [CR1.self, CR3.self, RQR.self, ICR.self, TDR.self],
            acting: [
                CR1.UE, CR1.RE, CR1.TE, CR1.IDLEIE, CR1.RXNEIE, CR1.TCIE, CR1.TXEIE, CR1.PS, CR1.PCE, CR1.M0, CR1.M1, CR1.OVER8, CR1.FIFOEN, CR1.TXFEIE,
                CR3.DMAR, CR3.DMAT, CR3.TXFTIE, CR3.RXFTIE, BRR.all, RQR.RXFRQ, ISR.all, ICR.all, RDR.all, TDR.all, PRESC.all,
            ],
            holding: [
                // Nothing goes wrong on the line: no error, no overrun. Its pins and their polarity are those of what is at its other end.
                CR1.PEIE, CR3.EIE, CR3.OVRDIS, CR3.DDRE, CR3.ONEBIT, CR2.STOP, CR2.SWAP, CR2.RXINV, CR2.TXINV,
                // What is sent is out: the transmitter's FIFO is empty, at any threshold.
                CR3.TXFTCFG, RQR.TXFRQ,
                // Of mute mode, character match, RS-485, time-outs, LIN, a clock, automatic baud rate, IrDA, smartcards, wake-up.
                CR1.WAKE, CR2.ADDM7, CR2.ADD0_3, CR2.ADD4_7, RQR.MMRQ, CR1.DEDT, CR1.DEAT, CR3.DEP, CR1.RTOIE, RTOR.all, CR2.LBDL, CR2.LBDIE,
                CR2.LBCL, CR2.CPHA, CR2.CPOL, CR2.DIS_NSS, CR2.ABRMOD, RQR.ABRRQ, CR1.EOBIE, CR3.IRLP, CR3.NACK, CR3.SCARCNT, CR3.TCBGTIE, GTPR.all,
                CR3.WUS, CR3.WUFIE,
            ],
            missing: [
                Row("LIN mode", CR2.LINEN, when: on, waits: true, effect: "no break is sent or found"),
                Row("IrDA mode", CR3.IREN, when: on, effect: "characters go as without it"),
                Row("half duplex", CR3.HDSEL, when: on, effect: "sent characters are not received"),
                Row("smartcard mode", CR3.SCEN, when: on, waits: true, effect: "no card answers"),
                Row("synchronous mode", CR2.CLKEN, when: on, effect: "no clock goes out"),
                Row("synchronous slave mode", CR2.SLVEN, when: on, waits: true, effect: "no clock comes"),
                Row("driver enable of RS-485", CR3.DEM, when: on, effect: "no pin follows it"),
                Row("automatic baud rate", CR2.ABREN, when: on, waits: true, effect: "ABRF is never set"),
                Row("wake-up from Stop", CR1.UESM, when: on, waits: true, effect: "WUF is never set"),
                Row("mute mode", CR1.MME, when: on, effect: "every character is received"),
                Row("character match", CR1.CMIE, when: on, waits: true, effect: "CMF is never set"),
                Row("receiver time-out", CR2.RTOEN, when: on, waits: true, effect: "RTOF is never set"),
                Row("hardware flow control", CR3.RTSE, CR3.CTSE, when: on, effect: "characters go whatever the lines say"),
                Row("full receive FIFO's interrupt", CR1.RXFFIE, when: on, waits: true, effect: "RXFF is never set"),
                Row("thresholds of the FIFOs", CR3.RXFTCFG, when: on, .init(CR3.RXFTIE), effect: "one character is enough"),
                Row("reversed or inverted data", CR2.MSBFIRST, CR2.TAINV, when: on, effect: "characters go as without it"),
                Row("interrupt of CTS", CR3.CTSIE, when: on, waits: true, effect: "CTSIF is never set"),
                Row(request: "break", RQR.SBKRQ, effect: "none is sent"),
            ])
    }()

    /// Whether firmware has the receiver on.
    public var isReceiving: Bool { has(CR1.UE) && has(CR1.RE) }

    /// Characters that firmware has not read yet.
    public var pendingCount: Int { state.incoming.count - state.nextIncoming }

    /// Puts characters of up to nine bits on the receive line. They wait for firmware that is not listening yet.
    public func receive(_ characters: some Sequence<UInt16>) {
        state.incoming.append(contentsOf: characters)
        update()
        requestDMA()
    }

    public func receive(_ text: String) { receive(text.utf8.lazy.map { UInt16($0) }) }

    private var status: UInt32 {
        let control = self[CR1.offset]
        var status = self[ISR.offset] & Self.clearable | ISR.TXE.mask
        guard control.has(CR1.UE) else { return status }
        if control.has(CR1.TE) { status |= ISR.TEACK.mask }
        if control.has(CR1.RE) {
            status |= ISR.REACK.mask
            if pendingCount > 0 { status |= ISR.RXNE.mask }
        }
        if control.has(CR1.FIFOEN) {
            status |= ISR.TXFE.mask | ISR.TXFT.mask
            if status.has(ISR.RXNE) { status |= ISR.RXFT.mask }
        }
        return status
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case ISR.offset: return status
        case RDR.offset: return takeIncoming()
        default: return readStored(offset, by: initiator)
        }
    }

    override func peek(_ offset: UInt32) -> UInt32 {
        guard offset == RDR.offset else { return read(offset, by: .cortexM4) }
        return isReceiving && pendingCount > 0 ? UInt32(received(state.incoming[state.nextIncoming])) : self[offset]
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case TDR.offset: transmit(UInt16(truncatingIfNeeded: value[TDR.TDR]))
        case ICR.offset: self[ISR.offset] &= ~(value & Self.clearable)
        case RQR.offset: if value.has(RQR.RXFRQ) { flushReceived() }
        case CR1.offset:
            merge(offset, value, lanes: lanes)
            if !has(CR1.UE) { self[ISR.offset] = ISR.TC.mask | ISR.TXE.mask }
            requestDMA()
        case CR3.offset:
            merge(offset, value, lanes: lanes)
            update()
            requestDMA()
            return
        default: return writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    /// Asks for DMA, or no longer: to fetch a character, with DMAR, or to send one, with DMAT.
    private func requestDMA() {
        receiveRequest.set(has(CR3.DMAR) && isReceiving && pendingCount > 0)
        transmitRequest.set(has(CR3.DMAT))
    }

    /// Hertz of the clock that BRR divides (RM0436, RCC: UARTxCKSELR).
    public var kernelClock: UInt64 { clock.hertz }

    /// Core cycles that a character of ten bits takes (RM0436, USART: baud rate generation).
    override var dmaItemCycles: UInt64 {
        let rate = self[BRR.offset] & 0xFFFF
        // With OVER8 a bit has half as many samples, and BRR[2:0] holds the lowest bits shifted right once.
        let isFast = has(CR1.OVER8)
        let divider = UInt64(max(16, isFast ? rate & 0xFFF0 | (rate & 7) << 1 : rate)) * Self.prescaler(self[PRESC.PRESCALER])
        return max(1, 10 * divider * interconnect.clock.hertz / max(1, kernelClock) / (isFast ? 2 : 1))
    }

    private static func prescaler(_ selection: UInt32) -> UInt64 {
        switch selection {
        case 0: 1
        case 1...6: UInt64(selection) * 2
        case 7: 16
        case 8: 32
        case 9: 64
        case 10: 128
        default: 256
        }
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        guard isTouched else { return }
        update()
        requestDMA()
    }

    /// Bits of a character without its parity bit, which is the highest of the 7, 8 or 9 that M0 and M1 select.
    private var dataBits: UInt16 { (has(CR1.M1) ? 7 : has(CR1.M0) ? 9 : 8) &- (has(CR1.PCE) ? 1 : 0) }

    /// A character as it comes over the line and is read: cut to its bits, with the parity bit in front.
    private func received(_ character: UInt16) -> UInt16 {
        let bits = dataBits, data = character & (1 &<< bits &- 1)
        guard has(CR1.PCE) else { return data }
        let isOdd = data.nonzeroBitCount % 2 != 0
        return isOdd != has(CR1.PS) ? data | 1 &<< bits : data
    }

    private func transmit(_ character: UInt16) {
        guard has(CR1.UE), has(CR1.TE) else { return }
        self[ISR.TC] = 1
        let character = character & (1 &<< dataBits &- 1)
        interconnect.tell { $0.report(.transmitted(instance, character)) }
    }

    private func takeIncoming() -> UInt32 {
        guard isReceiving, state.nextIncoming < state.incoming.count else { return self[RDR.offset] }
        self[RDR.offset] = UInt32(received(state.incoming[state.nextIncoming]))
        state.nextIncoming += 1
        if state.nextIncoming == state.incoming.count {
            state.incoming.removeAll(keepingCapacity: true)
            state.nextIncoming = 0
            self[ISR.IDLE] = 1
        }
        update()
        requestDMA()
        return self[RDR.offset]
    }

    /// Drops what the receiver would hold: one character, or a FIFO of sixteen.
    private func flushReceived() {
        guard isReceiving else { return }
        let depth = has(CR1.FIFOEN) ? 16 : 1
        for _ in 0..<min(depth, pendingCount) { _ = takeIncoming() }
    }

    private func update() {
        let control = self[CR1.offset]
        let status = status
        var level = status & control & Self.interrupts != 0
        if control.has(CR1.TXFEIE), status.has(ISR.TXFE) { level = true }
        let thresholds = self[CR3.offset]
        if thresholds.has(CR3.TXFTIE), status.has(ISR.TXFT) { level = true }
        if thresholds.has(CR3.RXFTIE), status.has(ISR.RXFT) { level = true }
        interconnect.drive(interrupt, level && control.has(CR1.UE))
    }
}
