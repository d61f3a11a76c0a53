// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import Testing

/// `m4run list`.
@Suite struct ListTests {
    private func entries(_ kind: String) throws -> [[String: Any]] {
        let result = try Command.run("list", kind, "--json")
        #expect(result.status == 0 && result.err.isEmpty, "\(result.err)")
        let object = try #require(try JSONSerialization.jsonObject(with: Data(result.outBytes)) as? [String: Any])
        #expect(object["kind"] as? String == kind && object.count == 2)
        return try #require(object["entries"] as? [[String: Any]])
    }
    private func names(_ kind: String, _ key: String = "name") throws -> [String] { try entries(kind).compactMap { $0[key] as? String } }

    @Test("Each kind that list names has a list, as text with a line an entry and as JSON with the same keys in each")
    func kinds() throws {
        let kinds = try Command.run("list").out.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) }
        #expect(kinds.count > 8 && kinds.contains("peripherals"))
        for kind in kinds {
            let text = try Command.run("list", kind), entries = try entries(kind)
            #expect(text.status == 0 && text.err.isEmpty && text.out.split(separator: "\n").count == entries.count, "\(kind)")
            #expect(Set(entries.map { $0.keys.sorted() }).count <= 1, "\(kind)")
        }
        let object = try JSONSerialization.jsonObject(with: Data(try Command.run("list", "--json").outBytes)) as? [String: Any]
        #expect((object?["entries"] as? [[String: Any]])?.compactMap { $0["kind"] as? String } == kinds)
        #expect(try Command.run("list", "nothing").status == 2)
    }

    @Test("Peripherals are the chip's blocks, with what their models lack by name")
    func peripherals() throws {
        let entries = try entries("peripherals")
        #expect(entries.count > 100)
        func block(_ name: String) throws -> [String: Any] { try #require(entries.first { $0["name"] as? String == name }) }
        let adc = try block("ADC1"), i2c = try block("I2C5"), ipcc = try block("IPCC")
        #expect(adc["address"] as? Int == 0x4800_3000 && adc["model"] as? String == "modelled")
        let missing = try #require(adc["missing"] as? [[String: Any]])
        let trigger = try #require(missing.first { $0["feature"] as? String == "external trigger" })
        #expect(trigger["fields"] as? [String] == ["CFGR.EXTEN"] && trigger["leaves_waiting"] as? Bool == true)
        #expect(i2c["model"] as? String == "unmodelled" && (i2c["missing"] as? [Any])?.isEmpty == true)
        #expect(ipcc["model"] as? String == "modelled")
        let line = try #require(try Command.run("list", "peripherals").out.split(separator: "\n").first { $0.hasPrefix("ADC1 ") })
        #expect(line.contains("0x48003000  modelled") && line.contains("external trigger"))
    }

    @Test("What a run finds, a doctor names and a run ends with is on the lists")
    func agreement() throws {
        let masked = try Command.run("doctor", Scratch.elf("doctor-masked"), "--boot", "elf", "--json").out
        let causes = try names("causes") + names("rules")
        let report = try #require(try JSONSerialization.jsonObject(with: Data(masked.utf8)) as? [String: Any])
        for entry in try #require(report["entries"] as? [[String: Any]]) { #expect(causes.contains(try #require(entry["name"] as? String))) }
        #expect(causes.contains(try #require(report["cause"] as? String)))
        let statuses = try entries("exit-statuses")
        #expect(statuses.compactMap { $0["status"] as? Int } == Array(0...8))
        #expect(statuses.allSatisfy { $0["summary"] is String })
        let help = try Command.run("run", "--help").out
        for boot in try names("boots") { #expect(help.contains(boot)) }
    }

    @Test("Each name that is explained by an entry has one, and what a result says is no number")
    func explained() throws {
        let topics = Set(try names("topics", "topic"))
        for name in try names("causes") + names("results") { #expect(topics.contains(name), "\(name)") }
        let results = try entries("results")
        let summaries = results.compactMap { $0["summary"] as? String }, numbers = summaries.filter { $0.contains("0x") }
        #expect(results.count > 15 && Set(summaries).count == results.count && numbers.isEmpty, "\(summaries)")
        let line = try #require(try Command.run("list", "results").out.split(separator: "\n").first { $0.hasPrefix("TEE_ERROR_CORRUPT_OBJECT ") })
        #expect(line.hasSuffix("0xf0100001  The resource table is misaligned"), "\(line)")
        for name in ["accepted", "TEE_SUCCESS"] { #expect(try Command.run("help", name).status == 0) }
    }

    @Test("A device tree's name that steers terminals is shown as text")
    func foreignNames() throws {
        let folder = try Scratch.newFolder(), trees = folder.appendingPathComponent("share/m4run/device-tree")
        defer { try? FileManager.default.removeItem(at: folder) }
        for place in [trees, folder.appendingPathComponent("bin")] { try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true) }
        #expect(FileManager.default.createFile(atPath: trees.path + "/a\u{1B}[31m\nb.dts", contents: Data()))
        let program = folder.appendingPathComponent("bin/m4run")
        try FileManager.default.copyItem(at: try Command.binary().resolvingSymlinksInPath(), to: program)
        let result = try Command.run(["list", "boards"], in: folder, program: program)
        #expect(result.status == 0 && result.out.split(separator: "\n").count == 2 && !result.out.contains("\u{1B}"), "\(result.out.debugDescription)")
    }

    @Test("list has --color as other commands have, and no option about a file of options")
    func color() throws {
        let error = try Command.run("list", "nothing", "--color", "always")
        #expect(error.status == 2 && error.err.contains("\u{1B}[1;31m"), "\(error.err.debugDescription)")
        let plain = try Command.run("list", "kernels"), colored = try Command.run("list", "kernels", "--color=always")
        #expect(colored.status == 0 && colored.out == plain.out)
        #expect(try Command.run("list", "kernels", "--no-config").status == 2)
    }

    @Test("Each kernel and boot sequence that is listed can be asked for")
    func choices() throws {
        let elf = try Scratch.elf("tty-echo")
        for entry in try entries("kernels") {
            let option = try #require(entry["option"] as? String), value = try #require(entry["value"] as? String)
            #expect(try Command.run("run", elf, "--boot", "elf", option, value, "--for", "1ms").status == 0, "\(option) \(value)")
        }
        let five = try #require(try entries("kernels").first { $0["option"] as? String == "--openstlinux" && $0["value"] as? String == "5" })
        #expect(five["kernel"] as? String == "6.1")
    }
}
