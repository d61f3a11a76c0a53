/// CRC calculation unit (RM0436, CRC): programmable polynomial of 7, 8, 16 or 32 bits, with input and output reversal.
public final class CRC: RegisterBlock {
    private enum Offset {
        static let dr: UInt32 = 0x00
        static let cr: UInt32 = 0x08
        static let initial: UInt32 = 0x10
        static let polynomial: UInt32 = 0x14
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x18] }

    /// Bits of the polynomial, from CR.POLYSIZE.
    private var size: UInt32 { [32, 16, 8, 7][Int(self[Offset.cr] >> 3 & 3)] }
    private var mask: UInt32 { size == 32 ? ~0 : (1 << size) - 1 }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        guard offset == Offset.dr else { return readStored(offset, by: initiator) }
        let result = self[offset] & mask
        let isReversed = self[Offset.cr] & 1 << 7 != 0
        return isReversed ? Self.reversed(result, bits: size) : result
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        switch offset {
        case Offset.dr:
            // The width of the access is the width of the data.
            let shift = UInt32(lanes.trailingZeroBitCount)
            add(value >> shift, bits: UInt32(lanes.nonzeroBitCount))
        case Offset.cr:
            merge(offset, value & ~1, lanes: lanes)
            if value & 1 != 0 { self[Offset.dr] = self[Offset.initial] }
        case Offset.initial:
            merge(offset, value, lanes: lanes)
            self[Offset.dr] = self[offset]
        default:
            writeStored(offset, value, lanes: lanes, by: initiator)
        }
    }

    private func add(_ data: UInt32, bits: UInt32) {
        // CR.REV_IN: no reversal, or within bytes, half-words or the word, though never beyond what was written.
        let unit = min(bits, [1, 8, 16, 32][Int(self[Offset.cr] >> 5 & 3)])
        var input: UInt32 = 0
        for position in stride(from: UInt32(0), to: bits, by: Int(unit)) {
            input |= Self.reversed(data >> position & (unit == 32 ? ~0 : (1 << unit) - 1), bits: unit) << position
        }
        let top = UInt32(1) << (size - 1)
        var crc = self[Offset.dr] & mask
        for bit in (0..<bits).reversed() {
            let feedback = (crc & top != 0) != (input >> bit & 1 != 0)
            crc = crc << 1 & mask
            if feedback { crc ^= self[Offset.polynomial] & mask }
        }
        self[Offset.dr] = crc
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
