/// Power control (RM0436, PWR): regulators are ready as soon as they are enabled.
public final class PWR: RegisterBlock {
    private enum Offset {
        static let cr2: UInt32 = 0x08
        static let cr3: UInt32 = 0x0C
        static let mpucr: UInt32 = 0x10
        static let mcucr: UInt32 = 0x14
        static let wkupcr: UInt32 = 0x20
        static let wkupfr: UInt32 = 0x24
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x30] }
    override var missingFeatures: [MissingFeature] { Self.missing }
    private static let missing = [
        MissingFeature("voltage detector", "PVDEN", .init(0x00, 1 << 4), waits: true, effect: "the supply never falls"),
        MissingFeature("analogue voltage detector", "AVDEN", .init(0x00, 1 << 16), waits: true, effect: "the supply never falls"),
        MissingFeature("battery and temperature monitor", "MONEN", .init(Offset.cr2, 1 << 4), waits: true, effect: "neither leaves its range"),
        MissingFeature("wake-up pins", "WKUPEN", .init(0x2C, 0x3F), waits: true, effect: "no edge comes"),
    ]

    /// MCUCR.PDDS: the M4's domain may go to Standby. Linux clears it to start the M4 and sets it after stopping it.
    public var isMCUStandbyAllowed: Bool { self[Offset.mcucr] & 1 != 0 }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case Offset.cr2:  // BRRDY, RRRDY follow BREN, RREN
            return self[offset] & ~(3 << 16) | (self[offset] & 3) << 16
        case Offset.cr3:  // USB33RDY, REG18RDY, REG11RDY follow their enable bits
            let value = self[offset]
            return value & ~(1 << 26 | 1 << 29 | 1 << 31)
                | (value >> 24 & 1) << 26 | (value >> 28 & 1) << 29 | (value >> 30 & 1) << 31
        default:
            return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case Offset.mpucr, Offset.mcucr:
            // Flags are read-only; CSSF clears them and reads 0.
            let flags: UInt32 = 7 << 5
            let cleared: UInt32 = value & 1 << 9 != 0 ? flags : 0
            merge(offset, value & ~(flags | 1 << 9), lanes: lanes & ~flags)
            self[offset] &= ~cleared
        case Offset.wkupcr:
            self[Offset.wkupfr] &= ~(value & 0x3F)
            merge(offset, value & ~0x3F, lanes: lanes)
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
    }
}
