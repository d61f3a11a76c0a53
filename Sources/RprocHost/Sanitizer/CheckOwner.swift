// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What a check of rings, buffers, messages or table needs of whoever has it made.
protocol CheckOwner: AnyObject {
    var now: VirtualTime { get }
    var patience: RpmsgSanitizer.Patience { get }
    var writeRecord: (any WriteRecord)? { get }
    var symbol: ((UInt32) -> String?)? { get }
    /// Whether all that Linux writes is known before it is looked at. Beside a Linux that runs by itself it is not: then only what an instruction of
    /// the M4's is on record for can be held against the firmware.
    var booksAreExact: Bool { get }
    func report(_ finding: Finding)
    /// What was written there so far was the firmware's to write.
    func forgetWrites(_ address: PhysicalAddress, count: Int)
}

extension CheckOwner {
    func writer(_ address: PhysicalAddress) -> Writer? {
        guard let pc = writeRecord?.lastWriter(of: address) else { return nil }
        return Writer(pc: pc, symbol: symbol?(pc))
    }

    func evidence(_ place: String, _ field: String, _ address: PhysicalAddress, _ bytes: some Sequence<UInt8>) -> Evidence {
        Evidence(place: place, field: field, address: address, bytes: Array(bytes.prefix(16)), writer: writer(address))
    }

    func forgetWrites(_ address: PhysicalAddress, count: Int) {}

    /// Whether the firmware has written to one of `count` bytes since the record began.
    func hasWritten(_ address: PhysicalAddress, count: Int) -> Bool {
        guard let writeRecord else { return false }
        return stride(from: address.value & ~3, to: address.value &+ UInt32(max(count, 1)), by: 4).contains { writeRecord.lastWriter(of: PhysicalAddress($0)) != nil }
    }
}
