/// Tamper detection and backup registers (RM0436, TAMP). Only the backup registers do anything; they live through every reset
/// but power-on.
public final class TAMP: RegisterBlock {
    private static let backup: UInt32 = 0x100

    override var missingFeatures: [MissingFeature] { Self.missing }
    private static let missing = [
        MissingFeature("tamper detection", "TAMPE", .init(0x00, 7), waits: true, effect: "no tamper event comes"),
        MissingFeature("monotonic counter", "COUNT", .init(0x40, ~0), effect: "it stores what is written"),
    ]

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x24, 0x2C..<0x54, 0x100..<0x180] }

    /// Backup register `number`, 0 to 31. ST's software keeps the address of the M4's resource table in 17 and the M4's state
    /// in 18.
    public subscript(backupRegister number: Int) -> UInt32 {
        get { number >= 0 && number < 32 ? self[Self.backup + UInt32(number) * 4] : 0 }
        set { if number >= 0, number < 32 { self[Self.backup + UInt32(number) * 4] = newValue } }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        if offset == 0x3C { self[0x30] &= ~value } else { writeStored(offset, value, lanes: lanes, by: initiator) }  // SCR, SR
    }

    override func reset(_ kind: SoC.Reset) {
        if kind == .powerOn { super.reset(kind) }
    }
}
