// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CDebugInfo
import MachineBase

/// The functions of one unit, with what is inlined into them.
struct UnitFunctions {
    /// A function's code, or the part of one that is another function's, inlined.
    struct Code {
        /// Offset of its entry.
        var entry: UInt64
        var ranges: [Range<UInt32>]
        /// Where it is entered.
        var start: UInt32
        /// The code that it is a part of; -1 for a function.
        var parent: Int
        /// Where it was called from, for what is inlined.
        var callFile, callLine: UInt32
        var isInlined: Bool

        func contains(_ address: UInt32) -> Bool { ranges.contains { $0.contains(address) } }
    }
    /// How a function's entry is called, and where the rest of it is.
    struct Name {
        /// With the namespaces and types that the entry is in.
        var own: String?
        var origin: UInt64
    }

    /// Outer ones before inner ones.
    private(set) var code: [Code] = []
    private(set) var names: [UInt64: Name] = [:]
    private let known: KnownCode
    /// Where the walk is: namespaces and types, and functions.
    private var scopes: [(depth: UInt32, prefix: String)] = []
    private var open: [(depth: UInt32, index: Int)] = []

    private static let mostRanges = 256, longestName = 1024

    init(_ file: OpaquePointer, unit: Int, _ known: KnownCode) {
        self.known = known
        // What was found before damage counts.
        _ = withUnsafeMutablePointer(to: &self) { functions in
            m4_unit_walk(file, unit, functions) { functions, entry in
                guard let functions, let entry else { return false }
                functions.assumingMemoryBound(to: UnitFunctions.self).pointee.visit(entry.pointee)
                return true
            }
        }
        (scopes, open) = ([], [])
    }

    private mutating func visit(_ entry: m4_entry) {
        while let last = scopes.last, last.depth >= entry.depth { scopes.removeLast() }
        while let last = open.last, last.depth >= entry.depth { open.removeLast() }
        switch entry.kind {
        case M4_ENTRY_SCOPE:
            let name = entry.name.map(Self.text) ?? "(anonymous)"
            let outer = scopes.last?.prefix ?? ""
            guard outer.utf8.count + name.utf8.count < Self.longestName else { return }
            scopes.append((entry.depth, outer + name + "::"))
        case M4_ENTRY_FUNCTION, M4_ENTRY_INLINED:
            if entry.kind == M4_ENTRY_FUNCTION {
                names[entry.offset] = Name(own: entry.name.map { (scopes.last?.prefix ?? "") + Self.text($0) }, origin: entry.origin)
            }
            let ranges = ranges(of: entry)
            guard let first = ranges.first?.lowerBound else { return }
            let isInlined = entry.kind == M4_ENTRY_INLINED
            let parent = isInlined ? open.last?.index ?? -1 : -1
            // Of nothing that is believed: nobody's part.
            guard !isInlined || parent >= 0 else { return }
            open.append((entry.depth, code.count))
            code.append(
                Code(
                    entry: isInlined ? entry.origin : entry.offset, ranges: ranges, start: entry.has_start && ranges.contains { $0.contains(entry.start) } ? entry.start : first, parent: parent, callFile: entry.call_file, callLine: entry.call_line,
                    isInlined: isInlined))
        default: break
        }
    }

    private func ranges(of entry: m4_entry) -> [Range<UInt32>] {
        withUnsafeTemporaryAllocation(of: m4_range.self, capacity: Self.mostRanges) { room in
            let count = withUnsafePointer(to: entry) { m4_entry_ranges($0, room.baseAddress, room.count) }
            return room.prefix(min(count, room.count)).filter { known.believes($0.start, $0.end, isPart: entry.kind == M4_ENTRY_INLINED) }.map { $0.start..<$0.end }
        }
    }

    private static func text(_ name: UnsafePointer<CChar>) -> String { ForeignText.line(String(cString: name).prefix(longestName)) }

    /// The innermost code at `address`, and what it is a part of, outwards.
    func chain(at address: UInt32) -> [Code] {
        var chain: [Code] = []
        // An inner one stands behind the outer one.
        var index = code.lastIndex { $0.contains(address) } ?? -1
        while index >= 0, chain.count < 64 {
            chain.append(code[index])
            index = code[index].parent
        }
        return chain
    }
}
