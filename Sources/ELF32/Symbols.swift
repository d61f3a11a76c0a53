// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// An entry of a symbol table. Source: System V ABI, chapter 4; for Thumb addresses, ELF for the Arm Architecture §4.5.3.
public struct Symbol: Equatable, Sendable {
    /// In bytes.
    public static let entrySize = 16

    public enum Kind: UInt8, Sendable { case none = 0, object, function, section, file, common, threadLocal }
    public enum Binding: UInt8, Sendable { case local = 0, global, weak }

    public var name: String
    /// As the file has it: bit 0 is set for a Thumb function.
    public var value: UInt32
    /// In bytes; 0 when unknown.
    public var size: UInt32
    /// nil for a type that the ABI leaves to systems and processors.
    public var kind: Kind?
    /// nil for a binding that the ABI leaves to systems and processors.
    public var binding: Binding?
    /// The section the symbol is defined in; 0 is undefined, 0xfff1 absolute.
    public var sectionIndex: UInt16

    /// Where the symbol lies: `value` without the Thumb bit of a function.
    public var address: UInt32 { kind == .function ? value & ~1 : value }
    public var isDefined: Bool { sectionIndex != 0 }
}

extension ELFFile {
    /// The symbols of the first SHT_SYMTAB section, in its order, without the empty first entry; none in a stripped file.
    ///
    /// A symbol whose name is not in the string table has the empty name.
    public var symbols: [Symbol] {
        guard let (entries, names) = symbolTable else { return [] }
        return Self.offsets(entries).map { offset in Self.symbol(entries, at: offset, names?[entries.littleEndian(at: offset) ?? 0] ?? "") }
    }

    /// Those whose name is these bytes, which are plain ASCII; compared where they are, so that the others cost next to nothing.
    public func symbols(named name: String) -> [Symbol] {
        guard let (entries, table) = symbolTable, let names = table?.bytes else { return [] }
        let wanted = Array(name.utf8) + [0]
        guard wanted.count <= StringTable.longestName else { return [] }
        return names.withUnsafeBytes { names in
            wanted.withUnsafeBytes { wanted in
                Self.offsets(entries).compactMap { offset in
                    let start = Int(entries.littleEndian(UInt32.self, at: offset) ?? 0)
                    guard start <= names.count - wanted.count, UnsafeRawBufferPointer(rebasing: names[start..<start + wanted.count]).elementsEqual(wanted) else { return nil }
                    return Self.symbol(entries, at: offset, name)
                }
            }
        }
    }

    /// The first SHT_SYMTAB's entries and names.
    private var symbolTable: (entries: ArraySlice<UInt8>, names: StringTable?)? {
        let headers = sectionHeaders
        guard let table = headers.first(where: { $0.type == SectionHeader.symbolTable }), let entries = contents(of: table) else { return nil }
        return (entries, stringTable(at: Int(table.link), in: headers))
    }

    private static func offsets(_ entries: ArraySlice<UInt8>) -> StrideThrough<Int> {
        stride(from: Symbol.entrySize, through: entries.count - Symbol.entrySize, by: Symbol.entrySize)
    }

    private static func symbol(_ entries: ArraySlice<UInt8>, at offset: Int, _ name: String) -> Symbol {
        let info = entries.littleEndian(UInt8.self, at: offset + 12) ?? 0
        return Symbol(
            name: name, value: entries.littleEndian(at: offset + 4) ?? 0, size: entries.littleEndian(at: offset + 8) ?? 0, kind: Symbol.Kind(rawValue: info & 0xF),
            binding: Symbol.Binding(rawValue: info >> 4), sectionIndex: entries.littleEndian(at: offset + 14) ?? 0)
    }
}
