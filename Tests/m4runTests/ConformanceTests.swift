// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// A line of the sample `conformance`: what the core did, beside what the manual demands. `make conformance` asks QEMU, too.
struct ConformanceCase: Sendable, CustomTestStringConvertible {
    let name: String
    /// Words of 8 hexadecimal digits; behind them what ended a case that did not end by itself.
    let seen: String
    let demanded: String
    /// What engine 2.0 lacks: `permissions`, `operands`, `watchpoints`, or nothing.
    let needs: String

    var testDescription: String { name }

    init(name: String, seen: String, demanded: String = "", needs: String = "") {
        (self.name, self.seen, self.demanded, self.needs) = (name, seen, demanded, needs)
    }

    /// A whole line; nil for one that the end of the run cut short.
    init?(line: Substring) {
        let fields = line.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 5 else { return nil }
        self.init(name: fields[0], seen: fields[1], demanded: fields[2], needs: fields[3])
    }

    /// All of them. A case that ends the run leaves its name alone on the last line: the next run starts behind it.
    static let run = Result { () throws -> [ConformanceCase] in
        var cases: [ConformanceCase] = []
        var from: [String] = []
        for _ in 0..<20 {
            let result = try Command.run(["exec", Scratch.elf("conformance"), "--stop-at", "none", "--quiet", "--for", "1s", "--"] + from, in: Scratch.folder)
            let lines = result.out.split(separator: "\n")
            cases += lines.compactMap(ConformanceCase.init)
            guard let last = lines.last, ConformanceCase(line: last) == nil, let name = last.split(separator: "|").first else { break }
            cases.append(ConformanceCase(name: String(name), seen: "no end: " + result.err))
            from = ["-\(name)"]
        }
        return cases
    }
    static let all = (try? run.get()) ?? []
}

@Suite("Conformance of the core, by the sample's own cases")
struct ConformanceTests {
    @Test("Every case is reached, and none is lost on the way")
    func complete() throws {
        #expect(try ConformanceCase.run.get().count > 350)
        #expect(Set(ConformanceCase.all.map(\.name)).count == ConformanceCase.all.count)
    }

    @Test("The core does what the manual demands", arguments: ConformanceCase.all.filter { $0.needs.isEmpty })
    func demanded(_ entry: ConformanceCase) { #expect(entry.seen == entry.demanded && !entry.demanded.isEmpty) }

    @Test("The core does what the manual demands, where that takes more than engine 2.0", .needsEngine21, arguments: ConformanceCase.all.filter { !$0.needs.isEmpty })
    func demandedOfEngine21(_ entry: ConformanceCase) { #expect(entry.seen == entry.demanded && !entry.demanded.isEmpty) }

    @Test("Words behind -- choose cases by the beginning of their names")
    func chosen() throws {
        let result = try Command.run("exec", Scratch.elf("conformance"), "--stop-at", "none", "--quiet", "--", "sat-q", "branch-table")
        let names = result.out.split(separator: "\n").compactMap { ConformanceCase(line: $0)?.name }
        #expect(names == ["branch-table", "sat-qadd", "sat-qsub", "sat-qdadd", "sat-q-is-sticky"])
        #expect(result.status == 0)
    }
}
