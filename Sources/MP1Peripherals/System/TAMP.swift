/// Tamper detection and backup registers (RM0436, TAMP). Only the backup registers do anything; they live through every reset
/// but power-on.
public final class TAMP: RegisterBlock {
    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onWrite: [SCR.self],
        storageOnly: [
            CR1.self, CR2.self, FLTCR.self, ATCR1.self, ATSEEDR.self, ATOR.self, SMCR.self, IER.self, SR.self, MISR.self, SMISR.self, COUNTR.self,
            CFGR.self, BKPxR.self, SCR.self,
        ],
        missing: [
            MissingFeature("tamper detection", CR1.TAMP1E, CR1.TAMP2E, CR1.TAMP3E, named: "TAMPE", waits: true, effect: "no tamper event comes"),
            MissingFeature("monotonic counter", COUNTR.COUNT, effect: "it stores what is written"),
        ])

    /// Backup register `number`, 0 to 31. ST's software keeps the address of the M4's resource table in 17 and the M4's state
    /// in 18.
    public subscript(backupRegister number: Int) -> UInt32 {
        get { number >= 0 && number < 32 ? self[BKPxR.offset(UInt32(number))] : 0 }
        set { if number >= 0, number < 32 { self[BKPxR.offset(UInt32(number))] = newValue } }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        if offset == SCR.offset { self[SR.offset] &= ~value } else { writeStored(offset, value, lanes: lanes, by: initiator) }
    }

    override func reset(_ kind: SoC.Reset) {
        if kind == .powerOn { super.reset(kind) }
    }
}
