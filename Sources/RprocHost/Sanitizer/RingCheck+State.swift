// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

extension RingCheck {
    /// The books of a ring, and the driver's part of it as it should be.
    struct State: Equatable, Sendable {
        var books: Books
        /// Bytes from the ring's beginning on.
        var expected: [UInt8]
    }
    /// It belongs to checks of the same ring. Reads nothing of the board's memory.
    var state: State {
        get { State(books: books.pointee, expected: Array(UnsafeRawBufferPointer(start: expected, count: driverSize))) }
        set {
            books.pointee = newValue.books
            guard newValue.expected.count == driverSize else { return }
            newValue.expected.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: expected, count: driverSize).copyMemory(from: $0) }
        }
    }
}
