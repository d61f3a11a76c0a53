import MachineBase

/// The ELF32 file header, fields as the file has them (little-endian). Source: System V ABI, chapter 4.
public struct ELFHeader: Equatable, Sendable {
    public static let size = 52
    public var identification: [UInt8]
    public var type: UInt16, machine: UInt16
    public var version: UInt32, entry: UInt32, programHeaderOffset: UInt32, sectionHeaderOffset: UInt32, flags: UInt32
    public var headerSize: UInt16, programHeaderEntrySize: UInt16, programHeaderCount: UInt16
    public var sectionHeaderEntrySize: UInt16, sectionHeaderCount: UInt16, sectionNameIndex: UInt16

    /// nil when `bytes` holds fewer than 52 bytes from `offset`. Nothing is judged: magic, class and the rest are the caller's.
    public init?(_ bytes: some RandomAccessCollection<UInt8>, at offset: Int = 0) {
        func u16(_ o: Int) -> UInt16? { Self.field(bytes, offset + o) }
        func u32(_ o: Int) -> UInt32? { Self.field(bytes, offset + o) }
        guard offset >= 0, offset <= bytes.count - Self.size else { return nil }
        identification = (0..<16).compactMap { Self.field(bytes, offset + $0) as UInt8? }
        guard let type = u16(16), let machine = u16(18), let version = u32(20), let entry = u32(24), let phoff = u32(28),
            let shoff = u32(32), let flags = u32(36), let ehsize = u16(40), let phentsize = u16(42), let phnum = u16(44),
            let shentsize = u16(46), let shnum = u16(48), let shstrndx = u16(50)
        else { return nil }
        self.type = type; self.machine = machine; self.version = version; self.entry = entry
        programHeaderOffset = phoff; sectionHeaderOffset = shoff; self.flags = flags; headerSize = ehsize
        programHeaderEntrySize = phentsize; programHeaderCount = phnum; sectionHeaderEntrySize = shentsize
        sectionHeaderCount = shnum; sectionNameIndex = shstrndx
    }

    static func field<T: FixedWidthInteger & UnsignedInteger>(_ bytes: some RandomAccessCollection<UInt8>, _ offset: Int) -> T? {
        let size = T.bitWidth / 8
        guard offset >= 0, offset <= bytes.count - size else { return nil }
        var index = bytes.index(bytes.startIndex, offsetBy: offset)
        var value: T = 0
        for i in 0..<size {
            value |= T(truncatingIfNeeded: bytes[index]) << T(truncatingIfNeeded: i * 8)
            index = bytes.index(after: index)
        }
        return value
    }

    public static let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]
    public static let machineARM: UInt16 = 40
    public var hasMagic: Bool { Array(identification.prefix(4)) == Self.magic }
    /// EI_CLASS: 1 is 32-bit, 2 is 64-bit.
    public var fileClass: UInt8 { identification[4] }
    /// EI_DATA: 1 is little-endian.
    public var dataEncoding: UInt8 { identification[5] }
    public var identVersion: UInt8 { identification[6] }
}

/// An ELF32 program header.
public struct ProgramHeader: Equatable, Sendable {
    public static let size = 32
    public static let load: UInt32 = 1
    public var type, offset, virtualAddress, physicalAddress, fileSize, memorySize, flags, alignment: UInt32

    /// nil when the 32 bytes at `offset` are not all there.
    public init?(_ bytes: some RandomAccessCollection<UInt8>, at offset: Int) {
        guard let a: UInt32 = ELFHeader.field(bytes, offset), let b: UInt32 = ELFHeader.field(bytes, offset + 4),
            let c: UInt32 = ELFHeader.field(bytes, offset + 8), let d: UInt32 = ELFHeader.field(bytes, offset + 12),
            let e: UInt32 = ELFHeader.field(bytes, offset + 16), let f: UInt32 = ELFHeader.field(bytes, offset + 20),
            let g: UInt32 = ELFHeader.field(bytes, offset + 24), let h: UInt32 = ELFHeader.field(bytes, offset + 28)
        else { return nil }
        (type, self.offset, virtualAddress, physicalAddress) = (a, b, c, d)
        (fileSize, memorySize, flags, alignment) = (e, f, g, h)
    }
}

/// An ELF32 section header.
public struct SectionHeader: Equatable, Sendable {
    public static let size = 40
    public var name, type, flags, address, offset, size, link, info, alignment, entrySize: UInt32

    /// nil when the 40 bytes at `offset` are not all there.
    public init?(_ bytes: some RandomAccessCollection<UInt8>, at offset: Int) {
        guard offset >= 0, offset <= bytes.count - Self.size else { return nil }
        var words: [UInt32] = []
        for i in 0..<10 {
            guard let word: UInt32 = ELFHeader.field(bytes, offset + 4 * i) else { return nil }
            words.append(word)
        }
        name = words[0]; type = words[1]; flags = words[2]; address = words[3]; self.offset = words[4]
        size = words[5]; link = words[6]; info = words[7]; alignment = words[8]; entrySize = words[9]
    }
}
