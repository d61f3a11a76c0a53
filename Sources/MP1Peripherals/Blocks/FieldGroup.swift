// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Fields of a block that its map says something of: one field, several that are alike, or all of a register.
protocol FieldGroup {
    /// Bytes from the block's base to a register, and the fields' bits in that; a register may come more than once.
    var places: [(offset: UInt32, mask: UInt32)] { get }
}

extension Field: FieldGroup {
    var places: [(offset: UInt32, mask: UInt32)] { [(offset, mask)] }
}

extension FieldArray: FieldGroup {
    var places: [(offset: UInt32, mask: UInt32)] { [(offset, mask)] }
}

/// The same bits of registers that are alike.
struct SameFields: FieldGroup {
    let places: [(offset: UInt32, mask: UInt32)]
}

extension Register {
    /// All fields of the register, and of those that are alike with it.
    static var all: SameFields { SameFields(places: (0..<count).map { (offset &+ $0 &* stride, ~0) }) }

    /// All fields of the registers from this one through `last`.
    static func through(_ last: any Register.Type) -> SameFields {
        SameFields(places: Swift.stride(from: offset, to: max(offset, last.span.upperBound), by: 4).map { ($0, ~0) })
    }
}

extension RegisterArray {
    /// These fields, of each of the registers.
    static func each(_ fields: Field...) -> SameFields {
        let mask = fields.reduce(0) { $0 | $1.mask }
        return SameFields(places: (0..<count).map { (offset &+ $0 &* stride, mask) })
    }
}
