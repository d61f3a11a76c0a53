// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// All lines of a file's code: the sequences of all units, by address.
struct LineTable {
    struct Sequence {
        var start, end: UInt32
        var unit: Int
        var rows: [LineRow]
    }
    private(set) var sequences: [Sequence] = []
    /// There is more than is kept.
    private(set) var isCut = false

    /// Firmware has some thousands.
    private static let mostRows = 4 << 20

    init() {}

    /// - Parameter units: each line program's place, and the unit whose numbers of files it uses.
    init(_ section: UnsafeRawBufferPointer, _ units: [(offset: Int, unit: Int)], _ code: KnownCode) {
        var left = Self.mostRows
        for (offset, unit) in units {
            guard var program = LineProgram(section, at: offset) else { continue }
            while left > 0, let (rows, end) = program.next(limit: left) {
                // A sequence that is dropped has cost its time, too.
                left -= max(1, rows.count)
                guard let start = rows.first?.address, code.believes(start, end) else { continue }
                sequences.append(Sequence(start: start, end: end, unit: unit, rows: rows))
            }
            isCut = isCut || left <= 0
        }
        // Two of which one was dropped, and has the other's size: nobody knows which.
        if sequences.count(where: { $0.start == KnownCode.dropped }) > 1 { sequences.removeAll { $0.start == KnownCode.dropped } }
        sequences = sequences.enumerated().sorted { ($0.element.start, $0.offset) < ($1.element.start, $1.offset) }.map(\.element)
    }

    /// The row that `address` belongs to, and its unit.
    func row(at address: UInt32) -> (row: LineRow, unit: Int)? {
        var low = 0, high = sequences.count
        while low < high {
            let middle = (low + high) / 2
            if sequences[middle].start <= address { low = middle + 1 } else { high = middle }
        }
        // They do not overlap, but where two files have compiled the same.
        for sequence in sequences[..<low].reversed().prefix(8) where address < sequence.end {
            return Self.row(at: address, sequence.rows).map { ($0, sequence.unit) }
        }
        return nil
    }

    private static func row(at address: UInt32, _ rows: [LineRow]) -> LineRow? {
        var low = 0, high = rows.count
        while low < high {
            let middle = (low + high) / 2
            if rows[middle].address <= address { low = middle + 1 } else { high = middle }
        }
        return low > 0 ? rows[low - 1] : nil
    }
}
