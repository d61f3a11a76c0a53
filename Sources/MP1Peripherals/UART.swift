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

    private enum Offset {
        static let cr1: UInt32 = 0x00
        static let cr3: UInt32 = 0x08
        static let brr: UInt32 = 0x0C
        static let rqr: UInt32 = 0x18
        static let isr: UInt32 = 0x1C
        static let icr: UInt32 = 0x20
        static let rdr: UInt32 = 0x24
        static let tdr: UInt32 = 0x28
        static let presc: UInt32 = 0x2C
    }

    /// Bits of CR1.
    private enum Control {
        static let ue: UInt32 = 1 << 0, re: UInt32 = 1 << 2, te: UInt32 = 1 << 3
        static let over8: UInt32 = 1 << 15, fifo: UInt32 = 1 << 29
        /// IDLEIE, RXNEIE, TCIE and TXEIE sit at their flags' places in ISR.
        static let interrupts: UInt32 = 0xF0
        static let txFifoEmptyInterrupt: UInt32 = 1 << 30
    }

    /// Bits of ISR.
    private enum Status {
        static let idle: UInt32 = 1 << 4, rxne: UInt32 = 1 << 5, tc: UInt32 = 1 << 6, txe: UInt32 = 1 << 7
        static let teack: UInt32 = 1 << 21, reack: UInt32 = 1 << 22, txfe: UInt32 = 1 << 23
        static let rxThreshold: UInt32 = 1 << 26, txThreshold: UInt32 = 1 << 27
        /// Flags that ICR clears.
        static let clearable: UInt32 = 0x0012_3B5F
    }

    public let instance: Instance
    private let interrupt: Int
    private let rcc: RCC
    /// Characters on the line that firmware has not read, and where the first of them is.
    private var incoming: [UInt16] = []
    private var nextIncoming = 0

    init(_ instance: Instance, on interconnect: Interconnect, rcc: RCC) {
        self.instance = instance
        interrupt = interconnect.chip.registers.line(instance.description)
        self.rcc = rcc
        super.init(index: Self.index(instance.description, on: interconnect), on: interconnect)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x30] }
    override var missingFeatures: [MissingFeature] { Self.missing }

    /// Whether firmware has the receiver on.
    public var isReceiving: Bool { self[Offset.cr1] & (Control.ue | Control.re) == Control.ue | Control.re }

    /// Characters that firmware has not read yet.
    public var pendingCount: Int { incoming.count - nextIncoming }

    /// Puts characters of up to nine bits on the receive line. They wait for firmware that is not listening yet.
    public func receive(_ characters: some Sequence<UInt16>) {
        incoming.append(contentsOf: characters)
        update()
        requestDMA()
    }

    public func receive(_ text: String) { receive(text.utf8.lazy.map { UInt16($0) }) }

    private var status: UInt32 {
        let control = self[Offset.cr1]
        var status = self[Offset.isr] & Status.clearable | Status.txe
        guard control & Control.ue != 0 else { return status }
        if control & Control.te != 0 { status |= Status.teack }
        if control & Control.re != 0 {
            status |= Status.reack
            if pendingCount > 0 { status |= Status.rxne }
        }
        if control & Control.fifo != 0 {
            status |= Status.txfe | Status.txThreshold
            if status & Status.rxne != 0 { status |= Status.rxThreshold }
        }
        return status
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case Offset.isr: return status
        case Offset.rdr: return takeIncoming()
        default: return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case Offset.tdr: transmit(UInt16(truncatingIfNeeded: value & 0x1FF))
        case Offset.icr: self[Offset.isr] &= ~(value & Status.clearable)
        case Offset.rqr: if value & 1 << 3 != 0 { flushReceived() }  // RXFRQ
        case Offset.cr1:
            merge(offset, value, lanes: lanes)
            if self[offset] & Control.ue == 0 { self[Offset.isr] = Status.tc | Status.txe }
            requestDMA()
        case Offset.cr3:
            merge(offset, value, lanes: lanes)
            update()
            requestDMA()
            return
        default: return writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    /// Whether this UART asks for DMA: to fetch a character, with DMAR, or to send one, with DMAT.
    func isRequestingDMA(receive: Bool) -> Bool {
        receive ? self[Offset.cr3] & 1 << 6 != 0 && isReceiving && pendingCount > 0 : self[Offset.cr3] & 1 << 7 != 0
    }

    /// Hertz of the clock that BRR divides (RM0436, RCC: UARTxCKSELR).
    public var kernelClock: UInt64 { rcc.uartClock(instance.number) }

    /// Core cycles that a character of ten bits takes (RM0436, USART: baud rate generation).
    var characterCycles: UInt64 {
        let rate = self[Offset.brr] & 0xFFFF
        // With OVER8 a bit has half as many samples, and BRR[2:0] holds the lowest bits shifted right once.
        let isFast = self[Offset.cr1] & Control.over8 != 0
        let divider = UInt64(max(16, isFast ? rate & 0xFFF0 | (rate & 7) << 1 : rate)) * Self.prescaler(self[Offset.presc])
        return max(1, 10 * divider * interconnect.clock.hertz / kernelClock / (isFast ? 2 : 1))
    }

    private static func prescaler(_ register: UInt32) -> UInt64 {
        switch register & 0xF {
        case 0: 1
        case 1...6: UInt64(register & 0xF) * 2
        case 7: 16
        case 8: 32
        case 9: 64
        case 10: 128
        default: 256
        }
    }

    private func requestDMA() {
        for controller in interconnect.dma { controller._withUnsafeGuaranteedRef { $0.requestsChanged() } }
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        if isTouched { update() }
    }

    private func transmit(_ character: UInt16) {
        let enabled = Control.ue | Control.te
        guard self[Offset.cr1] & enabled == enabled else { return }
        self[Offset.isr] |= Status.tc
        interconnect.host.uartTransmitted(instance, character)
    }

    private func takeIncoming() -> UInt32 {
        guard isReceiving, nextIncoming < incoming.count else { return self[Offset.rdr] }
        self[Offset.rdr] = UInt32(incoming[nextIncoming] & 0x1FF)
        nextIncoming += 1
        if nextIncoming == incoming.count {
            incoming.removeAll(keepingCapacity: true)
            nextIncoming = 0
            self[Offset.isr] |= Status.idle
        }
        update()
        return self[Offset.rdr]
    }

    /// Drops what the receiver would hold: one character, or a FIFO of sixteen.
    private func flushReceived() {
        guard isReceiving else { return }
        let depth = self[Offset.cr1] & Control.fifo != 0 ? 16 : 1
        for _ in 0..<min(depth, pendingCount) { _ = takeIncoming() }
    }

    private func update() {
        let control = self[Offset.cr1]
        let status = status
        var level = status & control & Control.interrupts != 0
        if control & Control.txFifoEmptyInterrupt != 0, status & Status.txfe != 0 { level = true }
        // CR3.TXFTIE is bit 23, RXFTIE bit 28.
        let thresholds = self[Offset.cr3]
        if thresholds & 1 << 23 != 0, status & Status.txThreshold != 0 { level = true }
        if thresholds & 1 << 28 != 0, status & Status.rxThreshold != 0 { level = true }
        interconnect.drive(interrupt, level && control & Control.ue != 0)
    }
}
