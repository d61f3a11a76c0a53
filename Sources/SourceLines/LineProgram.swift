// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A line of the table that says which line an instruction belongs to.
struct LineRow {
    var address: UInt32
    /// By the unit's own numbers.
    var file: UInt32
    /// 0 for code without a line.
    var line: UInt32
    /// A place for a breakpoint.
    var isStatement: Bool
}

/// Executes the program of a unit's lines, sequence by sequence. Source: DWARF 5, 6.2; DWARF 4 and before have the same program under another header.
///
/// libdw puts the rows of all sequences into one order of addresses. Linkers leave those of functions that they have dropped at address 0 (and there may be
/// memory with code), where they would stand between the others': here a sequence stays one.
struct LineProgram {
    private var cursor: ByteCursor
    private let smallestInstruction: UInt32
    private let isStatementAtFirst: Bool
    private let lineBase: Int64
    private let lineRange: UInt64
    private let opcodeBase: UInt8
    private var operandCounts: [UInt8] = []

    /// nil for a header that is damaged, or of a version that is not known.
    init?(_ section: UnsafeRawBufferPointer, at offset: Int) {
        guard offset >= 0, offset < section.count else { return nil }
        var header = ByteCursor(section, offset..<section.count)
        guard let first = header.word() else { return nil }
        let isWide = first == 0xFFFF_FFFF
        func length(_ cursor: inout ByteCursor) -> UInt64? { isWide ? cursor.long() : cursor.word().map(UInt64.init) }
        guard let size = isWide ? header.long() : UInt64(first), size <= UInt64(section.count - header.position) else { return nil }
        let end = header.position + Int(size)
        guard let version = header.half(), (2...5).contains(version) else { return nil }
        if version >= 5 {
            // The sizes of addresses and of segments' selectors.
            guard let addressSize = header.byte(), header.byte() == 0, addressSize == 4 || addressSize == 8 else { return nil }
        }
        guard let headerSize = length(&header), headerSize <= UInt64(max(0, end - header.position)) else { return nil }
        let begin = header.position + Int(headerSize)
        guard let smallest = header.byte(), smallest > 0 else { return nil }
        // Operations in an instruction: one, but for machines of very long words.
        if version >= 4, header.byte() == nil { return nil }
        guard let isStatement = header.byte(), let base = header.byte(), let range = header.byte(), range > 0, let opcodes = header.byte(), opcodes > 0 else { return nil }
        for _ in 1..<max(2, Int(opcodes)) where opcodes > 1 {
            guard let count = header.byte() else { return nil }
            operandCounts.append(count)
        }
        if version >= 5 {
            guard Self.skipNames(&header, isWide), Self.skipNames(&header, isWide) else { return nil }
        }
        (smallestInstruction, isStatementAtFirst, lineBase) = (UInt32(smallest), isStatement != 0, Int64(Int8(bitPattern: base)))
        (lineRange, opcodeBase) = (UInt64(range), opcodes)
        cursor = ByteCursor(section, begin..<end)
    }

    /// Passes a table of folders or files; false where it is damaged: libdw goes through as many as the table says that it has.
    private static func skipNames(_ header: inout ByteCursor, _ isWide: Bool) -> Bool {
        guard let formats = header.byte() else { return false }
        var forms: [UInt64] = []
        for _ in 0..<formats {
            guard header.unsigned() != nil, let form = header.unsigned() else { return false }
            forms.append(form)
        }
        guard let count = header.unsigned(), count == 0 || !forms.isEmpty else { return false }
        var left = count
        while left > 0 {
            for form in forms {
                // DW_FORM_string, line_strp, strp, udata, data1, data2, data4, data8, data16, block: what such tables may have.
                let isThere = switch form {
                case 0x08: header.skipText()
                case 0x1F, 0x0E: header.skip(isWide ? 8 : 4)
                case 0x0F: header.unsigned() != nil
                case 0x0B: header.skip(1)
                case 0x05: header.skip(2)
                case 0x06: header.skip(4)
                case 0x07: header.skip(8)
                case 0x1E: header.skip(16)
                case 0x09: header.unsigned().map { header.skip($0) } ?? false
                default: false
                }
                guard isThere else { return false }
            }
            left -= 1
        }
        return true
    }

