// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// General-purpose I/O port (RM0436, GPIO). Outputs read back; inputs have the level that the host drives, else their pull. A pin with an
/// alternate function is the signal of the block that the chip has there.
public final class GPIO: RegisterBlock {
    public enum Port: Int, CaseIterable, Sendable, CustomStringConvertible {
        case a, b, c, d, e, f, g, h, i, j, k, z
        public var description: String { "GPIO" + "\(letter)" }
        /// `A` to `K`, `Z`.
        public var letter: Character {
            switch self {
            case .a: "A"; case .b: "B"; case .c: "C"; case .d: "D"; case .e: "E"; case .f: "F"
            case .g: "G"; case .h: "H"; case .i: "I"; case .j: "J"; case .k: "K"; case .z: "Z"
            }
        }
    }

    public let port: Port
    private let exti: EXTI

    struct State: BlockState {
        /// Pins that the host drives, and to which level.
        var driven: UInt16 = 0
        var drivenLevels: UInt16 = 0
        /// Pins by what MODER, OTYPER and PUPDR make of them.
        var outputs: UInt16 = 0
        var openDrain: UInt16 = 0
        var analogue: UInt16 = 0xFFFF
        /// Pins with an alternate function, by MODER; of these, those that a block drives, and to which level.
        var alternate: UInt16 = 0
        var blockDriven: UInt16 = 0
        var blockLevels: UInt16 = 0
        var pulledUp: UInt16 = 0
        /// Levels as last told; those of pins with a function, to blocks.
        var toldOutputs: UInt16 = 0
        var toldInputs: UInt16 = 0
        var toldSignals: UInt16 = 0
        /// Pins that firmware drives low, as last told.
        var toldLow: UInt16 = 0
    }
    private var state = State()
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

    init(_ port: Port, on interconnect: Interconnect, exti: EXTI) {
        self.port = port
        self.exti = exti
        super.init(index: Self.index(port.description, on: interconnect), on: interconnect)
        signalPins = interconnect.pins.pins(of: port.rawValue)
    }

