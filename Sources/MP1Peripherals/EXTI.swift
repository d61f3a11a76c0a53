import Chips

/// Extended interrupt and event controller (RM0436, EXTI).
///
/// Configurable lines detect edges and latch them as pending; each processor has its own interrupt
/// and event masks. Direct lines only wake a processor: their interrupts reach the NVIC without this block.
public final class EXTI: RegisterBlock {
    private typealias Offset = EXTIOffset
    /// From a register of one bank of 32 lines to that of the next: of edges, and of masks.
    private static let edgeBank = Offset.RTSR2 - Offset.RTSR1, maskBank = Offset.C2IMR2 - Offset.C2IMR1

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
        MissingFeature("the supply's voltage detectors, line 16", "IM16", .init(Offset.C2IMR1, 1 << 16), waits: true, effect: "no edge comes"),
        MissingFeature("an event of the Cortex-A7s' SEV, line 66", "IM66", .init(Offset.C2IMR3, 1 << 2), waits: true, effect: "none comes"),
    ]

    // MARK: Waking the M4

    /// Whether a line that is unmasked for the M4 is active: a direct one by its block, a configurable one by its pending edge.
    var wakesM4: Bool {
        func mask(_ bank: UInt32) -> UInt32 { self[Offset.C2IMR1 + bank * Self.maskBank] | self[Offset.C2EMR1 + bank * Self.maskBank] }
        if pending(0) & mask(0) & configurable(0) != 0 || pending(2) & mask(2) & configurable(2) != 0 { return true }
        return lines.direct.contains { direct in
            mask(UInt32(direct.number / 32)) >> UInt32(direct.number % 32) & 1 != 0 && direct.interrupts.contains(where: interconnect.level)
        }
    }

    // MARK: Pins that nobody drives

    private var toldPins: UInt32 = 0

    /// Lines 0 to 15 that look for an edge to interrupt the M4, or to wake it, at a pin that nobody drives.
    private var linesInVain: UInt32 {
        let looking = (self[Offset.RTSR1] | self[Offset.FTSR1]) & (self[Offset.C2IMR1] | self[Offset.C2EMR1]) & 0xFFFF
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
        return unsupported("a level from outside at \(name), line \(pin)", Offset.C2IMR1, "IM\(pin)", value: 1, waits: true, "nobody drives the pin, so no edge comes")
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
        let bank = UInt32(line / 32) * Self.edgeBank
        return (self[bank + Offset.RPR1] | self[bank + Offset.FPR1]) >> UInt32(line % 32) & 1 != 0
    }

    /// An edge at the input of a configurable line; it becomes pending if the line looks for it.
    public func edge(_ line: Int, rising: Bool) {
        guard line >= 0, line < Self.lineCount else { return }
        let bit = UInt32(1) << UInt32(line % 32)
        let trigger = self[UInt32(line / 32) * Self.edgeBank + (rising ? Offset.RTSR1 : Offset.FTSR1)]
        if trigger & bit != 0 { latch(line / 32, bit, rising: rising) }
    }

    /// The GPIO port index (A is 0, Z is 11) that EXTICR connects to line `pin`.
    func selectedPort(_ pin: Int) -> UInt32 {
        self[Offset.EXTICR1 + UInt32(pin / 4) * 4] >> (UInt32(pin % 4) * 8) & 0xFF
    }

    private func latch(_ number: Int, _ bits: UInt32, rising: Bool) {
        let bank = UInt32(number) * Self.edgeBank
        self[bank + (rising ? Offset.RPR1 : Offset.FPR1)] |= bits
        if self[Offset.C2EMR1 + UInt32(number) * Self.maskBank] & bits != 0 { interconnect.host.eventSignalled() }
        update()
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        if offset < Offset.EXTICR1, offset % Self.edgeBank == Offset.SWIER1 { return 0 }
        return readStored(offset, by: initiator)
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case Offset.RTSR1..<Offset.EXTICR1:
            let number = Int(offset / Self.edgeBank)
            let lines = configurable(number)
            switch offset % Self.edgeBank {
            case Offset.RTSR1, Offset.FTSR1: merge(offset, value & lines, lanes: lanes)
            case Offset.SWIER1: if value & lines != 0 { latch(number, value & lines, rising: true) }
            case Offset.RPR1, Offset.FPR1: self[offset] &= ~value
            case Offset.TZENR1: if initiator.isSecure { merge(offset, value, lanes: lanes) }
            default: return writeStored(offset, value, lanes: lanes, by: initiator)
            }
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
        switch offset {
        case Offset.RTSR1, Offset.FTSR1, Offset.C2IMR1, Offset.C2EMR1: tellEdgesInVain()
        default: break
        }
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        if isTouched { update() }
    }

    private func pending(_ number: UInt32) -> UInt32 { self[number * Self.edgeBank + Offset.RPR1] | self[number * Self.edgeBank + Offset.FPR1] }

    private func update() {
        let low = pending(0), high = pending(2)
        let toM4 = (low & self[Offset.C2IMR1], high & self[Offset.C2IMR3])
        for (line, input) in inputs {
            let levels = line < 32 ? toM4.0 : line >= 64 ? toM4.1 : 0
            interconnect.drive(input, levels >> UInt32(line % 32) & 1 != 0)
        }
        tellApplicationProcessors(low & self[Offset.C1IMR1], high & self[Offset.C1IMR3])
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