    /// The next sequence's rows in the order of its addresses, and the address behind its last instruction; nil at the end, or where the program is damaged.
    ///
    /// - Parameter limit: of rows; a sequence that has more is left out, and the program ends.
    mutating func next(limit: Int) -> (rows: [LineRow], end: UInt32)? {
        var rows: [LineRow] = [], isSorted = true
        var row = LineRow(address: 0, file: 1, line: 1, isStatement: isStatementAtFirst)
        func sorted() -> [LineRow] {
            if isSorted { return rows }
            return rows.enumerated().sorted { ($0.element.address, $0.offset) < ($1.element.address, $1.offset) }.map(\.element)
        }
        func append() {
            if let last = rows.last, last.address > row.address { isSorted = false }
            rows.append(row)
        }
        while let opcode = cursor.byte() {
            if opcode >= opcodeBase {
                let adjusted = UInt64(opcode - opcodeBase)
                row.address &+= UInt32(truncatingIfNeeded: adjusted / lineRange) &* smallestInstruction
                row.line = Self.line(row.line, lineBase + Int64(adjusted % lineRange))
                guard rows.count < limit else { return nil }
                append()
                continue
            }
            switch opcode {
            case 0:
                guard let size = cursor.unsigned(), size > 0, size <= UInt64(cursor.end - cursor.position), let extended = cursor.byte() else { return nil }
                let behind = size - 1
                switch extended {
                // DW_LNE_end_sequence
                case 1:
                    guard cursor.skip(behind) else { return nil }
                    return (sorted(), row.address)
                // DW_LNE_set_address
                case 2 where behind == 4:
                    guard let address = cursor.word() else { return nil }
                    row.address = address & ~1
                case 2 where behind == 8:
                    guard let address = cursor.long() else { return nil }
                    row.address = UInt32(truncatingIfNeeded: address) & ~1
                default: guard cursor.skip(behind) else { return nil }
                }
            // DW_LNS_copy
            case 1:
                guard rows.count < limit else { return nil }
                append()
            // DW_LNS_advance_pc
            case 2:
                guard let advance = cursor.unsigned() else { return nil }
                row.address &+= UInt32(truncatingIfNeeded: advance) &* smallestInstruction
            // DW_LNS_advance_line
            case 3:
                guard let advance = cursor.signed() else { return nil }
                row.line = Self.line(row.line, advance)
            // DW_LNS_set_file
            case 4:
                guard let file = cursor.unsigned() else { return nil }
                row.file = UInt32(clamping: file)
            // DW_LNS_set_column
            case 5: guard cursor.unsigned() != nil else { return nil }
            // DW_LNS_negate_stmt
            case 6: row.isStatement.toggle()
            // DW_LNS_const_add_pc
            case 8: row.address &+= UInt32(truncatingIfNeeded: UInt64(255 - opcodeBase) / lineRange) &* smallestInstruction
            // DW_LNS_fixed_advance_pc
            case 9:
                guard let advance = cursor.half() else { return nil }
                row.address &+= UInt32(advance)
            // DW_LNS_set_basic_block, set_prologue_end, set_epilogue_begin
            case 7, 10, 11: break
            // DW_LNS_set_isa, and what later versions may add: the header says how many operands there are.
            default:
                for _ in 0..<(Int(opcode) <= operandCounts.count ? operandCounts[Int(opcode) - 1] : 0) {
                    guard cursor.unsigned() != nil else { return nil }
                }
            }
        }
        return nil
    }

    private static func line(_ line: UInt32, _ advance: Int64) -> UInt32 { line &+ UInt32(truncatingIfNeeded: advance) }
}
