// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Extended TrustZone protection controller (RM0436, ETZPC): which peripherals are secure, or the M4's alone.
///
/// Firmware asks before it uses a peripheral (ST's resource manager). The boot chain has opened every peripheral to both
/// processors; what the secure world writes later is kept and read back, but no access is refused for it.
public final class ETZPC: RegisterBlock {
    /// Two bits a peripheral.
    private static let protection = DECPROTx.span
    /// One bit a peripheral.
    private static let locks = DECPROT_LOCK0.offset..<DECPROT_LOCK2.span.upperBound

    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onWrite: [TZMA0_SIZE.self, TZMA1_SIZE.self, DECPROTx.self, DECPROT_LOCK0.self, DECPROT_LOCK1.self, DECPROT_LOCK2.self],
        acting: [DECPROTx.all, DECPROT_LOCK0.all, DECPROT_LOCK1.all, DECPROT_LOCK2.all],
        // Of the secure ROM and memory, which this machine does not have.
        holding: [TZMA0_SIZE.all, TZMA1_SIZE.all])

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        guard initiator.isSecure else { return }
        switch offset {
        case Self.locks: self[offset] |= value  // until the next reset
        case Self.protection: merge(offset, value, lanes: lanes & ~lockedBits(offset))
        default: writeStored(offset, value, lanes: lanes, by: initiator)
        }
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        // 3: neither secure nor isolated.
        for offset in stride(from: Self.protection.lowerBound, to: Self.protection.upperBound, by: 4) { self[offset] = ~0 }
    }

    /// Bits of the protection register at `offset` whose peripherals are locked.
    private func lockedBits(_ offset: UInt32) -> UInt32 {
        let register = (offset - Self.protection.lowerBound) / 4  // sixteen peripherals each
        let locked = self[Self.locks.lowerBound + register / 2 * 4] >> (register % 2 * 16) & 0xFFFF
        return (0..<16).reduce(0) { $0 | (locked >> UInt32($1) & 1) * 3 << UInt32($1 * 2) }
    }
}
