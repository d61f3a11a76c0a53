// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import SourceLines
import TestSupport
import Testing

/// Structures and call frames, judged by gdb and readelf.
@Suite struct TypeAndFrameTests {
    @Test("Members of structures lie where gdb says, by tag and by typedef", .needsArm, .needsGDB, arguments: Program.high)
    func members(_ program: Program) throws {
        let (path, elf) = try program.built(), lines = SourceLines([elf])
        let members = ["top", "state", "priority", "started", "name", "last"]
        let commands = members.flatMap { ["-ex", "print/d (int)&((struct thread *)0)->\($0)", "-ex", "print/d (int)sizeof(((struct thread *)0)->\($0))"] }
        let text = try Tool.run("gdb-multiarch", ["-batch", "-nx"] + commands + ["-ex", "print/d (int)sizeof(struct thread)", path])
        let numbers = text.matches(of: #/ = (\d+)/#).compactMap { UInt32($0.1) }
        try #require(numbers.count == members.count * 2 + 1, "\(text)")
        for (index, member) in members.enumerated() {
            for name in ["thread", "thread_t"] {
                let found = try #require(lines.memberOffset(struct: name, member: member))
                #expect(found.offset == numbers[index * 2] && found.size == numbers[index * 2 + 1], "\(member)")
            }
        }
        #expect(lines.size(ofStruct: "thread_t") == numbers.last && lines.size(ofStruct: "item_t") == 12)
        #expect(lines.memberOffset(struct: "item_t", member: "owner")?.offset == 8)
        #expect(lines.memberOffset(struct: "thread", member: "nothing") == nil && lines.memberOffset(struct: "nothing", member: "name") == nil)
    }

    @Test("Frames are as readelf prints them", .needsArm, arguments: Program.high)
    func frames(_ program: Program) throws {
        let (path, elf) = try program.built(), lines = SourceLines([elf])
        let text = try Tool.run("arm-none-eabi-readelf", ["--debug-dump=frames-interp", path])
        var columns: [Substring] = [], rows = 0
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.first == "LOC" { columns = Array(words.dropFirst(2)) }
            guard let location = words.first, location.count == 8, let address = UInt32(location, radix: 16), words.count == columns.count + 2, address >= elf.code[0],
                let rule = lines.frameRule(at: address)
            else { continue }
            rows += 1
            let names = [7: "r7", 13: "r13"]
            #expect("\(names[rule.base] ?? "r\(rule.base)")\(rule.offset >= 0 ? "+" : "")\(rule.offset)" == words[1], "\(line)")
            for (column, word) in zip(columns, words.dropFirst(2)) {
                guard let register = column == "ra" ? 14 : Int(column.dropFirst()), register < 15, word.hasPrefix("c"), let offset = Int32(word.dropFirst()) else { continue }
                #expect(rule.registers[register] == .saved(offset), "\(line)")
            }
        }
        #expect(rows > 20)
    }
}
