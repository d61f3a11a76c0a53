// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTree
import DeviceTreeFixtures
import Testing

private func refusal(_ blob: [UInt8]) -> String? {
    do throws(DeviceTreeError) { _ = try DeviceTree(blob) } catch { return error.description }
    return nil
}

@Suite("Reading flattened device trees")
struct DeviceTreeTests {
    @Test("Nodes are found by path, by compatible, by alias and by phandle")
    func lookup() throws {
        let source = dk2()
        source["aliases"].set("coprocessor", strings("/ahb/m4@10000000"))
        let tree = try DeviceTree(source.blob)
        let node = try #require(tree.nodes.first { $0.isCompatible("st,stm32mp1-m4") })
        #expect(node.path == "/ahb/m4@10000000")
        #expect((node.name, node.baseName, node.unitAddress) == ("m4@10000000", "m4", "10000000"))
        #expect(tree.node(path: "/ahb/m4@10000000") == node)
        #expect(tree.node(path: "/ahb/m4") == node)
        #expect(tree.node(path: "coprocessor") == node)
        #expect(tree.node(path: "/ahb/nobody") == nil)
        #expect(tree.node(phandle: 4)?.path == "/soc/mailbox@4c001000")
        #expect(tree.root.children.map(\.name) == ["reserved-memory", "soc", "ahb", "aliases"])
    }

    @Test("An address goes through the ranges of every bus above it")
    func translation() throws {
        let source = SourceNode()
        source.set("#address-cells", cells(2))
        source.set("#size-cells", cells(1))
        let bus = source["bus"]
        bus.set("#address-cells", cells(1))
        bus.set("#size-cells", cells(1))
        bus.set("ranges", cells(0x1000, 0, 0x4000_0000, 0x1000))
        let child = source["bus/child@1010"]
        child.set("reg", cells(0x1010, 0x10))
        let tree = try DeviceTree(source.blob)
        let node = try #require(tree.node(path: "/bus/child"))
        #expect(try node.registers() == [AddressRange(start: 0x1010, size: 0x10)])
        #expect(try node.translate(0x1010) == 0x4000_0010)
        #expect(try node.translate(0x2000) == nil)
        bus.set("ranges", nil)
        #expect(try DeviceTree(source.blob).node(path: "/bus/child")?.translate(0x1010) == nil)
    }

    @Test("Cells that are not what the bus counts in are named with node, property, what was seen and what is allowed")
    func cellCounts() throws {
        let source = dk2()
        source["/ahb"].set("dma-ranges", cells(0, 1, 2, 3))
        source["/soc/rcc@50000000"].set("reg", [1, 2, 3])
        let tree = try DeviceTree(source.blob)
        #expect(throws: PropertyFault.self) { try tree.node(path: "/soc/rcc")?.registers() }
        let bus = try #require(tree.node(path: "/ahb"))
        var text = ""
        do throws(PropertyFault) { _ = try bus.mappings("dma-ranges") } catch { text = error.description }
        #expect(text.hasPrefix("/ahb: dma-ranges: 4 cells; allowed is a multiple of 3"))
    }

    @Test("References end where a phandle means nothing, and say so")
    func references() throws {
        let source = dk2()
        source[DK2.node].set("mboxes", cells(4, 0, 99, 1, 4, 2))
        let list = try #require(try DeviceTree(source.blob).node(path: DK2.node)?.references("mboxes", cells: "#mbox-cells"))
        #expect(list.entries.map(\.arguments) == [[0]])
        #expect(list.fault?.description == "/ahb/m4@10000000: mboxes: phandle 0x63 in cell 2; allowed is a phandle that a node has")
    }

    @Test("Phandles in a circle end")
    func circles() throws {
        let source = SourceNode()
        source["a"].set("phandle", cells(1))
        source["a"].set("interrupt-parent", cells(2))
        source["b"].set("phandle", cells(2))
        source["b"].set("interrupt-parent", cells(1))
        source["a"].set("interrupts", cells(1))
        let tree = try DeviceTree(source.blob)
        #expect(throws: PropertyFault.self) { try tree.node(path: "/a")?.interrupt() }
    }
}

@Suite("Damaged device trees")
struct DamagedTreeTests {
    @Test("An invalid or incomplete blob is reported in one sentence")
    func header() {
        let blob = dk2().blob
        #expect(refusal(blob) == nil)
        #expect(refusal([]) == "not a device tree that can be read: 0 bytes; allowed is a header of 40, and more")
        #expect(refusal([UInt8](repeating: 0x7F, count: 100)) == "not a device tree that can be read: magic 0x7f7f7f7f; allowed is 0xd00dfeed")
        #expect(refusal(Array(blob.dropLast(5)))?.contains("\(blob.count - 5) bytes, but a total size of \(blob.count)") == true)
        var version = blob
        version[23] = 3
        #expect(refusal(version)?.contains("format version 3; allowed is 16 and later") == true)
    }

    @Test("Every offset and size of the header may be wrong")
    func offsets() {
        for field in 1..<10 where field != 7 {
            for value: UInt32 in [0xFFFF_FFFF, 0x8000_0000, 0x7FFF_FFFC, 0x1000_0001] {
                var blob = dk2().blob
                blob.replaceSubrange(field * 4..<field * 4 + 4, with: cells(value))
                // Versions newer than 17 may say that they can be read as 17.
                if field == 5 { continue }
                #expect(refusal(blob) != nil, "field \(field) = \(value)")
            }
        }
    }

    @Test("Structure that is damaged is found, with the node that it is in")
    func structure() throws {
        var blob = dk2().blob
        let begin = try #require(blob.indices.dropFirst(60).first { Array(blob[$0...].prefix(8)) == Array("m4@10000".utf8) })
        blob[begin - 1] = 7
        let text = try #require(refusal(blob))
        #expect(text.contains("FDT_ERR_BADSTRUCTURE, in or behind node /ahb, at offset 0x"))
    }

    @Test("Nodes nested deeper than Linux reads are refused, however deep")
    func depth() {
        for depth in [63, 64, 100, 100_000] {
            var structure = cells(1, 0)
            for _ in 1..<depth { structure += cells(1) + [0x61, 0, 0, 0] }
            for _ in 0..<depth { structure += cells(2) }
            structure += cells(9)
            let size = UInt32(structure.count)
            let blob = cells(0xD00D_FEED, 56 + size, 56, 56 + size, 40, 17, 16, 0, 0, size) + [UInt8](repeating: 0, count: 16) + structure
            let text = refusal(blob)
            if depth <= DeviceTree.deepestNode { #expect(text == nil) } else { #expect(text?.contains("nested 65 deep") == true) }
        }
    }

    @Test("Two roots, or none, are no tree")
    func roots() {
        func blob(_ structure: [UInt8]) -> [UInt8] {
            let size = UInt32(structure.count)
            return cells(0xD00D_FEED, 56 + size, 56, 56 + size, 40, 17, 16, 0, 0, size) + [UInt8](repeating: 0, count: 16) + structure
        }
        #expect(refusal(blob(cells(1, 0, 2, 9))) == nil)
        #expect(refusal(blob(cells(9))) != nil)
        #expect(refusal(blob(cells(1, 0, 2, 1, 0, 2, 9))) != nil)
    }
}
