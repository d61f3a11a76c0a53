// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CDebugInfo
import ELF32
import MachineBase

/// The debugging information of one ELF file, read as it is asked for and kept.
final class DebugFile {
    private let handle: OpaquePointer
    private let known: KnownCode
    private let unitCount: Int
    /// Each unit's first entry, ascending.
    private var unitOffsets: [UInt64] = []
    private var folders: [String?] = []
    private var lineOffsets: [Int?] = []
    private var unitRanges: [(range: Range<UInt32>, unit: Int)]?
    private var functions: [Int: UnitFunctions] = [:]
    private var fileNames: [FileKey: SourceFile?] = [:]
    /// Whether a unit's line program has a header that can be read.
    private var hasNames: [Int: Bool] = [:]
    private var structures: [String: Structure?] = [:]
    private(set) lazy var lines = readLines()

    private struct FileKey: Hashable { var unit: Int, number: UInt32 }
    struct SourceFile: Hashable { var file: String, shortFile: String }
    struct Structure {
        var size: UInt32
        var members: [String: StructureMember] = [:]
    }

    private static let mostUnitRanges = 1 << 16

    /// nil without debugging information, and for such that cannot be read: then `reason` says why.
    init?(_ file: ELFFile, reason: inout String?) {
        guard file.section(named: ".debug_info") != nil || file.section(named: ".debug_line") != nil || file.section(named: ".zdebug_info") != nil else { return nil }
        var why: UnsafePointer<CChar>?
        guard let handle = file.bytes.prefix(Self.extent(of: file)).withUnsafeBytes({ m4_dwarf_open($0.baseAddress, $0.count, &why) }) else {
            reason = why.map { String(cString: $0) } ?? "the debugging information cannot be read"
            return nil
        }
        self.handle = handle
        known = KnownCode(file)
        unitCount = m4_dwarf_unit_count(handle)
        for index in 0..<unitCount {
            var unit = m4_unit()
            let isThere = m4_dwarf_unit(handle, index, &unit)
            unitOffsets.append(isThere ? unit.offset : 0)
            folders.append(isThere ? unit.folder.map { String(cString: $0) } : nil)
            lineOffsets.append(isThere && unit.has_lines ? Int(exactly: unit.lines) : nil)
        }
    }

    deinit { m4_dwarf_close(handle) }

    /// The bytes up to the end of what headers and sections mention: libelf has a copy of its own, and a file may be long behind them.
    private static func extent(of file: ELFFile) -> Int {
        func end(_ offset: UInt32, _ size: UInt64) -> UInt64 { UInt64(offset) + size }
        let header = file.header
        var last = max(
            UInt64(header.headerSize), end(header.sectionHeaderOffset, UInt64(header.sectionHeaderCount) * UInt64(header.sectionHeaderEntrySize)),
            end(header.programHeaderOffset, UInt64(header.programHeaderCount) * UInt64(header.programHeaderEntrySize)))
        for section in file.sectionHeaders where section.type != SectionHeader.noBits { last = max(last, end(section.offset, UInt64(section.size))) }
        for segment in file.programHeaders { last = max(last, end(segment.offset, UInt64(segment.fileSize))) }
        return Int(clamping: last)
    }

    // MARK: Lines

    private lazy var lineSection: UnsafeRawBufferPointer? = {
        var bytes: UnsafePointer<UInt8>?, count = 0
        guard m4_dwarf_section(handle, ".debug_line", &bytes, &count), let bytes else { return nil }
        return UnsafeRawBufferPointer(start: bytes, count: count)
    }()

    private func readLines() -> LineTable {
        guard let lineSection else { return LineTable() }
        var seen: Set<Int> = []
        let programs = lineOffsets.enumerated().compactMap { unit, offset in offset.flatMap { seen.insert($0).inserted ? (offset: $0, unit: unit) : nil } }
        return LineTable(lineSection, programs, known)
    }

    /// A source file by the number that `unit` has for it.
    func sourceFile(_ unit: Int, _ number: UInt32) -> SourceFile? {
        guard lineOffsets.indices.contains(unit) else { return nil }
        let key = FileKey(unit: unit, number: number)
        if let found = fileNames[key] { return found }
        var found: SourceFile?
        if hasNames(unit), let name = m4_unit_file(handle, unit, Int(number)) {
            let full = String(cString: name)
            var short = full[...]
            if let folder = folders[unit], !folder.isEmpty {
                let beginning = folder.hasSuffix("/") ? folder : folder + "/"
                // A folder that is itself relative may stand there twice.
                for _ in 0..<2 where short.hasPrefix(beginning) { short = short.dropFirst(beginning.count) }
            }
            found = SourceFile(file: ForeignText.line(full), shortFile: ForeignText.line(short))
        }
        fileNames[key] = .some(found)
        return found
    }

    private func hasNames(_ unit: Int) -> Bool {
        if let known = hasNames[unit] { return known }
        let found = lineOffsets[unit].flatMap { offset in lineSection.flatMap { LineProgram($0, at: offset) } } != nil
        hasNames[unit] = found
        return found
    }

