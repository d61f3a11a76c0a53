/// System configuration controller (RM0436, SYSCFG): boot pins, Ethernet and analogue switches, I/O compensation.
public final class SYSCFG: RegisterBlock {
    private let bootPins: UInt32

    private static let bootr: UInt32 = 0x00
    private static let cmpcr: UInt32 = 0x20
    private static let compensationReady: UInt32 = 1 << 8
    private static let compensationEnable: UInt32 = 0x24

    init(on interconnect: Interconnect, configuration: SoCConfiguration) {
        bootPins = configuration.bootPins
        super.init(index: Self.index("SYSCFG", on: interconnect), on: interconnect)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x60] }

    /// The register that holds the bits which `offset` sets or clears.
    private static func pair(_ offset: UInt32) -> (set: UInt32, isClear: Bool)? {
        switch offset {
        case 0x04: (0x04, false)  // PMCSETR, PMCCLRR
        case 0x44: (0x04, true)
        case 0x18: (0x18, false)  // IOCTRLSETR, IOCTRLCLRR
        case 0x58: (0x18, true)
        case 0x24: (0x24, false)  // CMPENSETR, CMPENCLRR
        case 0x28: (0x24, true)
        default: nil
        }
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case Self.bootr: return self[offset] & 0x70 | bootPins
        case Self.cmpcr:
            // The compensation cell is ready as soon as either processor has enabled it.
            let ready = self[Self.compensationEnable] & 3 != 0 ? Self.compensationReady : 0
            return self[offset] & ~Self.compensationReady | ready
        default:
            if let pair = Self.pair(offset) { return self[pair.set] }
            return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        if let pair = Self.pair(offset) {
            if pair.isClear { self[pair.set] &= ~value } else { self[pair.set] |= value }
        } else {
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
    }
}
