// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import Foundation
import SourceLines
import TestSupport
import Testing

/// Debugging information that is damaged, or nobody's: less is known, or nothing, and soon.
@Suite struct DamageTests {
    private static let rounds = Int(TestEnvironment.number("M4RUN_DAMAGE_ROUNDS") ?? 1500)

    /// Asks all questions; what comes is anything.
    private func ask(_ elf: ELFFile) -> Int {
        let lines = SourceLines([elf])
        var sum = 0
        let first = elf.section(named: ".text")?.address ?? 0
        for step in 0..<48 {
            sum += lines.frames(at: first &+ UInt32(step) &* 50).count
            sum += lines.frameRule(at: first &+ UInt32(step) &* 50) == nil ? 0 : 1
        }
        if case .success(let found) = lines.addresses(file: "main.c", line: 30) { sum += found.count }
        sum += lines.addresses(ofFunction: "main").count
        return sum + (lines.memberOffset(struct: "resource_table", member: "num") == nil ? 0 : 1)
    }

    @Test("Thousands of random bytes in .debug_*: no trap, and no round takes long", arguments: ["tty-echo", "conformance", "swift-echo"])
    func bytes(_ name: String) throws {
        let whole = try TestEnvironment.sample(name), elf = try ELFFile(whole)
        let sections = elf.sections.filter { $0.name?.hasPrefix(".debug_") == true && $0.name != ".debug_str" && $0.header.size > 0 }.map(\.header)
        let rounds = name == "conformance" ? Self.rounds / 10 : Self.rounds
        var choices = SeededChoices(seed: 17), most = Duration.zero, answers = 0
        for _ in 0..<rounds {
            var bytes = whole
            for _ in 0...choices.index(8) {
                let section = sections[choices.index(sections.count)]
                bytes[Int(section.offset) + choices.index(Int(section.size))] = UInt8(truncatingIfNeeded: choices.index(256))
            }
            let start = ContinuousClock.now
            answers += ask(try ELFFile(bytes))
            most = max(most, ContinuousClock.now - start)
        }
        #expect(most < .seconds(5))
        // It was not all for nothing.
        #expect(answers > rounds * 20)
    }

    @Test("A file that ends early, section headers anywhere, and sections without bytes")
    func shapes() throws {
        let whole = try TestEnvironment.sample("tty-echo")
        for end in stride(from: 52, to: whole.count, by: max(1, whole.count / 150)) { _ = ask(try ELFFile(Array(whole[..<end]))) }
        var choices = SeededChoices(seed: 5)
        let header = try ELFFile(whole).header
        for _ in 0..<400 {
            var bytes = whole
            for _ in 0...choices.index(6) {
                bytes[Int(header.sectionHeaderOffset) + choices.index(Int(header.sectionHeaderCount) * SectionHeader.size)] = UInt8(truncatingIfNeeded: choices.index(256))
            }
            _ = ask(try ELFFile(bytes))
        }
    }

    @Test("What would have libdw go through billions of things is not read")
    func floods() throws {
        var bytes = try TestEnvironment.sample("tty-echo")
        let elf = try ELFFile(bytes), abbreviations = try #require(elf.section(named: ".debug_abbrev"))
        // An abbreviation of a thousand attributes that take no byte: DW_AT_external, DW_FORM_flag_present.
        let flood = [1, 0x11, 1] + Array(repeating: [UInt8(0x3F), 0x19], count: 1000).joined() + [0, 0, 0]
        try #require(flood.count < Int(abbreviations.size))
        bytes.replaceSubrange(Int(abbreviations.offset)..<Int(abbreviations.offset) + flood.count, with: flood)
        let lines = SourceLines([try ELFFile(bytes)])
        #expect(lines.frames(at: 0x1000_0000).isEmpty && lines.problem == "the debugging information has entries that nobody would write")
    }
}

extension SeededChoices {
    fileprivate mutating func index(_ count: Int) -> Int { Int(below(UInt32(count))) }
}
