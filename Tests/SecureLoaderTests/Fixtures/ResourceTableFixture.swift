// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Resource tables as firmware has them.
enum ResourceTableFixture {
    /// An rpmsg device with two rings wherever Linux puts them, and a trace buffer at `traceAddress`.
    static func table(traceAddress: UInt32?) -> [UInt8] {
        var entries: [[UInt8]] = [vdev]
        if let traceAddress { entries.append(trace(traceAddress, 0x100)) }
        return table(entries)
    }

    static let rpmsg = table(traceAddress: nil)

    static func table(_ entries: [[UInt8]]) -> [UInt8] {
        var bytes = words(1, UInt32(entries.count), 0, 0)
        var offset = 16 + 4 * entries.count
        for entry in entries {
            bytes += words(UInt32(offset))
            offset += entry.count
        }
        return bytes + entries.flatMap { $0 }
    }

    static let vdev: [UInt8] =
        words(3, 7, 0, 1, 0, 0) + [0, 2, 0, 0] + words(0xFFFF_FFFF, 16, 8, 0, 0) + words(0xFFFF_FFFF, 16, 8, 1, 0)

    static func trace(_ address: UInt32, _ size: UInt32) -> [UInt8] {
        words(2, address, size, 0) + name("cm4_log")
    }

    static func carveout(_ address: UInt32, _ size: UInt32) -> [UInt8] {
        words(0, address, address, size, 0, 0) + name("shared")
    }

    private static func name(_ text: String) -> [UInt8] { Array((Array(text.utf8) + Array(repeating: 0, count: 32)).prefix(32)) }

    static func words(_ words: UInt32...) -> [UInt8] {
        var bytes: [UInt8] = []
        for word in words { bytes.appendLittleEndian(word) }
        return bytes
    }
}
