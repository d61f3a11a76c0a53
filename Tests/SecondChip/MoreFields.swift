// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap
import Chips

extension RegisterMap {
    /// A map like this one in which `register` of `peripheral` has these fields, too. Its tables are never freed: for a constant.
    ///
    /// - Parameter fields: names, lowest bits and widths.
    public func adding(_ fields: [(name: String, bit: UInt32, width: UInt32)], to register: String, of peripheral: String) -> RegisterMap {
        let old = tables.pointee
        let index = register_map_peripheral_named(tables, peripheral)
        let number = index < 0 ? -1 : register_map_register_named(tables, UInt32(index), register)
        guard number >= 0 else { preconditionFailure("no \(peripheral).\(register)") }
        let blocks = UnsafeBufferPointer(start: old.peripherals, count: Int(old.peripheral_count))
        let registerCount = blocks.map { Int($0.first_register) + Int($0.register_count) }.max() ?? 0
        let fieldCount = UnsafeBufferPointer(start: old.registers, count: registerCount).map { Int($0.first_field) + Int($0.packed >> 25) }.max() ?? 0

        // The register's own fields again, and the new ones behind them; names behind all names.
        let subject = old.registers[Int(number)]
        let own = (0..<Int(subject.packed >> 25)).map { old.fields[Int(subject.first_field) + $0] }
        var names = (0..<Self.length(of: old, fieldCount: fieldCount)).map { old.field_names[$0] }
        var more: [register_map_field] = []
        for field in fields {
            more.append(register_map_field(packed: UInt32(names.count) | field.bit << 21 | (field.width - 1) << 26))
            names += field.name.utf8CString
        }
        let text = UnsafeMutablePointer<CChar>.allocate(capacity: names.count)
        text.initialize(from: names, count: names.count)
        let all = (0..<fieldCount).map { old.fields[$0] } + own + more
        let table = UnsafeMutablePointer<register_map_field>.allocate(capacity: all.count)
        table.initialize(from: all, count: all.count)
        let registers = UnsafeMutablePointer<register_map_register>.allocate(capacity: registerCount)
        registers.initialize(from: old.registers, count: registerCount)
        registers[Int(number)].first_field = UInt16(fieldCount)
        registers[Int(number)].packed = subject.packed & ~(0x7F << 25) | UInt32(own.count + more.count) << 25

        var map = old
        map.registers = UnsafePointer(registers)
        map.fields = UnsafePointer(table)
        map.field_names = UnsafePointer(text)
        let result = UnsafeMutablePointer<register_map>.allocate(capacity: 1)
        result.initialize(to: map)
        return RegisterMap(result)
    }

    /// Bytes of all names of fields.
    private static func length(of map: register_map, fieldCount: Int) -> Int {
        (0..<fieldCount).map { place in
            let start = Int(register_map_field_name(map.fields[place]))
            return start + String(cString: map.field_names + start).utf8.count + 1
        }.max() ?? 0
    }
}
