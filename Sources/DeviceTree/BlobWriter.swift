// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLibFDT

/// A node of a device tree in the making.
public struct NewNode: Sendable {
    /// With its unit address; the root's is empty.
    public var name: String
    public var properties: [(name: String, value: [UInt8])]
    public var children: [NewNode]

    public init(_ name: String, _ properties: KeyValuePairs<String, NewProperty> = [:], _ children: [NewNode] = []) {
        self.name = name
        self.properties = properties.map { ($0.key, $0.value.bytes) }
        self.children = children
    }

    public mutating func set(_ name: String, _ value: NewProperty) { properties.append((name, value.bytes)) }
}

/// A property's value. Source: Devicetree Specification 0.4, 2.2.4.
public enum NewProperty: Sendable {
    case flag
    case cells([UInt32])
    case strings([String])
    case bytes([UInt8])

    public static func cell(_ value: UInt32) -> Self { .cells([value]) }
    public static func string(_ value: String) -> Self { .strings([value]) }

    var bytes: [UInt8] {
        switch self {
        case .flag: []
        case .cells(let cells): cells.flatMap { cell in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: cell >> $0) } }
        case .strings(let strings): strings.flatMap { Array($0.utf8) + [0] }
        case .bytes(let bytes): bytes
        }
    }
}

extension DeviceTree {
    /// The tree below `root` as a blob, written by libfdt.
    /// - Parameter size: of the room to write in, in bytes.
    /// - Throws: `.blob` with libfdt's reason: no room, or an invalid name.
    public static func blob(_ root: NewNode, size: Int = 1 << 16) throws(DeviceTreeError) -> [UInt8] {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { room.deallocate() }
        guard let start = room.baseAddress else { throw .blob(seen: "no room", allowed: "\(size) bytes") }
        func check(_ verdict: Int32, _ what: String) throws(DeviceTreeError) {
            guard verdict >= 0 else {
                throw .blob(seen: "libfdt at \(printable(what)): \(String(cString: fdt_strerror(verdict)))", allowed: "a tree of at most \(size) bytes")
            }
        }
        func write(_ node: NewNode) throws(DeviceTreeError) {
            try check(fdt_begin_node(start, node.name), node.name)
            for (name, value) in node.properties {
                let verdict = value.withUnsafeBytes { fdt_property(start, name, $0.baseAddress, Int32(clamping: $0.count)) }
                try check(verdict, "\(node.name): \(name)")
            }
            for child in node.children { try write(child) }
            try check(fdt_end_node(start), node.name)
        }
        try check(fdt_create(start, Int32(clamping: size)), "the header")
        try check(fdt_finish_reservemap(start), "the header")
        try write(root)
        try check(fdt_finish(start), "the end")
        let bytes = UnsafeRawBufferPointer(room)
        let total = (4..<8).reduce(0) { $0 << 8 | Int(bytes[$1]) }
        return Array(bytes.prefix(total))
    }
}
