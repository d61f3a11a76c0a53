// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A node of a device tree in the making: edited by path, then written as a blob of format version 17.
public final class SourceNode {
    public let name: String
    public var properties: [(name: String, value: [UInt8])] = []
    public var children: [SourceNode] = []

    public init(_ name: String = "", _ properties: KeyValuePairs<String, [UInt8]> = [:], _ children: [SourceNode] = []) {
        self.name = name
        self.properties = properties.map { ($0.key, $0.value) }
        self.children = children
    }

    /// The node at a path; makes what is not there.
    public subscript(path: String) -> SourceNode {
        path.split(separator: "/").reduce(self) { node, part in
            if let child = node.children.first(where: { $0.name == part }) { return child }
            let child = SourceNode(String(part))
            node.children.append(child)
            return child
        }
    }

    /// Sets a property, or takes it away.
    public func set(_ name: String, _ value: [UInt8]?) {
        let index = properties.firstIndex { $0.name == name }
        switch (index, value) {
        case (let index?, let value?): properties[index].value = value
        case (let index?, nil): properties.remove(at: index)
        case (nil, let value?): properties.append((name, value))
        case (nil, nil): break
        }
    }

    /// The tree below this node as a `.dtb`.
    public var blob: [UInt8] {
        var structure: [UInt8] = [], strings: [UInt8] = []
        write(&structure, &strings)
        structure += cells(9)
        let head = 40 + 16
        let header: [UInt32] = [
            0xD00D_FEED, UInt32(head + structure.count + strings.count), UInt32(head), UInt32(head + structure.count), 40, 17, 16, 0,
            UInt32(strings.count), UInt32(structure.count),
        ]
        return header.flatMap { cells($0) } + [UInt8](repeating: 0, count: 16) + structure + strings
    }

    private func write(_ structure: inout [UInt8], _ strings: inout [UInt8]) {
        structure += cells(1) + padded(Array(name.utf8) + [0])
        for (name, value) in properties {
            structure += cells(3, UInt32(value.count), UInt32(strings.count)) + padded(value)
            strings += Array(name.utf8) + [0]
        }
        for child in children { child.write(&structure, &strings) }
        structure += cells(2)
    }

    private func padded(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) }
}

public func cells(_ values: UInt32...) -> [UInt8] { values.flatMap { value in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } } }
public func strings(_ values: String...) -> [UInt8] { values.flatMap { Array($0.utf8) + [0] } }
public let flag: [UInt8] = []
