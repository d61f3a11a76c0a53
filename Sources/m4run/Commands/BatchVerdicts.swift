// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import MachineBase
import SecureLoader

/// `verify --batch`: a line a case, `label TAB result TAB name TAB table`.
///
/// The result is 8 hex digits; the table is `0x` physical address `:0x` size, or `-`. Control characters and backslashes of a label
/// are written as `\xNN`; so is everything beyond ASCII in a label that is not UTF-8, or would steer a terminal.
struct BatchVerdicts {
    let judge: ImageJudge

    func run(_ path: String) throws {
        var pack = try ImagePack(path)
        var line: [UInt8] = []
        var progress = ProgressLine(counting: "images")
        defer { progress.clear() }
        // With nobody to read the lines, there is nobody to judge for.
        while Console.hasReader(), let (label, image) = try pack.next() {
            line.removeAll(keepingCapacity: true)
            append(label, judge.verdict(on: image), to: &line)
            // At once: who writes the pack may wait for it before the next case.
            Console.data(line)
            progress.step(pack.part)
        }
    }

    private func append(_ label: [UInt8], _ verdict: LoadVerdict, to output: inout [UInt8]) {
        // Beyond ASCII text stays, unless something in it steers, or it is none.
        let keepsUpper = label.allSatisfy { $0 < 0x80 }
            || String(validating: label, as: UTF8.self)?.unicodeScalars.contains { $0.value >= 0x80 && ForeignText.isSteering($0) } == false
        for byte in label {
            if byte < 0x20 || byte == 0x7F || byte == 0x5C || byte >= 0x80 && !keepsUpper {
                output += [0x5C, 0x78, Self.digit(byte >> 4), Self.digit(byte)]
            } else {
                output.append(byte)
            }
        }
        output.append(0x09)
        Self.hex(verdict.result.rawValue, to: &output)
        output.append(0x09)
        output += verdict.result.name.utf8
        output.append(0x09)
        if let table = verdict.resourceTable {
            output += [0x30, 0x78]
            Self.hex(table.start.value, to: &output)
            output += [0x3A, 0x30, 0x78]
            output += String(table.size, radix: 16).utf8
        } else {
            output.append(0x2D)
        }
        output.append(0x0A)
    }

    private static func digit(_ nibble: UInt8) -> UInt8 { nibble & 15 < 10 ? 0x30 + nibble & 15 : 0x57 + nibble & 15 }

    private static func hex(_ value: UInt32, to output: inout [UInt8]) {
        for shift in stride(from: 28, through: 0, by: -4) { output.append(digit(UInt8(truncatingIfNeeded: value >> UInt32(shift)) & 15)) }
    }
}
