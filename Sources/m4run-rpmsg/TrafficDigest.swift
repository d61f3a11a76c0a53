// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost

/// FNV-1a over every message with its virtual time, addresses, ring slot and bytes: two runs are the same when it is.
final class TrafficDigest: RpmsgObserver {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    func observe(_ message: borrowing RpmsgMessage) {
        add(message.direction == .toFirmware ? 1 : 0)
        add(message.time.nanoseconds)
        add(UInt64(message.source) << 32 | UInt64(message.destination))
        add(UInt64(message.descriptor) << 32 | UInt64(message.payload.count))
        for byte in message.payload { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }

    private func add(_ word: UInt64) { value = (value ^ word) &* 0x100_0000_01B3 }
}
