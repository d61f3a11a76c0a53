// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// A phandle and what follows it.
public struct Reference: Sendable {
    public var node: Node
    public var arguments: [UInt32]
}

/// A list of references as far as it can be read, and why no further.
public struct ReferenceList: Sendable {
    public var entries: [Reference] = []
    public var fault: PropertyFault?
    public init() {}
}

extension Node {
    /// A list of phandles, each followed by as many cells as the node it names says in `cells`, `#mbox-cells`; nil when there is
    /// no such property. As in Linux, what lies behind an entry that means nothing is not read.
    public func references(_ property: String, cells count: String) -> ReferenceList? {
        list(property) { node throws(PropertyFault) in
            guard let value = try node.cell(count) else { throw PropertyFault(node, count, seen: "nothing", allowed: "how many cells follow its phandle") }
            return value
        }
    }

    /// The same with a fixed number of cells behind each phandle.
    public func references(_ property: String, arguments: UInt32) -> ReferenceList? {
        list(property) { _ throws(PropertyFault) in arguments }
    }

    private func list(_ property: String, _ count: (Node) throws(PropertyFault) -> UInt32) -> ReferenceList? {
        var result = ReferenceList()
        do throws(PropertyFault) {
            guard let values = try cells(property) else { return nil }
            var place = 0
            while place < values.count {
                let phandle = values[place]
                guard let target = node(phandle: phandle) else {
                    throw PropertyFault(self, property, seen: "phandle 0x\(String(phandle, radix: 16)) in cell \(place)", allowed: "a phandle that a node has")
                }
                let arguments = try count(target)
                guard UInt64(arguments) <= UInt64(values.count - place - 1) else {
                    throw PropertyFault(
                        self, property, seen: "\(values.count - place - 1) cells behind \(target.path)", allowed: "\(arguments)")
                }
                let end = place + 1 + Int(arguments)
                result.entries.append(Reference(node: target, arguments: Array(values[(place + 1)..<end])))
                place = end
            }
        } catch { result.fault = error }
        return result
    }

    /// The first interrupt, of `interrupts-extended` or else of `interrupts` with the nearest `interrupt-parent`; nil when there is none.
    public func interrupt() throws(PropertyFault) -> Reference? {
        if let list = references("interrupts-extended", cells: "#interrupt-cells") {
            if let first = list.entries.first { return first }
            if let fault = list.fault { throw fault }
            return nil
        }
        guard let values = try cells("interrupts"), !values.isEmpty else { return nil }
        var place: Node? = self
        while let node = place {
            if let phandle = try node.cell("interrupt-parent") {
                guard let controller = self.node(phandle: phandle) else {
                    throw PropertyFault(node, "interrupt-parent", seen: "phandle 0x\(String(phandle, radix: 16))", allowed: "a phandle that a node has")
                }
                guard let count = try controller.cell("#interrupt-cells"), count > 0, UInt64(count) <= UInt64(values.count) else {
                    throw PropertyFault(self, "interrupts", seen: "\(values.count) cells", allowed: "as many as \(controller.path) has in #interrupt-cells")
                }
                return Reference(node: controller, arguments: Array(values.prefix(Int(count))))
            }
            place = node.parent
        }
        throw PropertyFault(self, "interrupts", seen: "no interrupt-parent here or above", allowed: "one that names the controller")
    }
}
