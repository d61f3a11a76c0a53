// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import M4Board
import MP1Peripherals
import MachineBase

/// Each block of the chip, by address, with how much of it is modelled, as the models themselves declare it.
struct PeripheralListing: Listing {
    struct Missing: Encodable {
        let feature: String, effect: String, leavesWaiting: Bool, fields: [String]
    }
    /// Fields that firmware can write.
    struct Fields: Encodable { let acting: Int, held: Int, missing: Int, undeclared: Int }
    struct Entry: Encodable {
        let name: String, group: String, address: UInt32, size: UInt32, model: String, fields: Fields, missing: [Missing]
    }
    let entries: [Entry]

    /// - Throws: `BoardError` where there can be no machine to ask.
    init() throws {
        let soc = try M4Board(M4Board.Configuration(.chosen)).soc
        entries = SoCDescription.chosen.registers.peripherals.map { block in
            let fidelity = soc.fidelity(of: block)
            func count(_ treatment: FieldTreatment) -> Int { fidelity.fields[treatment, default: 0] }
            return Entry(
                name: block.name, group: block.group, address: block.base, size: block.size, model: fidelity.kind.rawValue,
                fields: Fields(acting: count(.acts), held: count(.holds), missing: count(.missing), undeclared: count(.undeclared)),
                missing: fidelity.missing.map { Missing(feature: $0.feature, effect: $0.effect, leavesWaiting: $0.leavesWaiting, fields: $0.fields) })
        }
    }

    func cells(_ entry: Entry) -> [String] {
        let missing = entry.missing.map(\.feature).joined(separator: ", ")
        return [entry.name, hex32(entry.address), entry.model, missing.isEmpty ? "" : "missing: " + missing]
    }
}
