// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What the firmware has sent to devices: counted, and kept only as far as `--json` shows it, so that a run's memory does not grow with
/// what is said.
struct Answers {
    /// As many bytes are kept, the first ones.
    static let longest = 1 << 20
    private(set) var kept: [UInt8] = []
    /// Bytes that came.
    private(set) var count: UInt64 = 0
    private let keeps: Bool

    /// - Parameter keeps: whether anybody wants to see the bytes.
    init(keeps: Bool) { self.keeps = keeps }

    mutating func add(_ bytes: [UInt8]) {
        count &+= UInt64(bytes.count)
        if keeps, kept.count < Self.longest { kept.append(contentsOf: bytes.prefix(Self.longest - kept.count)) }
    }
}
