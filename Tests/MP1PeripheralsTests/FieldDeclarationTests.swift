// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MP1Peripherals
import SecondChip
import Testing

/// Each field of each modelled block acts, is held, is told as missing, or is told by its name.
@Suite struct FieldDeclarationTests {
    private static let chip = SoCDescription.stm32mp157.registers
    private static let modelled = {
        let soc = TestSoC().soc
        return chip.peripherals.filter { soc.isModelled($0.name) }
    }()

    /// Registers that firmware can write, with the fields of each that it can.
    private static func writable(_ block: RegisterMap.Peripheral) -> [(register: RegisterMap.Register, fields: [RegisterMap.Field])] {
        chip.registers(of: block).filter { $0.access != .readOnly }.map { register in
            (register, chip.fields(of: block, at: register.offset).filter { !$0.isReadOnly })
        }
    }

    @Test func noFieldOfAModelledBlockIsUndeclaredByAccident() {
        let soc = TestSoC().soc
        #expect(Self.modelled.count > 60)
        for block in Self.modelled {
            for (register, fields) in Self.writable(block) {
                let undeclared = fields.filter { soc.treatment(of: $0, at: register.offset, of: block) == .undeclared }.map(\.name)
                #expect(undeclared == [], "\(block.name).\(register.name)")
            }
        }
    }

    /// So is each register: those whose fields nobody can write, too.
    @Test func noRegisterOfAModelledBlockIsWithoutAModelByAccident() {
        let chip = TestSoC()
        for block in Self.modelled {
            for register in Self.chip.registers(of: block) { _ = chip.soc.read(block.base + register.offset, width: 4) }
        }
        #expect(chip.host.reports.compactMap(\.location?.description) == [])
    }

    @Test func settingAFieldIsTreatedAsItIsDeclared() {
        var count: [FieldTreatment: Int] = [:]
        for block in Self.modelled {
            for (register, fields) in Self.writable(block) {
                let chip = TestSoC()
                for field in fields {
                    chip.host.features = []
                    chip.soc.write(block.base + register.offset, register.resetValue ^ field.mask, width: 4)
                    let told = chip.host.features.filter { $0.peripheral == block.name && $0.feature.hasPrefix("the field ") }
                    let treatment = chip.soc.treatment(of: field, at: register.offset, of: block)
                    count[treatment ?? .undeclared, default: 0] += 1
                    #expect(told.map(\.field) == (treatment == .undeclared ? [field.name] : []), "\(block.name).\(register.name).\(field.name)")
                }
                // Some word of the block has been written, and nothing of it is without a model.
                #expect(chip.host.reports == [], "\(block.name).\(register.name)")
            }
        }
        #expect((count[.acts] ?? 0) > 2000 && (count[.holds] ?? 0) > 1000 && (count[.missing] ?? 0) > 300, "\(count)")
    }

    /// The CRC unit's control register with fields that no model knows.
    private static let more: SoCDescription = {
        var chip = SoCDescription.stm32mp157
        chip.registers = chip.registers.adding([("WIDE", 8, 4), ("PART", 10, 1), ("TOP", 31, 1)], to: "CR", of: "CRC1")
        return chip
    }()

    @Test func aFieldThatNoModelKnowsIsToldOnceByItsName() {
        let chip = TestSoC(of: Self.more)
        chip["CRC1.CR"] = 1 << 3
        #expect(chip.host.features.isEmpty)
        chip.host.nowCycles = 77
        chip["CRC1.CR"] = 0xA00 | 1 << 3
        #expect(chip.host.features.map(\.description) == [
            "CRC1: the field WIDE (CR.WIDE = 10 at 0x58009008) is not modelled: it stores what is written, and nothing follows",
        ])
        #expect(chip.host.features.map(\.cycle) == [77] && chip.host.features.map(\.leavesWaiting) == [false])
        chip["CRC1.CR"] = 0x500
        chip["CRC1.CR"] = 1 << 31
        #expect(chip.host.features.map(\.field) == ["WIDE", "TOP"])
        #expect(chip.soc.unsupportedFeaturesOn.map(\.field) == ["TOP"])
        chip["CRC1.CR"] = 0
        #expect(chip.soc.unsupportedFeaturesOn.isEmpty)
    }

    @Test func whatWasToldStaysToldInASavedState() {
        let chip = TestSoC(of: Self.more)
        let untouched = chip.soc.state
        chip["CRC1.CR"] = 1 << 31
        let told = chip.soc.state
        chip.soc.state = untouched
        chip["CRC1.CR"] = 1 << 31
        #expect(chip.host.features.count == 2)
        chip.soc.state = told
        chip["CRC1.CR"] = 0
        chip["CRC1.CR"] = 1 << 31 | 1 << 8
        #expect(chip.host.features.map(\.field) == ["TOP", "TOP", "WIDE"])
    }

    @Test func partsOfAWordAreJudgedByThemselves() {
        let chip = TestSoC(of: Self.more)
        chip.soc.write(chip.address("CRC1.CR"), 0x08, width: 1)
        chip.soc.write(chip.address("CRC1.CR") + 1, 0x03, width: 1)
        #expect(chip.host.features.map { "\($0.field) = \($0.value)" } == ["WIDE = 3"])
    }
}
