// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Tamper detection and backup registers (RM0436, TAMP). Only the backup registers do anything; they live through every reset
/// but power-on.
public final class TAMP: RegisterBlock {
    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onWrite: [SCR.self, SMCR.self],
        acting: [SCR.all, BKPxR.all],
        // How tampering would be detected, and interrupts of it.
        holding: [CR2.all, FLTCR.all, ATCR1.all, ATSEEDR.all, ATOR.all, IER.all, SR.all, MISR.all, SMISR.all, CFGR.all],
        missing: [
            MissingFeature("tamper detection", CR1.TAMP1E, CR1.TAMP2E, CR1.TAMP3E, named: "TAMPE", waits: true, effect: "no tamper event comes"),
            MissingFeature(
                "internal tamper detection", CR1.ITAMP1E, CR1.ITAMP2E, CR1.ITAMP3E, CR1.ITAMP4E, CR1.ITAMP5E, CR1.ITAMP8E, named: "ITAMPE",
                waits: true, effect: "no tamper event comes"),
            MissingFeature(
                "protection of backup registers", SMCR.BKPRWDPROT, SMCR.BKPWDPROT, SMCR.TAMPDPROT, effect: "the M4 reaches them all the same"),
            MissingFeature("monotonic counter", COUNTR.COUNT, effect: "it stores what is written"),
        ])

    /// Backup register `number`, 0 to 31. ST's software keeps the address of the M4's resource table in 17 and the M4's state
    /// in 18.
    public subscript(backupRegister number: Int) -> UInt32 {
        get { number >= 0 && number < 32 ? self[BKPxR.offset(UInt32(number))] : 0 }
        set { if number >= 0, number < 32 { self[BKPxR.offset(UInt32(number))] = newValue } }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case SCR.offset: self[SR.offset] &= ~value
        default: if initiator.isSecure { writeStored(offset, value, lanes: lanes, by: initiator) }
        }
    }

    override func reset(_ kind: SoC.Reset) {
        if kind == .powerOn { super.reset(kind) }
    }
}
