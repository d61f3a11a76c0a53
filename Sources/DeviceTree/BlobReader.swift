// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLibFDT
import Glibc
import MachineBase

/// From a blob's bytes to the tables that lookups work on: libfdt checks and walks, once.
enum BlobReader {
    static func read(_ blob: [UInt8]) throws(DeviceTreeError) -> DeviceTree.Storage {
        guard blob.count <= DeviceTree.largestBlob else {
            throw .blob(seen: "\(blob.count) bytes", allowed: "at most \(DeviceTree.largestBlob)")
        }
        let header = 40
        guard blob.count >= header else { throw .blob(seen: "\(blob.count) bytes", allowed: "a header of \(header), and more") }
        let magic = word(blob, 0), total = word(blob, 4), version = word(blob, 20)
        guard magic == 0xD00D_FEED else { throw .blob(seen: "magic \(hex(magic))", allowed: "0xd00dfeed") }
        guard total <= blob.count else {
            throw .blob(seen: "\(blob.count) bytes, but a total size of \(total) in the header", allowed: "all of it: the file was cut short")
        }
        guard version >= 16 else { throw .blob(seen: "format version \(version)", allowed: "16 and later") }

        // libfdt wants the blob at an address that is a multiple of 8.
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: blob.count, alignment: 16)
        defer { copy.deallocate() }
        copy.copyBytes(from: blob)
        guard let tree = UnsafeRawPointer(copy.baseAddress) else { throw .blob(seen: "no bytes", allowed: "a device tree") }
        let verdict = fdt_check_full(tree, blob.count)
        guard verdict == 0 else {
            throw .blob(seen: "\(name(verdict)), \(whereabouts(tree))", allowed: "a structure that libfdt's full check passes")
        }
        return try walk(tree, blob)
    }

    private static func walk(_ tree: UnsafeRawPointer, _ blob: [UInt8]) throws(DeviceTreeError) -> DeviceTree.Storage {
        var nodes: [DeviceTree.NodeRecord] = [], properties: [DeviceTree.PropertyRecord] = []
        /// The way from the root to the last node.
        var open: [Int] = []
        var depth: Int32 = -1
        var offset = fdt_next_node(tree, -1, &depth)
        while offset >= 0, depth >= 0 {
            let level = Int(depth)
            guard level < DeviceTree.deepestNode else {
                throw .blob(seen: "nodes nested \(level + 1) deep, \(whereabouts(tree, before: offset))", allowed: "at most \(DeviceTree.deepestNode), as in Linux")
            }
            guard level <= open.count, level > 0 || nodes.isEmpty else {
                throw .blob(seen: "a second root node", allowed: "one")
            }
            while open.count > level { nodes[open.removeLast()].end = nodes.count }
            var length: Int32 = 0
            guard let text = fdt_get_name(tree, offset, &length) else { throw .blob(seen: "\(name(length)) at the name of a node", allowed: "a name") }
            let first = properties.count
            var place = fdt_first_property_offset(tree, offset)
            while place >= 0 {
                var key: UnsafePointer<CChar>?, size: Int32 = 0
                guard let value = fdt_getprop_by_offset(tree, place, &key, &size), let key, size >= 0 else {
                    throw .blob(seen: "\(name(size)) at a property of \(printable(Self.text(text)))", allowed: "a name and a value")
                }
                let start = UnsafeRawPointer(value) - tree
                guard start >= 0, start + Int(size) <= blob.count else {
                    throw .blob(seen: "a property of \(printable(Self.text(text))) that ends outside of the blob", allowed: "one inside")
                }
                properties.append(.init(name: Self.text(key), value: start..<start + Int(size)))
                place = fdt_next_property_offset(tree, place)
            }
            open.append(nodes.count)
            nodes.append(.init(name: Self.text(text), parent: open.dropLast().last, end: nodes.count + 1, properties: first..<properties.count))
            offset = fdt_next_node(tree, offset, &depth)
        }
        while let last = open.popLast() { nodes[last].end = nodes.count }
        guard !nodes.isEmpty else { throw .blob(seen: "no node", allowed: "a root node") }
        return DeviceTree.Storage(bytes: blob, nodes: nodes, properties: properties)
    }

    /// The nodes that are open where reading stops: the path of what is damaged, or of what comes before it.
    private static func whereabouts(_ tree: UnsafeRawPointer, before limit: Int32 = .max) -> String {
        guard fdt_check_header(tree) == 0 else { return "in the header" }
        var path: [String] = [], offset: Int32 = 0
        while offset < limit {
            var next: Int32 = 0
            let tag = fdt_next_tag(tree, offset, &next)
            guard next > offset else { break }
            if tag == FDT_BEGIN_NODE {
                guard let text = fdt_get_name(tree, offset, nil) else { break }
                path.append(printable(Self.text(text)))
            } else if tag == FDT_END_NODE {
                guard path.popLast() != nil else { break }
            } else if tag == FDT_PROP {
                guard fdt_getprop_by_offset(tree, offset, nil, nil) != nil else { break }
            } else if tag == FDT_END {
                break
            }
            offset = next
        }
        let shown = path.dropFirst().prefix(8).joined(separator: "/") + (path.count > 9 ? "/…" : "")
        return "in or behind node /\(shown), at offset \(hex(UInt32(bitPattern: offset))) of the structure block"
    }

    /// A name that need not be UTF-8.
    private static func text(_ name: UnsafePointer<CChar>) -> String { ForeignText.name(UnsafeRawBufferPointer(start: name, count: strlen(name))) }
    private static func name(_ code: Int32) -> String { String(cString: fdt_strerror(code)) }
    private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt32 { bytes.bigEndian(offset..<offset + 4) ?? 0 }
    private static func hex(_ value: UInt32) -> String { "0x" + String(value, radix: 16) }
}
