// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips

/// Extended interrupt and event controller (RM0436, EXTI).
///
/// Configurable lines detect edges and latch them as pending; each processor has its own interrupt
/// and event masks. Direct lines only wake a processor: their interrupts reach the NVIC without this block.
public final class EXTI: RegisterBlock {
    /// From a register of one bank of 32 lines to that of the next: of edges, and of masks.
    private static let edgeBank = RTSR2.offset - RTSR1.offset, maskBank = C2IMR2.offset - C2IMR1.offset

    private static let lineCount = 96
    /// The chip's lines for the coprocessor.
    private let lines: WakeUpLines
    /// The NVIC inputs of configurable lines. Plain memory: gone through at each change.
    private let inputs: UnsafeMutableBufferPointer<(line: Int, input: Int)>

    struct State: BlockState {
        /// Pending and unmasked for the A7s, lines 0 to 31 and 64 to 95, as last told.
        var applicationLow: UInt32 = 0
        var applicationHigh: UInt32 = 0
        /// Lines 0 to 15 of which a finding was told.
        var toldPins: UInt32 = 0
    }
    private var state = State()
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

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

    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        everyAccess: RTSR1.offset..<C2EMR3.span.upperBound,
        acting: [
            RTSR1.all, FTSR1.all, SWIER1.all, RPR1.all, FPR1.all, RTSR2.all, FTSR2.all, SWIER2.all, RPR2.all, FPR2.all, RTSR3.all, FTSR3.all,
            SWIER3.all, RPR3.all, FPR3.all, EXTICRx.all, C1IMR1.all, C1IMR3.all, C2IMR1.all, C2EMR1.all, C2IMR2.all, C2EMR2.all, C2IMR3.all,
            C2EMR3.all,
        ],
        // Direct lines only wake a processor, and so does an event: the A7s are always awake.
        holding: [C1IMR2.all, C1EMR1.all, C1EMR2.all, C1EMR3.all],
        missing: [
            MissingFeature("the supply's voltage detectors, line 16", C2IMR1.IMx[16], waits: true, effect: "no edge comes"),
            MissingFeature("an event of the Cortex-A7s' SEV, line 66", C2IMR3.IMx[66], waits: true, effect: "none comes"),
            MissingFeature("an event of the Cortex-A7s' SEV, line 66", C2EMR3.EM66, waits: true, effect: "none comes"),
        ] + [TZENR1.all, TZENR2.all, TZENR3.all].map { MissingFeature("secure lines", $0, named: "TZEN", effect: "the M4 changes them all the same") })

    // MARK: Waking the M4

    /// Whether a line that is unmasked for the M4 is active: a direct one by its block, a configurable one by its pending edge.
    var wakesM4: Bool {
        func mask(_ bank: UInt32) -> UInt32 { self[C2IMR1.offset + bank * Self.maskBank] | self[C2EMR1.offset + bank * Self.maskBank] }
        if pending(0) & mask(0) & configurable(0) != 0 || pending(2) & mask(2) & configurable(2) != 0 { return true }
        return lines.direct.contains { direct in
            mask(UInt32(direct.number / 32)) >> UInt32(direct.number % 32) & 1 != 0 && direct.interrupts.contains(where: interconnect.level)
        }
    }

    // MARK: Pins that nobody drives

    /// Lines 0 to 15 that look for an edge to interrupt the M4, or to wake it, at a pin that nobody drives.
    private var linesInVain: UInt32 {
        let looking = (self[RTSR1.offset] | self[FTSR1.offset]) & (self[C2IMR1.offset] | self[C2EMR1.offset]) & 0xFFFF
        return (0..<16).reduce(0) { lines, pin in
            guard looking >> UInt32(pin) & 1 != 0 else { return lines }
            let port = Int(selectedPort(pin))
            let hasSource = GPIO.Port(rawValue: port).flatMap(interconnect.port)?.hasSource(pin) ?? false
            return hasSource ? lines : lines | 1 << UInt32(pin)
        }
    }

    private func edgeInVain(_ pin: Int) -> UnsupportedFeature {
        let port = Int(selectedPort(pin))
        let name = GPIO.Port(rawValue: port).map { "P\($0.letter)\(pin)" } ?? "port \(port)"
        return unsupported("a level from outside at \(name), line \(pin)", C2IMR1.offset, "IM\(pin)", value: 1, waits: true, "nobody drives the pin, so no edge comes")
    }

    private func tellEdgesInVain() {
        let new = linesInVain & ~state.toldPins
        state.toldPins |= new
        for pin in 0..<16 where new >> UInt32(pin) & 1 != 0 { interconnect.tell { $0.report(.unsupported(edgeInVain(pin))) } }
    }

    override var featuresOn: [UnsupportedFeature] {
        super.featuresOn + (0..<16).filter { linesInVain >> UInt32($0) & 1 != 0 }.map(edgeInVain)
    }

    // MARK: Lines

    /// Whether `line` latched an edge that nobody has cleared.
    public func isPending(_ line: Int) -> Bool {
        guard line >= 0, line < Self.lineCount else { return false }
        let bank = UInt32(line / 32) * Self.edgeBank
        return (self[bank + RPR1.offset] | self[bank + FPR1.offset]) >> UInt32(line % 32) & 1 != 0
    }

    /// An edge at the input of a configurable line; it becomes pending if the line looks for it.
    public func edge(_ line: Int, rising: Bool) {
        guard line >= 0, line < Self.lineCount else { return }
        let bit = UInt32(1) << UInt32(line % 32)
        let trigger = self[UInt32(line / 32) * Self.edgeBank + (rising ? RTSR1.offset : FTSR1.offset)]
        if trigger & bit != 0 { latch(line / 32, bit, rising: rising) }
    }

    /// The GPIO port index (A is 0, Z is 11) that EXTICR connects to line `pin`.
    func selectedPort(_ pin: Int) -> UInt32 {
        self[EXTICRx.offset + UInt32(pin / 4) * 4] >> (UInt32(pin % 4) * 8) & 0xFF
    }

    private func latch(_ number: Int, _ bits: UInt32, rising: Bool) {
        let bank = UInt32(number) * Self.edgeBank
        self[bank + (rising ? RPR1.offset : FPR1.offset)] |= bits
        if self[C2EMR1.offset + UInt32(number) * Self.maskBank] & bits != 0 { interconnect.tell { $0.eventSignalled() } }
        update()
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        if offset < EXTICRx.offset, offset % Self.edgeBank == SWIER1.offset { return 0 }
        return readStored(offset, by: initiator)
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case RTSR1.offset..<EXTICRx.offset:
            let number = Int(offset / Self.edgeBank)
            let lines = configurable(number)
            switch offset % Self.edgeBank {
            case RTSR1.offset, FTSR1.offset: merge(offset, value & lines, lanes: lanes)
            case SWIER1.offset: if value & lines != 0 { latch(number, value & lines, rising: true) }
            case RPR1.offset, FPR1.offset: self[offset] &= ~value
            case TZENR1.offset: if initiator.isSecure { merge(offset, value, lanes: lanes) }
            default: return writeStored(offset, value, lanes: lanes, by: initiator)
            }
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
        switch offset {
        case RTSR1.offset, FTSR1.offset, C2IMR1.offset, C2EMR1.offset: tellEdgesInVain()
        default: break
        }
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        if isTouched { update() }
    }

    private func pending(_ number: UInt32) -> UInt32 { self[number * Self.edgeBank + RPR1.offset] | self[number * Self.edgeBank + FPR1.offset] }

    private func update() {
        let low = pending(0), high = pending(2)
        let toM4 = (low & self[C2IMR1.offset], high & self[C2IMR3.offset])
        for (line, input) in inputs {
            let levels = line < 32 ? toM4.0 : line >= 64 ? toM4.1 : 0
            interconnect.drive(input, levels >> UInt32(line % 32) & 1 != 0)
        }
        tellApplicationProcessors(low & self[C1IMR1.offset], high & self[C1IMR3.offset])
    }

    private func tellApplicationProcessors(_ low: UInt32, _ high: UInt32) {
        let changed = (low ^ state.applicationLow, high ^ state.applicationHigh)
        guard changed != (0, 0) else { return }
        (state.applicationLow, state.applicationHigh) = (low, high)
        for bit in 0..<32 {
            if changed.0 >> UInt32(bit) & 1 != 0 {
                interconnect.tell { $0.report(.applicationProcessorInterrupt(.exti(bit), level: low >> UInt32(bit) & 1 != 0)) }
            }
            if changed.1 >> UInt32(bit) & 1 != 0 {
                interconnect.tell { $0.report(.applicationProcessorInterrupt(.exti(64 + bit), level: high >> UInt32(bit) & 1 != 0)) }
            }
        }
    }
}
