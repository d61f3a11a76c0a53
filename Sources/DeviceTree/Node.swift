// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// One node of a device tree.
public struct Node: Sendable {
    let storage: DeviceTree.Storage
    let index: Int

    private var record: DeviceTree.NodeRecord { storage.nodes[index] }

    /// With its unit address: `m4@10000000`. The root's is empty.
    public var name: String { printable(record.name) }
    /// Without: `m4`.
    public var baseName: String { String(name.prefix { $0 != "@" }) }
    /// What stands behind the `@`.
    public var unitAddress: String? {
        guard let at = name.firstIndex(of: "@") else { return nil }
        return String(name[name.index(after: at)...])
    }
    public var parent: Node? { record.parent.map { Node(storage: storage, index: $0) } }
    /// `/ahb/m4@10000000`
    public var path: String {
        var names: [String] = [], place: Node? = self
        while let node = place, node.record.parent != nil {
            names.append(node.name)
            place = node.parent
        }
        return "/" + names.reversed().joined(separator: "/")
    }

    /// In the blob's order.
    public var children: [Node] {
        var result: [Node] = [], place = index + 1
        while place < record.end {
            result.append(Node(storage: storage, index: place))
            place = storage.nodes[place].end
        }
        return result
    }

    /// Names of the properties, in the blob's order.
    public var propertyNames: [String] { storage.properties[record.properties].map(\.name) }

    public func has(_ property: String) -> Bool { range(property) != nil }
    /// The value's bytes; nil when there is no such property.
    public func bytes(_ property: String) -> [UInt8]? { range(property).map { Array(storage.bytes[$0]) } }

    /// Where the value lies; of two properties of one name, the first, as Linux's.
    private func range(_ property: String) -> Range<Int>? { storage.properties[record.properties].first { $0.name == property }?.value }

    /// The value as 32-bit cells; nil when there is no such property.
    public func cells(_ property: String) throws(PropertyFault) -> [UInt32]? {
        guard let range = range(property) else { return nil }
        guard range.count % 4 == 0 else { throw PropertyFault(self, property, seen: "\(range.count) bytes", allowed: "a multiple of 4") }
        return stride(from: range.lowerBound, to: range.upperBound, by: 4).compactMap { storage.bytes.bigEndian($0..<$0 + 4) }
    }

    /// The value as one cell; nil when there is no such property.
    public func cell(_ property: String) throws(PropertyFault) -> UInt32? {
        guard let cells = try cells(property) else { return nil }
        guard cells.count == 1, let value = cells.first else { throw PropertyFault(self, property, seen: "\(cells.count) cells", allowed: "one") }
        return value
    }

    /// The value as a list of strings; nil when there is no such property.
    public func strings(_ property: String) throws(PropertyFault) -> [String]? {
        guard let range = range(property) else { return nil }
        guard let strings = storage.bytes.strings(range) else {
            throw PropertyFault(self, property, seen: "\(range.count) bytes that do not end in NUL", allowed: "NUL-terminated strings")
        }
        return strings.map(printable)
    }

    /// `compatible`, most specific first; empty when there is none or it is not made of strings.
    public var compatible: [String] { range("compatible").flatMap { storage.bytes.strings($0) } ?? [] }
    public func isCompatible(_ name: String) -> Bool { compatible.contains(name) }

    /// `status` as written; nil when there is none.
    public var status: String? { range("status").map { storage.bytes.strings($0)?.first.map(printable) ?? "(\($0.count) bytes)" } }
    /// Whether Linux takes the node: no `status`, "okay" or "ok".
    public var isAvailable: Bool { status.map { $0 == "okay" || $0 == "ok" } ?? true }
    /// The node itself or the nearest above it that is not available: no device is made of it then.
    public var disabledAt: Node? {
        var place: Node? = self
        while let node = place {
            if !node.isAvailable { return node }
            place = node.parent
        }
        return nil
    }

    public var phandle: UInt32? { storage.phandles.first { $0.value == index }?.key }
    /// The node that a phandle names, anywhere in the tree.
    public func node(phandle: UInt32) -> Node? { storage.phandles[phandle].map { Node(storage: storage, index: $0) } }
}

extension Node: Equatable {
    public static func == (a: Node, b: Node) -> Bool { a.storage === b.storage && a.index == b.index }
}
