// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap

/// What was told of the gaps in a block's model, each once.
struct ToldGaps: Equatable, Sendable {
    /// By the map's missing features; empty while there were none.
    var features: [Bool] = []
    /// Undeclared fields, by their register's offset.
    var fields: [UInt32: UInt32] = [:]
}

/// Findings on what a block's map says is missing, and on fields that it does not declare.
extension RegisterBlock {
    /// Tells what a write has asked for that the model does not have.
    ///
    /// - Parameters:
    ///   - value: what was written to the bytes of the word at `offset` that `lanes` covers; zero elsewhere.
    ///   - old: the word before.
    ///   - takesRequests: a missing feature may be asked for by the write itself.
    final func lookForGaps(_ offset: UInt32, _ value: UInt32, lanes: UInt32, old: UInt32, takesRequests: Bool) {
        if let undeclared, (value ^ old) & lanes & undeclared[Int(offset / 4)] != 0 { fieldsWritten(offset, old & ~lanes | value, old: old) }
        if self[offset] != old { featuresChanged(at: offset) { $0.isOn(in: self) ? self[$0.conditions[0].offset] : nil } }
        if takesRequests, value != 0 { featuresChanged(at: offset) { $0.isRequest && $0.conditions[0].holds(value) ? value : nil } }
    }

    final var missingFeaturesOn: [UnsupportedFeature] {
        zip(map.missing, told.features).filter { $1 && $0.isOn(in: self) }.map { $0.0.found(in: self) }
    }

    /// Tells which undeclared fields a write to the word at `offset` has set to something else than before and than after reset, once each.
    ///
    /// - Parameter value: the word with the bytes that were written.
    private func fieldsWritten(_ offset: UInt32, _ value: UInt32, old: UInt32) {
        let word = Int(offset / 4)
        guard let undeclared else { return }
        forEachField(of: offset, in: undeclared[word]) { field, register in
            let mask = register_map_field_mask(field)
            guard (value ^ old) & mask != 0, (value ^ register.pointee.reset_value) & mask != 0 else { return }
            told.fields[offset, default: 0] |= mask
            undeclared[word] &= ~mask
            let finding = undeclaredField(field, of: register, value: value)
            interconnect.tell { $0.report(.unsupported(finding)) }
        }
    }

    /// Writable fields of the register at `offset` that have any bit of `mask`; of two that overlap, the one that comes first in the chip's tables.
    private func forEachField(of offset: UInt32, in mask: UInt32, _ body: (register_map_field, UnsafePointer<register_map_register>) -> Void) {
        let number = register_map_register_at(interconnect.map, UInt32(index), offset)
        guard number >= 0 else { return }
        let register = interconnect.map.pointee.registers + Int(number)
        var seen: UInt32 = 0
        for place in 0..<Int(register_map_field_count(register)) {
            let field = interconnect.map.pointee.fields[Int(register.pointee.first_field) + place], bits = register_map_field_mask(field)
            guard register_map_field_is_read_only(field) == 0, bits & mask != 0, bits & seen == 0 else { continue }
            seen |= bits
            body(field, register)
        }
    }

    /// Undeclared fields that were told and are set to something else than after reset.
    final var undeclaredFieldsOn: [UnsupportedFeature] {
        var found: [UnsupportedFeature] = []
        for (offset, mask) in told.fields.sorted(by: { $0.key < $1.key }) {
            forEachField(of: offset, in: mask) { field, register in
                if (self[offset] ^ register.pointee.reset_value) & register_map_field_mask(field) != 0 {
                    found.append(undeclaredField(field, of: register, value: self[offset]))
                }
            }
        }
        return found
    }

    /// Tells what of the map's missing features that look at the word at `offset` was asked for, once each.
    ///
    /// - Parameter value: of the register with the feature's field, if it was.
    private func featuresChanged(at offset: UInt32, _ value: (MissingFeature) -> UInt32?) {
        let features = map.missing
        // A restored state may be of a block with another device on its bus, whose map has a row less.
        if told.features.count < features.count { told.features += [Bool](repeating: false, count: features.count - told.features.count) }
        for (row, feature) in features.enumerated() where !told.features[row] && feature.conditions.contains(where: { $0.offset == offset }) {
            guard let value = value(feature) else { continue }
            told.features[row] = true
            interconnect.tell { $0.report(.unsupported(feature.found(in: self, value: value))) }
        }
    }
}
