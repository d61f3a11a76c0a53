/// General-purpose I/O port (RM0436, GPIO). Outputs read back; inputs have the level that the host drives, else their pull.
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

    private enum Offset {
        static let moder: UInt32 = 0x00
        static let otyper: UInt32 = 0x04
        static let pupdr: UInt32 = 0x0C
        static let idr: UInt32 = 0x10
        static let odr: UInt32 = 0x14
        static let bsrr: UInt32 = 0x18
        static let lckr: UInt32 = 0x1C
        static let brr: UInt32 = 0x28
    }

    public let port: Port
    private let exti: EXTI
    /// Pins that the host drives, and to which level.
    private var driven: UInt16 = 0
    private var drivenLevels: UInt16 = 0
    /// Pins by what MODER, OTYPER and PUPDR make of them.
    private var outputs: UInt16 = 0
    private var openDrain: UInt16 = 0
    private var analogue: UInt16 = 0xFFFF
    private var pulledUp: UInt16 = 0
    private var toldOutputs: UInt16 = 0
    private var toldInputs: UInt16 = 0

    init(_ port: Port, on interconnect: Interconnect, exti: EXTI) {
        self.port = port
        self.exti = exti
        super.init(index: Self.index(port.description, on: interconnect), on: interconnect)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x2C, 0x30..<0x34] }
    override var missingFeatures: [MissingFeature] { Self.missing }
    private static let missing = [MissingFeature("configuration lock", "LCKK", .init(Offset.lckr, 1 << 16), effect: "locked pins can be changed all the same")]

    // MARK: Pins

    /// Levels of pins that are outputs and driven high; pins of other modes are 0.
    public var outputLevels: UInt16 { UInt16(truncatingIfNeeded: self[Offset.odr]) & outputs }

    /// Levels at all pins, as IDR has them.
    public var levels: UInt16 {
        let odr = UInt16(truncatingIfNeeded: self[Offset.odr])
        let outside = driven & drivenLevels | ~driven & pulledUp
        let pushing = outputs & ~openDrain
        // An open-drain output pulls low, or leaves the pin to what is outside.
        let low = outputs & openDrain & ~odr
        return (pushing & odr | ~pushing & outside & ~low) & ~analogue
    }

    /// Drives `pin` (0-15) from outside; nil lets go of it.
    public func setInput(_ pin: Int, level: Bool?) {
        guard pin >= 0, pin < 16 else { return }
        let bit = UInt16(1) << UInt16(pin)
        driven = level == nil ? driven & ~bit : driven | bit
        drivenLevels = level == true ? drivenLevels | bit : drivenLevels & ~bit
        update()
    }

    /// Whether something may change the level at `pin`: the host, or the firmware's own output.
    func hasSource(_ pin: Int) -> Bool { (driven | outputs) >> UInt16(pin & 15) & 1 != 0 }

    private func configure() {
        outputs = field(Offset.moder, equals: 1)
        analogue = field(Offset.moder, equals: 3)
        openDrain = UInt16(truncatingIfNeeded: self[Offset.otyper])
        pulledUp = field(Offset.pupdr, equals: 1)
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
        offset == Offset.idr ? UInt32(levels) : readStored(offset, by: initiator)
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case Offset.bsrr: self[Offset.odr] = (self[Offset.odr] & ~(value >> 16) | value) & 0xFFFF  // setting wins
        case Offset.brr: self[Offset.odr] &= ~value
        case Offset.odr: merge(offset, value & 0xFFFF, lanes: lanes)
        case Offset.lckr: merge(offset, value, lanes: lanes)
        case Offset.moder, Offset.otyper, Offset.pupdr:
            merge(offset, value, lanes: lanes)
            configure()
        default: return writeStored(offset, value, lanes: lanes, by: initiator)
        }
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        guard isTouched else { return }
        configure()
        update()
    }

    private func update() {
        let driving = outputLevels
        if driving != toldOutputs {
            let changed = driving ^ toldOutputs
            toldOutputs = driving
            interconnect.host.gpioOutputsChanged(port, levels: driving, changed: changed)
        }
        let inputs = levels
        var changed = inputs ^ toldInputs
        toldInputs = inputs
        while changed != 0 {
            let pin = changed.trailingZeroBitCount
            changed &= changed - 1
            if exti.selectedPort(pin) == UInt32(port.rawValue) {
                exti.edge(pin, rising: inputs >> UInt16(pin) & 1 != 0)
            }
        }
    }
}
