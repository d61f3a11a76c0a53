// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Power control (RM0436, PWR): regulators are ready as soon as they are enabled.
public final class PWR: RegisterBlock {
    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onRead: [CR2.self, CR3.self], onWrite: [MPUCR.self, MCUCR.self, WKUPCR.self],
        acting: [CR2.BREN, CR2.RREN, CR3.USB33DEN, CR3.REG18EN, CR3.REG11EN, MPUCR.CSSF, MCUCR.PDDS, MCUCR.CSSF, WKUPCR.WKUPC, WKUPFR.all],
        holding: [
            // Nothing of the system ever stops or stands by, the backup domain is always open, and a battery or the DDR memory is nobody's.
            CR1.LPDS, CR1.LPCFG, CR1.LVDS, CR1.DBP, CR3.VBE, CR3.VBRS, CR3.DDRSREN, CR3.DDRSRDIS, CR3.DDRRETEN, CR3.POPL, MPUCR.PDDS, MPUCR.CSTBYDIS,
            MPUWKUPENR.all,
            // Of what is missing: levels of the detectors, edges and pulls of the wake-up pins.
            CR1.PLS, CR1.ALS, WKUPCR.WKUPPx, WKUPCR.WKUPPUPDx, CSR1.all,
        ],
        missing: [
            MissingFeature("voltage detector", CR1.PVDEN, waits: true, effect: "the supply never falls"),
            MissingFeature("analogue voltage detector", CR1.AVDEN, waits: true, effect: "the supply never falls"),
            MissingFeature("battery and temperature monitor", CR2.MONEN, waits: true, effect: "neither leaves its range"),
            MissingFeature("wake-up pins", MCUWKUPENR.WKUPEN, waits: true, effect: "no edge comes"),
        ])

    /// MCUCR.PDDS: the M4's domain may go to Standby. Linux clears it to start the M4 and sets it after stopping it.
    public var isMCUStandbyAllowed: Bool { has(MCUCR.PDDS) }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        var value = self[offset]
        switch offset {
        case CR2.offset:
            value[CR2.BRRDY] = value[CR2.BREN]
            value[CR2.RRRDY] = value[CR2.RREN]
        case CR3.offset:
            value[CR3.USB33RDY] = value[CR3.USB33DEN]
            value[CR3.REG18RDY] = value[CR3.REG18EN]
            value[CR3.REG11RDY] = value[CR3.REG11EN]
        default: break
        }
        return value
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case MPUCR.offset, MCUCR.offset:
            // Flags are read-only; CSSF clears them and reads 0.
            let flags = MPUCR.STOPF.mask | MPUCR.SBF.mask | MPUCR.SBFMPU.mask
            let cleared = value.has(MPUCR.CSSF) ? flags : 0
            merge(offset, value & ~(flags | MPUCR.CSSF.mask), lanes: lanes & ~flags)
            self[offset] &= ~cleared
        case WKUPCR.offset:
            self[WKUPFR.offset] &= ~(value & WKUPCR.WKUPC.mask)
            merge(offset, value & ~WKUPCR.WKUPC.mask, lanes: lanes)
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
    }
}
