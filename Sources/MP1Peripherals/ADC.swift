/// Analogue-to-digital converters ADC1 and ADC2 (RM0436, ADC): calibration, enabling, and regular conversions started by
/// software. A conversion takes no time; the next of a sequence is made when firmware reads the one before.
///
/// Injected and triggered conversions, watchdogs, oversampling and DMA are not modelled.
public final class ADC: RegisterBlock {
    public enum Instance: Int, CaseIterable, Sendable { case adc1, adc2 }

    private enum Offset {
        static let isr: UInt32 = 0x00
        static let ier: UInt32 = 0x04
        static let cr: UInt32 = 0x08
        static let cfgr: UInt32 = 0x0C
        static let sqr1: UInt32 = 0x30
        static let dr: UInt32 = 0x40
    }

    /// Bits of CR.
    private enum Control {
        static let aden: UInt32 = 1 << 0, addis: UInt32 = 1 << 1, adstart: UInt32 = 1 << 2, jadstart: UInt32 = 1 << 3
        static let adstp: UInt32 = 1 << 4, jadstp: UInt32 = 1 << 5
        static let linearityReady: UInt32 = 0x3F << 22
        static let advregen: UInt32 = 1 << 28, deepPowerDown: UInt32 = 1 << 29, adcal: UInt32 = 1 << 31
    }

    /// Bits of ISR.
    private enum Status {
        static let ready: UInt32 = 1 << 0, endOfSampling: UInt32 = 1 << 1, endOfConversion: UInt32 = 1 << 2
        static let endOfSequence: UInt32 = 1 << 3, regulatorReady: UInt32 = 1 << 12
    }

    public let instance: Instance
    /// Sixteen-bit values at channels 0 to 19, full scale 65535.
    private var inputs = [UInt16](repeating: 0, count: 20)
    /// The rank of the sequence that is converted next, from 0.
    private var rank: UInt32 = 0

    init(_ instance: Instance, on interconnect: Interconnect) {
        self.instance = instance
        super.init(index: Self.index(instance == .adc1 ? "ADC1" : "ADC2", on: interconnect), on: interconnect)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0xD4] }
    override var missingFeatures: [MissingFeature] { Self.missing }

    /// What channel `channel` (0-19) measures, as a fraction of full scale in 16 bits.
    public func setInput(_ channel: Int, _ value: UInt16) {
        if inputs.indices.contains(channel) { inputs[channel] = value }
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case Offset.isr:
            return self[offset] | (self[Offset.cr] & Control.advregen != 0 ? Status.regulatorReady : 0)
        case Offset.dr:
            let value = self[offset]
            if self[Offset.isr] & Status.endOfConversion != 0 {
                self[Offset.isr] &= ~Status.endOfConversion
                if self[Offset.cr] & Control.adstart != 0 { convert() }
                update()
            }
            return value
        default:
            return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case Offset.isr: self[offset] &= ~value
        case Offset.cr: control(value, lanes: lanes)
        default: writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        rank = 0
        if isTouched { update() }
    }

    private func control(_ value: UInt32, lanes: UInt32) {
        let old = self[Offset.cr]
        // Start, stop, enable and disable bits are set by software and cleared by hardware; the others are as written.
        let commands: UInt32 = 0x3F
        var control = old & commands | (old & ~lanes | value) & ~commands
        if value & Control.adcal != 0 { control = control & ~Control.adcal | Control.linearityReady }
        control |= value & (Control.aden | Control.adstart | Control.jadstart)
        if value & Control.addis != 0 { control &= ~(Control.aden | Control.adstart | Control.jadstart) }
        if value & Control.adstp != 0 { control &= ~Control.adstart }
        if value & Control.jadstp != 0 { control &= ~Control.jadstart }
        self[Offset.cr] = control
        if control & ~old & Control.aden != 0 { self[Offset.isr] |= Status.ready }
        if control & Control.aden == 0 { self[Offset.isr] &= ~Status.ready }
        // CFGR.EXTEN 0: software starts.
        if control & ~old & Control.adstart != 0, self[Offset.cfgr] >> 10 & 3 == 0 {
            rank = 0
            convert()
        }
    }

    /// Converts the channel of the present rank.
    private func convert() {
        let length = self[Offset.sqr1] & 0xF
        let position = rank + 1  // SQR1 holds ranks 1-4 from bit 6, SQR2 to SQR4 five each from bit 0
        let register = Offset.sqr1 + position / 5 * 4
        let channel = Int(self[register] >> (position % 5 * 6) & 0x1F)
        // CFGR.RES: 16, 14, 12, 10 and 8 bits.
        let resolution: UInt32 = switch self[Offset.cfgr] >> 2 & 7 { case 0: 0; case 1, 5: 2; case 2, 6: 4; case 3: 6; default: 8 }
        self[Offset.dr] = UInt32(inputs.indices.contains(channel) ? inputs[channel] : 0) >> resolution
        self[Offset.isr] |= Status.endOfSampling | Status.endOfConversion
        if rank >= length {
            rank = 0
            self[Offset.isr] |= Status.endOfSequence
            let isContinuous = self[Offset.cfgr] & 1 << 13 != 0
            if !isContinuous { self[Offset.cr] &= ~Control.adstart }
        } else {
            rank += 1
        }
    }

    private func update() {
        interconnect.drive(instance == .adc1 ? 18 : 90, self[Offset.isr] & self[Offset.ier] != 0)
    }
}
