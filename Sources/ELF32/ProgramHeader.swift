// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// An ELF32 program header. Source: System V ABI, chapter 5; for the Arm types, ELF for the Arm Architecture §5.2.
public struct ProgramHeader: Hashable, Sendable {
    /// In bytes.
    public static let size = 32
    /// PT_LOAD.
    public static let load: UInt32 = 1

    public var type, offset, virtualAddress, physicalAddress: UInt32
    /// In bytes.
    public var fileSize, memorySize: UInt32
    public var flags, alignment: UInt32

    /// nil when the 32 bytes at `offset` are not all there.
    @inlinable public init?<Bytes>(_ bytes: Bytes, at offset: Int = 0)
    where Bytes: RandomAccessCollection, Bytes.Element == UInt8, Bytes.Index == Int {
        guard offset >= 0, offset <= bytes.count - Self.size else { return nil }
        func word(_ index: Int) -> UInt32 { bytes.littleEndian(at: offset + 4 * index) ?? 0 }
        type = word(0)
        self.offset = word(1)
        virtualAddress = word(2)
        physicalAddress = word(3)
        fileSize = word(4)
        memorySize = word(5)
        flags = word(6)
        alignment = word(7)
    }

    public var isLoad: Bool { type == Self.load }

    /// `PT_LOAD` and its like; the number in hex for a type without a name here.
    public var typeName: String { Self.typeNames[type] ?? hex32(type) }

    /// `rwx` with a dash for each flag that is clear.
    public var flagsText: String { (flags & 4 != 0 ? "r" : "-") + (flags & 2 != 0 ? "w" : "-") + (flags & 1 != 0 ? "x" : "-") }

    /// The names of `p_type` that the generic ABI, GNU and Arm define.
    public static let typeNames: [UInt32: String] = [
        0: "PT_NULL", 1: "PT_LOAD", 2: "PT_DYNAMIC", 3: "PT_INTERP", 4: "PT_NOTE", 5: "PT_SHLIB", 6: "PT_PHDR", 7: "PT_TLS",
        0x6474_E550: "PT_GNU_EH_FRAME", 0x6474_E551: "PT_GNU_STACK", 0x6474_E552: "PT_GNU_RELRO",
        0x6474_E553: "PT_GNU_PROPERTY", 0x7000_0000: "PT_ARM_ARCHEXT", 0x7000_0001: "PT_ARM_EXIDX",
    ]
}
