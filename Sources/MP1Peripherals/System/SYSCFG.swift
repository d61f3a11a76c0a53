// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// System configuration controller (RM0436, SYSCFG): boot pins, Ethernet and analogue switches, I/O compensation.
public final class SYSCFG: RegisterBlock {
    private let bootPins: UInt32

    init(on interconnect: Interconnect, configuration: SoCConfiguration) {
        bootPins = configuration.bootPins
        super.init(index: Self.index("SYSCFG", on: interconnect), on: interconnect)
    }

    override var map: BlockMap { Self.map }
    private static var pairs: [any Register.Type] {
        [PMCSETR.self, PMCCLRR.self, IOCTRLSETR.self, IOCTRLCLRR.self, CMPENSETR.self, CMPENCLRR.self]
    }
    private static let map = BlockMap(
        onRead: pairs + [BOOTR.self, CMPCR.self], onWrite: pairs,
        acting: [BOOTR.all, CMPENSETR.all, CMPENCLRR.all, CMPCR.READY],
        // Analogue switches, pads' speed and strength, Ethernet's pins, priorities on the AXI bus, and what stops outputs of timers.
        holding: [
            PMCSETR.all, PMCCLRR.all, IOCTRLSETR.all, IOCTRLCLRR.all, ICNR.all, CBR.all,
            CMPCR.SW_CTRL, CMPCR.RANSRC, CMPCR.RAPSRC, CMPCR.ANSRC, CMPCR.APSRC,
        ])

    /// The register that holds the bits which `offset` sets or clears.
    private static func pair(_ offset: UInt32) -> (set: UInt32, isClear: Bool)? {
        switch offset {
        case PMCSETR.offset: (PMCSETR.offset, false)
        case PMCCLRR.offset: (PMCSETR.offset, true)
        case IOCTRLSETR.offset: (IOCTRLSETR.offset, false)
        case IOCTRLCLRR.offset: (IOCTRLSETR.offset, true)
        case CMPENSETR.offset: (CMPENSETR.offset, false)
        case CMPENCLRR.offset: (CMPENSETR.offset, true)
        default: nil
        }
    }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        switch offset {
        case BOOTR.offset: return self[offset] & (BOOTR.BOOT0_PD.mask | BOOTR.BOOT1_PD.mask | BOOTR.BOOT2_PD.mask) | bootPins
        case CMPCR.offset:
            // The compensation cell is ready as soon as either processor has enabled it: MPU_EN and MCU_EN, which the description lacks.
            var value = self[offset]
            value[CMPCR.READY] = self[CMPENSETR.offset] & 3 != 0 ? 1 : 0
            return value
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
