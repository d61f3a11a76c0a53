// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ArgumentParser
import MachineBase

/// A span of virtual time as a person writes it: `250us`, `20ms`, `1.5s`, `2m`.
struct VirtualDuration: ExpressibleByArgument, Equatable, CustomStringConvertible {
    let time: VirtualTime
    private let text: String

    init(seconds: UInt64) {
        time = .seconds(seconds)
        text = "\(seconds)s"
    }

    init?(argument: String) {
        let units: [(suffix: String, nanoseconds: Double)] = [("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9)]
        for unit in units where argument.hasSuffix(unit.suffix) {
            let number = argument.dropLast(unit.suffix.count)
            // Double reads hexadecimal and exponents, too.
            guard !number.isEmpty, number.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }), let value = Double(number) else { continue }
            let nanoseconds = value * unit.nanoseconds
            guard nanoseconds >= 0, nanoseconds < 1e18 else { return nil }
            time = VirtualTime(nanoseconds: UInt64(nanoseconds))
            text = argument
            return
        }
        return nil
    }

    /// - Throws: `ValidationError` that says what is missing.
    static func read(_ argument: String) throws -> VirtualDuration {
        if let duration = VirtualDuration(argument: argument) { return duration }
        let isNumber = !argument.isEmpty && Double(argument) != nil && argument.utf8.allSatisfy { (0x30...0x39).contains($0) || $0 == 0x2E }
        throw ValidationError(isNumber ? "a unit is missing: \(argument)s, \(argument)ms, \(argument)us, \(argument)ns or \(argument)m" : "a number with a unit, as 250us, 20ms, 1.5s, 2m")
    }

    var defaultValueDescription: String { text }
    var description: String { text }
}