    /// Pins at which a block's signal may be. Blocks with signals are made before the ports.
    private var signalPins: UInt16 = 0

    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onRead: [IDR.self], onWrite: [MODER.self, OTYPER.self, PUPDR.self, ODR.self, BSRR.self, LCKR.self, BRR.self, AFRL.self, AFRH.self, SECCFGR.self],
        acting: [MODER.all, OTYPER.all, PUPDR.all, ODR.all, BSRR.all, AFRL.all, AFRH.all, BRR.all],
        // A slew rate; and which pins a lock would hold.
        holding: [OSPEEDR.all, LCKR.LCKx],
        missing: [
            MissingFeature("configuration lock", LCKR.LCKK, effect: "locked pins can be changed all the same"),
            MissingFeature("secure pins", SECCFGR.SECx, named: "SEC", effect: "the M4 reaches them all the same"),
        ])

    // MARK: Pins

    /// Levels of pins that are outputs and driven high; pins of other modes are 0.
    public var outputLevels: UInt16 { UInt16(truncatingIfNeeded: self[ODR.offset]) & state.outputs }

    /// Levels at all pins, as IDR has them.
    public var levels: UInt16 {
        let outside = state.driven & state.drivenLevels | ~state.driven & state.pulledUp
        let pushing = outputs & ~state.openDrain
        // An open-drain output pulls low, or leaves the pin to what is outside.
        let low = outputs & state.openDrain & ~outputData
        return (pushing & outputData | ~pushing & outside & ~low) & ~state.analogue
    }

    /// Pins that firmware drives, by ODR or through a block, and what they are driven to.
    private var outputs: UInt16 { state.outputs | state.blockDriven }
    private var outputData: UInt16 { UInt16(truncatingIfNeeded: self[ODR.offset]) & ~state.blockDriven | state.blockLevels }

    /// Drives `pin` (0-15) from outside; nil lets go of it.
    public func setInput(_ pin: Int, level: Bool?) {
        guard pin >= 0, pin < 16 else { return }
        let bit = UInt16(1) << UInt16(pin)
        state.driven = level == nil ? state.driven & ~bit : state.driven | bit
        state.drivenLevels = level == true ? state.drivenLevels | bit : state.drivenLevels & ~bit
        update()
    }

    /// Whether firmware drives `pin` low.
    func drivesLow(_ pin: Int) -> Bool {
        (outputs & ~outputData) >> UInt16(pin & 15) & 1 != 0
    }

    /// Calls `action` whenever firmware begins or ends to drive `pin` low.
    func watch(_ pin: Int, _ action: @escaping (Bool) -> Void) { watches.append(Watch(pin: pin, action: action)) }

    private struct Watch {
        let pin: Int
        let action: (Bool) -> Void
    }
    private var watches: [Watch] = []

    private func tellWatches() {
        let low = outputs & ~outputData, changed = low ^ state.toldLow
        guard changed != 0 else { return }
        state.toldLow = low
        for watch in watches where changed >> UInt16(watch.pin & 15) & 1 != 0 { watch.action(low >> UInt16(watch.pin & 15) & 1 != 0) }
    }

    /// Whether something may change the level at `pin`: the host, or the firmware's own output.
    func hasSource(_ pin: Int) -> Bool { (state.driven | outputs) >> UInt16(pin & 15) & 1 != 0 }

    // MARK: Alternate functions

    /// AFRL and AFRH have four bits a pin.
    private func function(of pin: UInt32) -> UInt32? {
        guard state.alternate >> UInt16(pin) & 1 != 0 else { return nil }
        return self[pin < 8 ? AFRL.offset : AFRH.offset] >> ((pin & 7) &* 4) & 15
    }

    /// Whether `pin` has this alternate function.
    func carries(_ function: UInt32, at pin: UInt32) -> Bool { self.function(of: pin) == function }

    /// A block drives a signal otherwise that may be at one of the pins.
    func signalChanged() {
        guard isTouched else { return }
        routeSignals()
        update()
    }

    private func routeSignals() {
        guard signalPins != 0 else { return }
        let routed = interconnect.pins.driven(at: port.rawValue) { function(of: $0) }
        (state.blockDriven, state.blockLevels) = (routed.pins, routed.levels)
    }

    private func configure() {
        state.outputs = field(MODER.offset, equals: 1)
        state.analogue = field(MODER.offset, equals: 3)
        state.openDrain = UInt16(truncatingIfNeeded: self[OTYPER.offset])
        state.pulledUp = field(PUPDR.offset, equals: 1)
        state.alternate = field(MODER.offset, equals: 2)
        routeSignals()
    }

    /// Pins whose two-bit field in the register at `offset` is `value`.
    private func field(_ offset: UInt32, equals value: UInt32) -> UInt16 {
        let difference = self[offset] ^ (value &* 0x5555_5555)
        var equal = ~(difference | difference >> 1) & 0x5555_5555
        // Gather the even bits.
        equal = (equal | equal >> 1) & 0x3333_3333
        equal = (equal | equal >> 2) & 0x0F0F_0F0F
        equal = (equal | equal >> 4) & 0x00FF_00FF
        return UInt16(truncatingIfNeeded: equal | equal >> 8)
    }

    // MARK: Registers

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        offset == IDR.offset ? UInt32(levels) : readStored(offset, by: initiator)
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case BSRR.offset: self[ODR.offset] = (self[ODR.offset] & ~(value >> 16) | value) & 0xFFFF  // setting wins
        case BRR.offset: self[ODR.offset] &= ~value
        case ODR.offset: merge(offset, value & 0xFFFF, lanes: lanes)
        case SECCFGR.offset:
            if initiator.isSecure { merge(offset, value, lanes: lanes) }
            return
        case LCKR.offset: merge(offset, value, lanes: lanes)
        case MODER.offset, OTYPER.offset, PUPDR.offset, AFRL.offset, AFRH.offset:
            merge(offset, value, lanes: lanes)
            configure()
            return update(isConfigured: signalPins != 0)
        default: return writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        guard isTouched else { return }
        configure()
        update(isConfigured: signalPins != 0)
    }

    /// - Parameter isConfigured: functions of pins may have changed.
    private func update(isConfigured: Bool = false) {
        tellWatches()
        let driving = outputLevels
        if driving != state.toldOutputs {
            let changed = driving ^ state.toldOutputs
            state.toldOutputs = driving
            interconnect.tell { $0.report(.outputs(port, levels: driving, changed: changed)) }
        }
        let inputs = levels
        var changed = inputs ^ state.toldInputs
        state.toldInputs = inputs
        while changed != 0 {
            let pin = changed.trailingZeroBitCount
            changed &= changed - 1
            if exti.selectedPort(pin) == UInt32(port.rawValue) {
                exti.edge(pin, rising: inputs >> UInt16(pin) & 1 != 0)
            }
        }
        let signals = inputs & state.alternate & signalPins
        if signals != state.toldSignals || isConfigured {
            state.toldSignals = signals
            interconnect.pins.present(port.rawValue)
        }
    }
}
