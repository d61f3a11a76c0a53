// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// An address and a length as a bus counts them.
public struct AddressRange: Equatable, Sendable {
    public var start: UInt64
    /// In bytes.
    public var size: UInt64
    public init(start: UInt64, size: UInt64) { self.start = start; self.size = size }
}

/// An entry of `ranges` or `dma-ranges`: `size` bytes at `child` on the bus are those at `parent` above it.
public struct RangeMapping: Equatable, Sendable {
    public var child: UInt64
    public var parent: UInt64
    /// In bytes.
    public var size: UInt64
}

extension Node {
    /// Cells of an address on this node's bus: its own `#address-cells`, else the nearest above, else 1, as Linux has it.
    public func addressCells() throws(PropertyFault) -> Int { try cellCount("#address-cells", allowed: 0...4) }
    /// Cells of a length on this node's bus.
    public func sizeCells() throws(PropertyFault) -> Int { try cellCount("#size-cells", allowed: 0...2) }

    private func cellCount(_ property: String, allowed: ClosedRange<Int>) throws(PropertyFault) -> Int {
        var place: Node? = self
        while let node = place {
            if let value = try node.cell(property) {
                guard value <= UInt32(allowed.upperBound) else {
                    throw PropertyFault(node, property, seen: "\(value)", allowed: "\(allowed.lowerBound) to \(allowed.upperBound)")
                }
                return Int(value)
            }
            place = node.parent
        }
        return 1
    }

    /// `reg`, in the terms of the parent's bus; nil when there is none.
    public func registers() throws(PropertyFault) -> [AddressRange]? {
        guard let values = try cells("reg") else { return nil }
        let bus = parent ?? self
        let address = try bus.addressCells(), size = try bus.sizeCells()
        let step = address + size
        guard step > 0, address <= 2, values.count % step == 0, !values.isEmpty else {
            throw PropertyFault(
                self, "reg", seen: "\(values.count) cells",
                allowed: "a multiple of \(step): \(address) of address (at most 2) and \(size) of size, as \(bus.path) has it")
        }
        return stride(from: 0, to: values.count, by: step).map { place in
            AddressRange(start: Self.number(values, place, address), size: Self.number(values, place + address, size))
        }
    }

    /// `ranges` or `dma-ranges` of a bus: child address in its own cells, parent address in its parent's, length in its own.
    /// Nil when there is none; empty when it says that both sides are the same.
    public func mappings(_ property: String) throws(PropertyFault) -> [RangeMapping]? {
        guard let values = try cells(property) else { return nil }
        if values.isEmpty { return [] }
        let above = parent ?? self
        let child = try addressCells(), upper = try above.addressCells(), size = try sizeCells()
        let step = child + upper + size
        guard step > 0, child <= 2, upper <= 2, values.count % step == 0 else {
            throw PropertyFault(
                self, property, seen: "\(values.count) cells",
                allowed: "a multiple of \(step): \(child) of child address, \(upper) of parent address (at most 2 each), \(size) of size")
        }
        return stride(from: 0, to: values.count, by: step).map { place in
            RangeMapping(
                child: Self.number(values, place, child), parent: Self.number(values, place + child, upper),
                size: Self.number(values, place + child + upper, size))
        }
    }

    private static func number(_ values: [UInt32], _ place: Int, _ count: Int) -> UInt64 {
        values[place..<place + count].reduce(0) { $0 << 32 | UInt64($1) }
    }

    /// An address of this node's `reg`, as the processor sees it: through the `ranges` of every bus above.
    /// - Returns: nil when a bus has no `ranges`, or none that holds the address: the node is not in the processor's memory.
    public func translate(_ address: UInt64) throws(PropertyFault) -> UInt64? {
        var address = address, place = parent
        while let bus = place, bus.parent != nil {
            guard let mappings = try bus.mappings("ranges") else { return nil }
            if !mappings.isEmpty {
                guard let hit = mappings.first(where: { address >= $0.child && address &- $0.child < $0.size }) else { return nil }
                let moved = hit.parent.addingReportingOverflow(address &- hit.child)
                guard !moved.overflow else { return nil }
                address = moved.partialValue
            }
            place = bus.parent
        }
        return address
    }
}
