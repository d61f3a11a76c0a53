// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Why a device tree, or a property in it, means nothing. Each says what was seen and what is allowed.
public enum DeviceTreeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The blob as a whole: header, block bounds, structure.
    case blob(seen: String, allowed: String)
    /// One property of one node.
    case property(PropertyFault)

    public var description: String {
        switch self {
        case .blob(let seen, let allowed): "not a device tree that can be read: \(seen); allowed is \(allowed)"
        case .property(let fault): fault.description
        }
    }
}

/// A property that does not say what it should.
public struct PropertyFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// The node's path.
    public var node: String
    public var property: String
    public var seen: String
    public var allowed: String

    public init(_ node: Node, _ property: String, seen: String, allowed: String) {
        self.node = node.path
        self.property = property
        self.seen = seen
        self.allowed = allowed
    }

    public var description: String { "\(node): \(property): \(seen); allowed is \(allowed)" }
}

/// Text out of a blob as people read it: what is not printable ASCII becomes `\xNN`.
func printable(_ text: String) -> String { ForeignText.ascii(text) }
