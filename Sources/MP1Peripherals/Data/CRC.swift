// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// CRC calculation unit (RM0436, CRC): programmable polynomial of 7, 8, 16 or 32 bits, with input and output reversal.
public final class CRC: RegisterBlock {
    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onRead: [DR.self], onWrite: [DR.self, CR.self, INIT.self],
        acting: [DR.all, CR.RESET, CR.POLYSIZE, CR.REV_IN, CR.REV_OUT, INIT.all, POL.all], holding: [IDR.all])

    /// Bits of the polynomial, from CR.POLYSIZE.
    private var size: UInt32 { [32, 16, 8, 7][Int(self[CR.POLYSIZE])] }
    private var mask: UInt32 { size == 32 ? ~0 : (1 << size) - 1 }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        guard offset == DR.offset else { return readStored(offset, by: initiator) }
        let result = self[offset] & mask
        return has(CR.REV_OUT) ? Self.reversed(result, bits: size) : result
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case DR.offset:
            // The width of the access is the width of the data.
            let shift = UInt32(lanes.trailingZeroBitCount)
            add(value >> shift, bits: UInt32(lanes.nonzeroBitCount))
        case CR.offset:
            merge(offset, value & ~CR.RESET.mask, lanes: lanes)
            if value.has(CR.RESET) { self[DR.offset] = self[INIT.offset] }
        case INIT.offset:
            merge(offset, value, lanes: lanes)
            self[DR.offset] = self[offset]
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
    }

    private func add(_ data: UInt32, bits: UInt32) {
        // No reversal, or within bytes, half-words or the word, though never beyond what was written.
        let unit = min(bits, [1, 8, 16, 32][Int(self[CR.REV_IN])])
        var input: UInt32 = 0
        for position in stride(from: UInt32(0), to: bits, by: Int(unit)) {
            input |= Self.reversed(data >> position & (unit == 32 ? ~0 : (1 << unit) - 1), bits: unit) << position
        }
        let top = UInt32(1) << (size - 1)
        var crc = self[DR.offset] & mask
        for bit in (0..<bits).reversed() {
            let feedback = (crc & top != 0) != (input >> bit & 1 != 0)
            crc = crc << 1 & mask
            if feedback { crc ^= self[POL.offset] & mask }
        }
        self[DR.offset] = crc
    }

    private static func reversed(_ value: UInt32, bits: UInt32) -> UInt32 {
        var value = value, result: UInt32 = 0
        for _ in 0..<bits {
            result = result << 1 | value & 1
            value >>= 1
        }
        return result
    }
}
