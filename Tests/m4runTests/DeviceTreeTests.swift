// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTreeFixtures
import Foundation
import Testing

@Suite("m4run dt, and run --dtb")
struct DeviceTreeCommandTests {
    @Test("dt shows what was understood as text")
    func text() throws {
        try Scratch.write(dk2().blob, "dk2.dtb")
        let result = try Command.run("dt", "dk2.dtb")
        #expect(result.status == 0)
        #expect(result.out.hasPrefix("/ahb/m4@10000000  (test)\n  compatible  st,stm32mp1-m4\n  boot        elf\n"))
        #expect(result.out.contains("    retram        0x38000000 + 0x10000   device 0x00000000\n"))
        #expect(result.out.contains("  mailboxes   vq0 0, vq1 1, shutdown 2, detach 3\n"))
        #expect(!result.out.contains("warning"))
    }

    @Test("dt --json has the same keys whether Linux takes the node or not")
    func json() throws {
        let refused = dk2()
        refused[DK2.node].set("status", strings("disabled"))
        try Scratch.write(dk2().blob, "json.dtb")
        try Scratch.write(refused.blob, "refused.dtb")
        func object(_ result: Command.Result) throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: Data(result.out.utf8)) as? [String: Any])
        }
        let good = try Command.run("dt", "--json", "json.dtb"), bad = try Command.run("dt", "--json", "refused.dtb")
        #expect((good.status, bad.status) == (0, 4))
        let first = try object(good), second = try object(bad)
        #expect(first.keys.sorted() == second.keys.sorted())
        #expect(first["auto_boot"] as? Bool == false)
        #expect((first["regions"] as? [[String: Any]])?.count == 6)
        #expect((second["error"] as? String)?.contains("status: \"disabled\"") == true)
        #expect(second["node"] is NSNull && second["model"] is NSNull)
        #expect(first["exit"] as? Int == 0 && second["exit"] as? Int == 4)
    }

    @Test("A file that is not a device tree is named, with status 2")
    func damaged() throws {
        try Scratch.write(Array("not a tree, and longer than a header would be".utf8), "text.dtb")
        try Scratch.write(Array(dk2().blob.dropLast(100)), "short.dtb")
        for (name, words) in [("text.dtb", "magic 0x6e6f7420; allowed is 0xd00dfeed"), ("short.dtb", "the file was cut short")] {
            for arguments in [["dt", name], ["run", try Scratch.elf("tty-echo"), "--dtb", name]] {
                let result = try Command.run(arguments, in: Scratch.folder)
                #expect(result.status == 2)
                #expect(result.err.hasPrefix("m4run: \(name): not a device tree that can be read: "), "\(result.err)")
                #expect(result.err.contains(words), "\(result.err)")
            }
        }
    }

    @Test("The tree says how firmware is loaded, and another --boot is a contradiction")
    func boot() throws {
        try Scratch.write(dk2().blob, "linux.dtb")
        let tee = dk2()
        tee[DK2.node].set("compatible", strings("st,stm32mp1-m4-tee"))
        try Scratch.write(tee.blob, "tee.dtb")
        let plain = try Command.run("run", Scratch.elf("tty-echo"), "--dtb", "linux.dtb", "--send", "hello", "--expect", "hello")
        #expect(plain.status == 0, "\(plain.err)")
        #expect(plain.err.contains("Booting fw image tty-echo.elf"))
        let signed = try Command.run("run", Scratch.signed("tty-echo"), "--dtb", "tee.dtb", "--unverified", "--send", "hello", "--expect", "hello")
        #expect(signed.status == 0, "\(signed.err)")
        #expect(signed.err.contains("Booting a private format image"))
        let contradiction = try Command.run("run", Scratch.signed("tty-echo"), "--dtb", "linux.dtb", "--boot", "tee-ops", "--unverified")
        #expect(contradiction.status == 2)
        #expect(contradiction.err.contains("linux.dtb: /ahb/m4@10000000: compatible \"st,stm32mp1-m4\" without st,rproc-tee: this is a node for --boot elf, not for --boot tee-ops"))
        let key = try Command.run("run", Scratch.signed("tty-echo"), "--dtb", "linux.dtb", "--unverified")
        #expect(key.status == 2)
        #expect(key.err.contains("in which OP-TEE takes no part"))
    }

    @Test("With st,auto-boot the kernel boots the firmware that the tree names")
    func autoBoot() throws {
        let tree = dk2()
        tree[DK2.node].set("st,auto-boot", flag)
        try Scratch.write(tree.blob, "auto.dtb")
        let result = try Command.run("run", Scratch.elf("tty-echo"), "--dtb", "auto.dtb", "--send", "hello", "--expect", "hello")
        #expect(result.status == 0, "\(result.err)")
        #expect(result.err.contains("Booting fw image rproc-m4-fw, size"))
    }

    @Test("Firmware finds its memory where the tree puts it, and not where the tree does not")
    func regions() throws {
        // Rings elsewhere than on a DK2: the host says where.
        let moved = dk2()
        let memory = moved["/reserved-memory"]
        memory.children.removeAll { $0.name == "mcuram2@10000000" }
        let small = moved["/reserved-memory/mcuram2@10000000"]
        small.set("compatible", strings("shared-dma-pool"))
        small.set("no-map", flag)
        small.set("reg", cells(0x1000_0000, 0x1000))
        small.set("phandle", cells(18))
        moved[DK2.node].set("memory-region", cells(16, 18, 19, 20, 21))
        try Scratch.write(moved.blob, "small.dtb")
        let result = try Command.run("run", Scratch.elf("tty-echo"), "--dtb", "small.dtb")
        #expect(result.status == 4)
        #expect(result.err.contains("bad phdr da"), "\(result.err)")
    }

    @Test("doctor says which channel, or which region, the tree and the firmware do not agree on")
    func doctor() throws {
        func diagnose(_ name: String, _ change: (SourceNode) -> Void) throws -> Command.Result {
            let tree = dk2()
            change(tree)
            try Scratch.write(tree.blob, name)
            return try Command.run("doctor", Scratch.elf("tty-echo"), "--dtb", name, "--for", "100ms")
        }
        let fine = try diagnose("doctor-fine.dtb") { _ in }
        #expect(fine.status == 0 && fine.out.hasPrefix("tty-echo.elf: fine. 2 channels"), "\(fine.out)")
        let other = try diagnose("doctor-other.dtb") { $0[DK2.node].set("mboxes", cells(4, 4, 4, 5, 4, 2, 4, 3)) }
        #expect(other.status == 1)
        #expect(other.out.hasPrefix("tty-echo.elf: mailbox-masked. Linux has rung IPCC channel 5 and got no answer"), "\(other.out)")
        let swapped = try diagnose("doctor-swapped.dtb") { $0[DK2.node].set("mboxes", cells(4, 1, 4, 0, 4, 2, 4, 3)) }
        #expect(swapped.out.hasPrefix("tty-echo.elf: wrong-channel. "), "\(swapped.out)")
        let missing = try diagnose("doctor-missing.dtb") { $0[DK2.node].set("mbox-names", strings("vq9", "vq1", "shutdown", "detach")) }
        #expect(missing.out.hasPrefix("tty-echo.elf: mailbox-missing. The device tree's node has no mailbox vq0"), "\(missing.out)")
        let ring = try diagnose("doctor-ring.dtb") { $0[DK2.node].set("memory-region", cells(16, 17, 18, 20, 21)) }
        #expect(ring.status == 4)
        #expect(ring.out.contains("memory-region names no vdev0vring0"), "\(ring.out)")
        let code = try diagnose("doctor-code.dtb") { $0[DK2.node].set("memory-region", cells(16, 19, 20, 21)) }
        #expect(code.status == 4)
        #expect(code.out.hasPrefix("tty-echo.elf: segment-outside. "), "\(code.out)")
    }

    @Test("The source of a device tree is told to be compiled first")
    func source() throws {
        let text = Array("/dts-v1/;\n/ { model = \"x\"; };\n".utf8)
        let plain = try Command.run("dt", Scratch.write(text, "board.dts"))
        #expect(plain.status == 2 && plain.err.contains("compile it first: dtc -I dts -O dtb -o board.dtb board.dts"), "\(plain.err)")
        let included = try Command.run("dt", Scratch.write(Array("#include \"soc.dtsi\"\n".utf8) + text, "included.dts"))
        #expect(included.err.contains("cpp -nostdinc -undef -x assembler-with-cpp -I INCLUDES included.dts | dtc"), "\(included.err)")
    }

    @Test("A region of DDR that the M4 does not have is named, with --ddr")
    func ddr() throws {
        let tree = dk2()
        let region = tree["reserved-memory"]["m4ddr@c8000000"]
        region.set("compatible", strings("shared-dma-pool"))
        region.set("reg", cells(0xC800_0000, 0x10_0000))
        region.set("no-map", flag)
        region.set("phandle", cells(40))
        tree["ahb"].set("dma-ranges", cells(0, 0x3800_0000, 0x1_0000, 0x1000_0000, 0x1000_0000, 0x6_0000, 0x3000_0000, 0x3000_0000, 0x6_0000, 0xC000_0000, 0xC000_0000, 0x1000_0000))
        tree[DK2.node].set("memory-region", cells(16, 17, 18, 19, 20, 21, 40))
        try Scratch.write(tree.blob, "ddr.dtb")
        let elf = try Scratch.elf("tty-echo")
        let without = try Command.run("run", elf, "--dtb", "ddr.dtb", "--boot", "elf", "--send", "x")
        #expect(without.err.contains("m4ddr (0xc8000000+0x100000): DDR, of which the M4 has none here; --ddr 129 gives it"), "\(without.err)")
        let with = try Command.run("run", elf, "--dtb", "ddr.dtb", "--boot", "elf", "--send", "x", "--ddr", "129")
        #expect(with.status == 0 && !with.err.contains("DDR, of which"), "\(with.err)")
    }
}
