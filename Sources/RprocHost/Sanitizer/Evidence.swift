// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// An instruction of the Cortex-M4 that stored to a word.
public struct Writer: Equatable, Sendable, CustomStringConvertible {
    public var pc: UInt32
    /// `main+0x12`, when the image's symbols say so.
    public var symbol: String?
    public init(pc: UInt32, symbol: String? = nil) { self.pc = pc; self.symbol = symbol }
    public var description: String { hex32(pc) + (symbol.map { " (\(printable($0)))" } ?? "") }
}

/// What a finding of the sanitizer rests on: where, the bytes that are there, and who put them there.
public struct Evidence: Equatable, Sendable, CustomStringConvertible {
    /// `vring0`, `vring1`, `buffer 3`, `table`.
    public var place: String
    /// `used.idx`, `avail.ring[3]`, `header.len`.
    public var field: String
    public var address: PhysicalAddress
    /// As they lie in memory; at most 16.
    public var bytes: [UInt8]
    /// nil when accesses are not recorded, or when no instruction has written there since Linux did.
    public var writer: Writer?

    public var description: String {
        "\(place) \(field) at \(hex32(address.value)) = " + bytes.map(Self.digits).joined(separator: " ") + (writer.map { ", written by \($0)" } ?? "")
    }
    private static func digits(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
}

extension WriteRecord {
    public func forgetWriters(_ address: PhysicalAddress, count: Int) {}
}

/// Who stored to a word last: what a machine that records accesses can tell the sanitizer.
public protocol WriteRecord: AnyObject {
    /// The address of the instruction that stored to the word at `address` last; nil when that was somebody else, or unknown.
    func lastWriter(of address: PhysicalAddress) -> UInt32?
    /// Nobody has written there, as far as `lastWriter` goes.
    func forgetWriters(_ address: PhysicalAddress, count: Int)
}
