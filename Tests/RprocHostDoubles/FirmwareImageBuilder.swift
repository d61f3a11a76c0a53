// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import Chips
import MachineBase
import RprocHost

/// Makes resource tables and small ELF32 files around them, right or wrong as a test needs them.
public struct FirmwareImageBuilder {
    /// Where the coprocessor's node has its code.
    public static let code = SoCDescription.stm32mp157.deviceTree.nodeRange.start.value
    /// In MCUSRAM, in the region `mcuram2`.
    public static let defaultTableAddress = PhysicalAddress(code + 0x3_0000)

    public struct Segment {
        public var address: UInt32
        public var bytes: [UInt8]
        /// In memory; the part beyond `bytes` is zeroed.
        public var memorySize: UInt32
        public init(address: UInt32, bytes: [UInt8], memorySize: UInt32? = nil) {
            self.address = address; self.bytes = bytes; self.memorySize = memorySize ?? UInt32(bytes.count)
        }
    }

    public var segments: [Segment]
    /// The section `.resource_table`; nil for none.
    public var table: [UInt8]?
    public var tableAddress = FirmwareImageBuilder.defaultTableAddress

    /// Vectors at 0, a little code, and the usual table: an rpmsg vdev and a trace buffer.
    public init(table: [UInt8]? = FirmwareImageBuilder.openAMPTable()) {
        segments = [Segment(address: 0, bytes: [UInt8](repeating: 0x11, count: 64)), Segment(address: Self.code, bytes: [1, 2, 3, 4], memorySize: 16)]
        self.table = table
    }

    /// The ELF file's bytes.
    public var image: [UInt8] {
        let programs = segments.count
        var body: [UInt8] = []
        let bodyStart = 52 + 32 * programs
        var offsets: [Int] = []
        for segment in segments {
            offsets.append(bodyStart + body.count)
            body += segment.bytes
        }
        let tableOffset = bodyStart + body.count
        body += table ?? []
        let names = Array("\0.resource_table\0.shstrtab\0".utf8)
        let namesOffset = bodyStart + body.count
        body += names
        let sectionsOffset = bodyStart + body.count

        var out: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
        for half in [UInt16(2), 40] { out.appendLittleEndian(half) }
        for word in [UInt32(1), Self.code + 1, 52, UInt32(sectionsOffset), 0x0500_0400] { out.appendLittleEndian(word) }
        for half in [UInt16(52), 32, UInt16(programs), 40, 3, 2] { out.appendLittleEndian(half) }
        for (segment, offset) in zip(segments, offsets) {
            for word in [1, UInt32(offset), segment.address, segment.address, UInt32(segment.bytes.count), segment.memorySize, 7, 4] {
                out.appendLittleEndian(word)
            }
        }
        out += body
        let tableName: UInt32 = table == nil ? 0 : 1
        for words: [UInt32] in [
            [UInt32](repeating: 0, count: 10),
            [tableName, 1, 3, tableAddress.value, UInt32(tableOffset), UInt32(table?.count ?? 0), 0, 0, 4, 0],
            [17, 3, 0, 0, UInt32(namesOffset), UInt32(names.count), 0, 0, 1, 0],
        ] {
            for word in words { out.appendLittleEndian(word) }
        }
        return out
    }

    /// A table of entries: each is its type word and payload.
    public static func table(_ entries: [[UInt8]], version: UInt32 = 1) -> [UInt8] {
        var out: [UInt8] = []
        for word in [version, UInt32(entries.count), 0, 0] { out.appendLittleEndian(word) }
        var offset = 16 + 4 * entries.count
        for entry in entries {
            out.appendLittleEndian(UInt32(offset))
            offset += entry.count
        }
        return out + entries.flatMap { $0 }
    }

    public static func vdev(
        id: UInt32 = 7, features: UInt32 = 1, rings: [(da: UInt32, align: UInt32, num: UInt32)] = [(0xFFFF_FFFF, 16, 16), (0xFFFF_FFFF, 16, 16)],
        reserved: [UInt8] = [0, 0]
    ) -> [UInt8] {
        var out: [UInt8] = []
        for word in [UInt32(3), id, 0, features, 0, 0] { out.appendLittleEndian(word) }
        out += [0, UInt8(truncatingIfNeeded: rings.count)] + reserved
        for (i, ring) in rings.enumerated() { for word in [ring.da, ring.align, ring.num, UInt32(i), 0] { out.appendLittleEndian(word) } }
        return out
    }

    /// A CARVEOUT (type 0) or DEVMEM (type 1) entry.
    public static func memory(type: UInt32 = 0, da: UInt32, length: UInt32, name: String, reserved: UInt32 = 0) -> [UInt8] {
        var out: [UInt8] = []
        for word in [type, da, 0, length, 0, reserved] { out.appendLittleEndian(word) }
        return out + fixed(name)
    }

    public static func trace(da: UInt32, length: UInt32, name: String = "cm4_log", reserved: UInt32 = 0) -> [UInt8] {
        var out: [UInt8] = []
        for word in [UInt32(2), da, length, reserved] { out.appendLittleEndian(word) }
        return out + fixed(name)
    }

    /// What ST's OpenAMP examples have.
    public static func openAMPTable() -> [UInt8] { table([vdev(), trace(da: code + 0x2_0000, length: 2048)]) }

    private static func fixed(_ name: String) -> [UInt8] {
        let bytes = Array(name.utf8.prefix(32))
        return bytes + [UInt8](repeating: 0, count: 32 - bytes.count)
    }
}
