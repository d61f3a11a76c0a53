// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board

/// Text that firmware keeps in memory: printable ASCII from an address on.
struct MemoryText {
    var text = ""
    /// A NUL or the limit ended it, nothing that no text has.
    var isWhole = true

    /// - Parameter limit: bytes at most.
    init(_ board: M4Board, at address: UInt32, limit: UInt32) {
        var bytes: [UInt8] = []
        for offset in 0..<limit {
            let place = address &+ offset
            guard let word = board.memoryWord(at: place) else {
                isWhole = false
                break
            }
            let byte = UInt8(truncatingIfNeeded: word >> (place % 4 * 8))
            guard (0x20..<0x7F).contains(byte) else {
                isWhole = byte == 0
                break
            }
            bytes.append(byte)
        }
        text = String(decoding: bytes, as: UTF8.self)
    }
}