    func place(_ unit: Int, _ file: UInt32, _ line: UInt32) -> SourcePlace? {
        guard line > 0, let source = sourceFile(unit, file) else { return nil }
        return SourcePlace(file: source.file, shortFile: source.shortFile, line: Int(line))
    }

    // MARK: Functions

    /// The unit whose code `address` is.
    private func unit(at address: UInt32) -> Int? {
        if unitRanges == nil { unitRanges = readUnitRanges() }
        return unitRanges?.first { $0.range.contains(address) }?.unit
    }

    private func readUnitRanges() -> [(range: Range<UInt32>, unit: Int)] {
        var found: [(range: Range<UInt32>, unit: Int)] = []
        withUnsafeTemporaryAllocation(of: m4_range.self, capacity: 4096) { room in
            for unit in 0..<unitCount where found.count < Self.mostUnitRanges {
                let count = m4_unit_ranges(handle, unit, room.baseAddress, room.count)
                for range in room.prefix(min(count, room.count)) where known.believes(range.start, range.end) { found.append((range.start..<range.end, unit)) }
            }
        }
        return found
    }

    func functions(of unit: Int) -> UnitFunctions {
        if let found = functions[unit] { return found }
        let found = UnitFunctions(handle, unit: unit, known)
        functions[unit] = found
        return found
    }

    /// Every unit's.
    var allFunctions: [UnitFunctions] { (0..<unitCount).map { functions(of: $0) } }

    /// The name of the function whose entry is at `offset`: its own, or the one of the entry that it refers to.
    func name(ofEntry offset: UInt64) -> String? {
        var offset = offset, own: String?
        for _ in 0..<16 {
            guard let name = functions(of: unit(ofEntry: offset)).names[offset] else { break }
            own = name.own ?? own
            // A definition outside of its class has the class in its declaration.
            guard name.origin != 0, name.origin != offset else { break }
            offset = name.origin
        }
        return own
    }

    private func unit(ofEntry offset: UInt64) -> Int {
        var low = 0, high = unitOffsets.count
        while low < high {
            let middle = (low + high) / 2
            if unitOffsets[middle] <= offset { low = middle + 1 } else { high = middle }
        }
        return max(0, low - 1)
    }

    /// Innermost first.
    func frames(at address: UInt32) -> [SourceFrame] {
        let row = lines.row(at: address)
        var place = row.flatMap { self.place($0.unit, $0.row.file, $0.row.line) }
        guard let unit = unit(at: address) else { return place.map { [SourceFrame(function: nil, place: $0, isInlined: false)] } ?? [] }
        var frames: [SourceFrame] = []
        for code in functions(of: unit).chain(at: address) {
            frames.append(SourceFrame(function: name(ofEntry: code.entry), place: place, isInlined: code.isInlined))
            place = self.place(unit, code.callFile, code.callLine)
        }
        if frames.isEmpty, let place { frames.append(SourceFrame(function: nil, place: place, isInlined: false)) }
        return frames
    }

    /// Which function's code it is, or of which inlined part: the same for instructions of the same.
    func owner(of address: UInt32) -> Owner? {
        guard let unit = unit(at: address) else { return nil }
        let functions = functions(of: unit)
        return functions.code.lastIndex { $0.contains(address) }.map { Owner(unit: unit, code: $0) }
    }
    struct Owner: Hashable { var unit: Int, code: Int }

    // MARK: Types and frames

    func structure(_ name: String) -> Structure? {
        if let found = structures[name] { return found }
        var size: UInt64 = 0
        var members: [String: StructureMember] = [:]
        let isThere = withUnsafeMutablePointer(to: &members) { members in
            m4_dwarf_structure(handle, name, &size, members) { members, member in
                guard let members, let member, let name = member.pointee.name, let offset = UInt32(exactly: member.pointee.offset) else { return }
                members.assumingMemoryBound(to: [String: StructureMember].self).pointee[String(cString: name)] =
                    StructureMember(offset: offset, size: UInt32(exactly: member.pointee.size) ?? 0)
            }
        }
        let found = isThere ? Structure(size: UInt32(clamping: size), members: members) : nil
        structures[name] = .some(found)
        return found
    }

    func frameRule(at address: UInt32) -> FrameRule? {
        var frame = m4_frame()
        guard known.contains(address), m4_dwarf_frame(handle, address, &frame), frame.start < frame.end else { return nil }
        let registers = withUnsafeBytes(of: frame.registers) { Array($0.bindMemory(to: m4_frame_rule.self)) }
        return FrameRule(
            range: frame.start..<frame.end, base: Int(frame.cfa_register), offset: frame.cfa_offset,
            registers: registers.map { rule in
                switch rule.kind {
                case M4_FRAME_SAME: .same
                case M4_FRAME_SAVED: .saved(rule.offset)
                case M4_FRAME_VALUE: .address(rule.offset)
                case M4_FRAME_REGISTER: .register(Int(rule.offset))
                default: .unknown
                }
            }, returnRegister: Int(frame.return_register))
    }
}
