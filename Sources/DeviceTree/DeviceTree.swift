// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A flattened device tree (`.dtb`), read once through libfdt and checked whole before anything of it is believed.
///
/// Source: Devicetree Specification 0.4, chapter 5; lookups as Linux's `of_*` functions do them.
public struct DeviceTree: Sendable {
    /// In bytes. Linux's own limit is 2 MiB.
    public static let largestBlob = 16 << 20
    /// Levels of nodes, the root counted; Linux's FDT_MAX_DEPTH.
    public static let deepestNode = 64

    struct NodeRecord: Sendable {
        let name: String
        let parent: Int?
        /// Nodes below, as far as the next one that is not.
        var end: Int
        let properties: Range<Int>
    }
    struct PropertyRecord: Sendable {
        let name: String
        let value: Range<Int>
    }

    /// What nodes refer to: one copy for all of them.
    final class Storage: Sendable {
        let bytes: [UInt8]
        /// In the order of the blob: each node before its children.
        let nodes: [NodeRecord]
        let properties: [PropertyRecord]
        /// The first node of each phandle.
        let phandles: [UInt32: Int]

        init(bytes: [UInt8], nodes: [NodeRecord], properties: [PropertyRecord]) {
            self.bytes = bytes
            self.nodes = nodes
            self.properties = properties
            var phandles: [UInt32: Int] = [:]
            for (index, node) in nodes.enumerated() {
                for property in properties[node.properties] where property.name == "phandle" || property.name == "linux,phandle" {
                    guard let value = bytes.bigEndian(property.value), value != 0, value != .max else { continue }
                    if phandles[value] == nil { phandles[value] = index }
                }
            }
            self.phandles = phandles
        }
    }

    let storage: Storage

    /// - Parameter blob: the file's bytes; what lies behind the header's total size is not looked at.
    /// - Throws: `.blob` for anything that libfdt's full check refuses, for a tree without a root or with two, for one deeper
    ///   than `deepestNode`, and for a format before version 16.
    public init(_ blob: [UInt8]) throws(DeviceTreeError) {
        storage = try BlobReader.read(blob)
    }

    public var root: Node { Node(storage: storage, index: 0) }
    /// Every node, parents before their children, in the blob's order.
    public var nodes: [Node] { storage.nodes.indices.map { Node(storage: storage, index: $0) } }

    /// The first node that has this phandle.
    public func node(phandle: UInt32) -> Node? { storage.phandles[phandle].map { Node(storage: storage, index: $0) } }

    /// The node at an absolute path, `/soc/mailbox@4c001000`, or at one that begins with an alias, `serial0/gnss`. A name without its unit address will do where
    /// it is the first such.
    public func node(path: String) -> Node? {
        var parts = path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        var node = root
        if !path.hasPrefix("/") {
            guard let alias = parts.first, let target = aliases.first(where: { $0.name == alias }), target.path.hasPrefix("/") else { return nil }
            parts = target.path.split(separator: "/").map(String.init) + parts.dropFirst()
        }
        for part in parts {
            let children = node.children
            guard let next = children.first(where: { $0.name == part }) ?? children.first(where: { $0.baseName == part }) else { return nil }
            node = next
        }
        return node
    }

    /// `/aliases`: name and path.
    public var aliases: [(name: String, path: String)] {
        guard let node = root.children.first(where: { $0.name == "aliases" }) else { return [] }
        return storage.properties[storage.nodes[node.index].properties].compactMap { property in
            guard let text = storage.bytes.strings(property.value)?.first else { return nil }
            return (property.name, text)
        }
    }
}

extension [UInt8] {
    /// The word at the beginning of `range`; nil when it is shorter.
    func bigEndian(_ range: Range<Int>) -> UInt32? {
        guard range.count >= 4, range.lowerBound >= 0, range.upperBound <= count else { return nil }
        return self[range.lowerBound..<range.lowerBound + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }

    /// NUL-terminated strings, one behind another; nil when the last has no end.
    func strings(_ range: Range<Int>) -> [String]? {
        guard range.lowerBound >= 0, range.upperBound <= count, let last = self[range].last, last == 0 else { return nil }
        return self[range].dropLast().split(separator: 0, omittingEmptySubsequences: false).map { ForeignText.name($0) }
    }
}
