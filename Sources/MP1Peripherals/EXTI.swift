import Chips

/// Extended interrupt and event controller (RM0436, EXTI).
///
/// Configurable lines detect edges and latch them as pending; each processor has its own interrupt
/// and event masks. Direct lines only wake a processor: their interrupts reach the NVIC without this block.
public final class EXTI: RegisterBlock {
    /// Offsets within one of the three banks of 32 lines, 0x20 apart.
    private enum Bank {
        static let rtsr: UInt32 = 0x00
        static let ftsr: UInt32 = 0x04
        static let swier: UInt32 = 0x08
        static let rpr: UInt32 = 0x0C
        static let fpr: UInt32 = 0x10
        static let tzenr: UInt32 = 0x14
    }
    private static let c1IMR: UInt32 = 0x80  // + 0x10 a bank
    private static let c2IMR: UInt32 = 0xC0
    private static let c2EMR: UInt32 = 0xC4

    private static let lineCount = 96
    /// The chip's lines for the coprocessor.
    private let lines: WakeUpLines
    /// The NVIC inputs of configurable lines. Plain memory: gone through at each change.
    private let inputs: UnsafeMutableBufferPointer<(line: Int, input: Int)>

    /// Pending and unmasked for the A7s, by bank, as last told.
    private var applicationPending: (UInt32, UInt32) = (0, 0)

    init(on interconnect: Interconnect) {
        lines = interconnect.chip.wakeUpLines
        let edges = lines.edges.compactMap { line in line.interrupts.first.map { (line: line.number, input: $0) } }
        inputs = .allocate(capacity: edges.count)
        _ = inputs.initialize(from: edges)
        super.init(index: Self.index("EXTI", on: interconnect), on: interconnect)
    }

    deinit { inputs.deallocate() }

