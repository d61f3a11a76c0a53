// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap
import Chips

extension RegisterMap {
    /// A map like this one in which pairs of blocks have changed places, and pairs of interrupts their lines. Its tables are never freed: for
    /// a constant.
    func exchanging(_ blocks: [(String, String)], interrupts: [(String, String)]) -> RegisterMap {
        let count = Int(tables.pointee.peripheral_count)
        let moved = UnsafeMutablePointer<register_map_peripheral>.allocate(capacity: count)
        moved.initialize(from: tables.pointee.peripherals, count: count)
        // Where each block has gone.
        var place = Array(0..<count)
        for (first, second) in blocks {
            guard let a = peripheral(named: first)?.index, let b = peripheral(named: second)?.index else { preconditionFailure("no \(first), or no \(second)") }
            place.swapAt(a, b)
            // Base and size are the place's.
            swap(&moved[a].name, &moved[b].name)
            swap(&moved[a].group, &moved[b].group)
            swap(&moved[a].first_register, &moved[b].first_register)
            swap(&moved[a].register_count, &moved[b].register_count)
        }
        let names = UnsafeMutablePointer<UInt16>.allocate(capacity: interruptCount)
        names.initialize(from: tables.pointee.interrupt_names, count: interruptCount)
        for (first, second) in interrupts {
            guard let a = interrupt(named: first), let b = interrupt(named: second) else { preconditionFailure("no \(first), or no \(second)") }
            swap(&names[a], &names[b])
        }
        func lines(_ old: UnsafePointer<register_map_line>, _ count: UInt32) -> UnsafePointer<register_map_line> {
            let new = UnsafeMutablePointer<register_map_line>.allocate(capacity: Int(count))
            for index in 0..<Int(count) {
                var line = old[index]
                line.peripheral = UInt8(place[Int(line.peripheral)])
                (new + index).initialize(to: line)
            }
            return UnsafePointer(new)
        }
        var map = tables.pointee
        map.peripherals = UnsafePointer(moved)
        map.interrupt_names = UnsafePointer(names)
        map.reset_lines = lines(map.reset_lines, map.reset_line_count)
        map.clock_gates = lines(map.clock_gates, map.clock_gate_count)
        let result = UnsafeMutablePointer<register_map>.allocate(capacity: 1)
        result.initialize(to: map)
        return RegisterMap(result)
    }
}
