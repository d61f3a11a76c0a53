// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Looks for the code of a line in all lines of all files.
struct LineSearch {
    private let file: String
    private let line: Int
    private var found: Set<UInt32> = []
    /// Rows of the line that are still looked at.
    private var left = 4096
    private var isFileThere = false
    private var next: Int?
    /// Files that are there and have the same last name, or a similar one.
    private var near: Set<String> = []

    init(file: String, line: Int) { (self.file, self.line) = (file, line) }

    var result: Result<[UInt32], SourceSearchError> {
        guard isFileThere else { return .failure(.noFile(file, similar: Array(near.sorted().prefix(5)))) }
        return found.isEmpty ? .failure(.noCode(file: file, line: line, next: next)) : .success(found.sorted())
    }

    mutating func look(in opened: DebugFile) {
        var matches: [UInt64: Bool] = [:]
        /// The lowest address of each function or inlined part.
        var lowest: [DebugFile.Owner: UInt32] = [:]
        for sequence in opened.lines.sequences {
            for row in sequence.rows where row.isStatement && row.line > 0 {
                let key = UInt64(UInt32(truncatingIfNeeded: sequence.unit)) << 32 | UInt64(row.file)
                let isWanted = matches[key] ?? isWanted(opened.sourceFile(sequence.unit, row.file))
                matches[key] = isWanted
                guard isWanted else { continue }
                isFileThere = true
                guard row.line == line else {
                    if row.line > line { next = min(next ?? .max, Int(row.line)) }
                    continue
                }
                guard left > 0 else { continue }
                left -= 1
                guard let owner = opened.owner(of: row.address) else {
                    found.insert(row.address)
                    continue
                }
                lowest[owner] = min(lowest[owner] ?? .max, row.address)
            }
        }
        found.formUnion(lowest.values)
    }

    private mutating func isWanted(_ source: DebugFile.SourceFile?) -> Bool {
        guard let source else { return false }
        if source.file == file || source.shortFile == file || source.file.hasSuffix("/" + file) { return true }
        let name = source.shortFile.split(separator: "/").last.map(String.init) ?? source.shortFile
        let wanted = file.split(separator: "/").last.map { $0.lowercased() } ?? file.lowercased()
        if name.lowercased() == wanted || name.lowercased().contains(wanted) || wanted.contains(name.lowercased()) { near.insert(source.shortFile) }
        return false
    }
}