    /// The configurable lines of a bank, a bit each.
    private func configurable(_ bank: Int) -> UInt32 { lines.configurable.indices.contains(bank) ? lines.configurable[bank] : 0 }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x100] }
    override var missingFeatures: [MissingFeature] { Self.missing }

    private static let missing = [
        MissingFeature("the supply's voltage detectors, line 16", "IM16", .init(c2IMR, 1 << 16), waits: true, effect: "no edge comes"),
        MissingFeature("an event of the Cortex-A7s' SEV, line 66", "IM66", .init(c2IMR + 0x20, 1 << 2), waits: true, effect: "none comes"),
    ]

    // MARK: Waking the M4

    /// Whether a line that is unmasked for the M4 is active: a direct one by its block, a configurable one by its pending edge.
    var wakesM4: Bool {
        func mask(_ bank: UInt32) -> UInt32 { self[Self.c2IMR + bank * 0x10] | self[Self.c2EMR + bank * 0x10] }
        if pending(0) & mask(0) & configurable(0) != 0 || pending(2) & mask(2) & configurable(2) != 0 { return true }
        return lines.direct.contains { direct in
            mask(UInt32(direct.number / 32)) >> UInt32(direct.number % 32) & 1 != 0 && direct.interrupts.contains(where: interconnect.level)
        }
    }

    // MARK: Pins that nobody drives

    private var toldPins: UInt32 = 0

    /// Lines 0 to 15 that look for an edge to interrupt the M4, or to wake it, at a pin that nobody drives.
    private var linesInVain: UInt32 {
        let looking = (self[Bank.rtsr] | self[Bank.ftsr]) & (self[Self.c2IMR] | self[Self.c2EMR]) & 0xFFFF
        return (0..<16).reduce(0) { lines, pin in
            guard looking >> UInt32(pin) & 1 != 0 else { return lines }
            let port = Int(selectedPort(pin))
            let hasSource = interconnect.ports.indices.contains(port) && interconnect.ports[port]._withUnsafeGuaranteedRef { $0.hasSource(pin) }
            return hasSource ? lines : lines | 1 << UInt32(pin)
        }
    }

    private func edgeInVain(_ pin: Int) -> UnsupportedFeature {
        let port = Int(selectedPort(pin))
        let name = GPIO.Port(rawValue: port).map { "P\($0.letter)\(pin)" } ?? "port \(port)"
        return unsupported("a level from outside at \(name), line \(pin)", Self.c2IMR, "IM\(pin)", value: 1, waits: true, "nobody drives the pin, so no edge comes")
    }

    private func tellEdgesInVain() {
        let new = linesInVain & ~toldPins
        toldPins |= new
        for pin in 0..<16 where new >> UInt32(pin) & 1 != 0 { interconnect.host.unsupportedFeature(edgeInVain(pin)) }
    }

    override var featuresOn: [UnsupportedFeature] {
        super.featuresOn + (0..<16).filter { linesInVain >> UInt32($0) & 1 != 0 }.map(edgeInVain)
    }

    // MARK: Lines

    /// Whether `line` latched an edge that nobody has cleared.
    public func isPending(_ line: Int) -> Bool {
        guard line >= 0, line < Self.lineCount else { return false }
        let bank = UInt32(line / 32) * 0x20
        return (self[bank + Bank.rpr] | self[bank + Bank.fpr]) >> UInt32(line % 32) & 1 != 0
    }

    /// An edge at the input of a configurable line; it becomes pending if the line looks for it.
    public func edge(_ line: Int, rising: Bool) {
        guard line >= 0, line < Self.lineCount else { return }
        let bit = UInt32(1) << UInt32(line % 32)
        let trigger = self[UInt32(line / 32) * 0x20 + (rising ? Bank.rtsr : Bank.ftsr)]
        if trigger & bit != 0 { latch(line / 32, bit, rising: rising) }
    }

    /// The GPIO port index (A is 0, Z is 11) that EXTICR connects to line `pin`.
    func selectedPort(_ pin: Int) -> UInt32 {
        self[0x60 + UInt32(pin / 4) * 4] >> (UInt32(pin % 4) * 8) & 0xFF
    }

    private func latch(_ number: Int, _ bits: UInt32, rising: Bool) {
        let bank = UInt32(number) * 0x20
        self[bank + (rising ? Bank.rpr : Bank.fpr)] |= bits
        if self[Self.c2EMR + UInt32(number) * 0x10] & bits != 0 { interconnect.host.eventSignalled() }
        update()
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        if offset < 0x60, offset % 0x20 == Bank.swier { return 0 }
        return readStored(offset, by: initiator)
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case 0x00..<0x60:
            let number = Int(offset / 0x20)
            let lines = configurable(number)
            switch offset % 0x20 {
            case Bank.rtsr, Bank.ftsr: merge(offset, value & lines, lanes: lanes)
            case Bank.swier: if value & lines != 0 { latch(number, value & lines, rising: true) }
            case Bank.rpr, Bank.fpr: self[offset] &= ~value
            case Bank.tzenr: if initiator.isSecure { merge(offset, value, lanes: lanes) }
            default: return writeStored(offset, value, lanes: lanes, by: initiator)
            }
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
        switch offset {
        case Bank.rtsr, Bank.ftsr, Self.c2IMR, Self.c2EMR: tellEdgesInVain()
        default: break
        }
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        if isTouched { update() }
    }

    private func pending(_ number: UInt32) -> UInt32 { self[number * 0x20 + Bank.rpr] | self[number * 0x20 + Bank.fpr] }

    private func update() {
        let low = pending(0), high = pending(2)
        let toM4 = (low & self[Self.c2IMR], high & self[Self.c2IMR + 0x20])
        for (line, input) in inputs {
            let levels = line < 32 ? toM4.0 : line >= 64 ? toM4.1 : 0
            interconnect.drive(input, levels >> UInt32(line % 32) & 1 != 0)
        }
        tellApplicationProcessors(low & self[Self.c1IMR], high & self[Self.c1IMR + 0x20])
    }

    private func tellApplicationProcessors(_ low: UInt32, _ high: UInt32) {
        let changed = (low ^ applicationPending.0, high ^ applicationPending.1)
        guard changed != (0, 0) else { return }
        applicationPending = (low, high)
        for bit in 0..<32 {
            if changed.0 >> UInt32(bit) & 1 != 0 {
                interconnect.host.setApplicationProcessorInterrupt(.exti(bit), level: low >> UInt32(bit) & 1 != 0)
            }
            if changed.1 >> UInt32(bit) & 1 != 0 {
                interconnect.host.setApplicationProcessorInterrupt(.exti(64 + bit), level: high >> UInt32(bit) & 1 != 0)
            }
        }
    }
}
