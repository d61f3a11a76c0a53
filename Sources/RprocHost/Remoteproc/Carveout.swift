// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// One entry of the remote processor's carveout list (`struct rproc_mem_entry`).
public final class Carveout {
    enum Origin: Equatable, Sendable { case region(MemoryRegion), bufferPool(MemoryRegion), dynamic }
    public let name: String
    /// In bytes.
    public let length: UInt32
    public internal(set) var deviceAddress: DeviceAddress
    /// Set once the carveout is allocated or mapped.
    public internal(set) var physicalAddress: PhysicalAddress?
    let origin: Origin
    /// Offset of the CARVEOUT entry it is bound to, in the resource table.
    var resourceOffset: Int?

    struct State: Equatable, Sendable {
        var name: String
        var length: UInt32
        var origin: Origin
        var deviceAddress: DeviceAddress
        var physicalAddress: PhysicalAddress?
        var resourceOffset: Int?
    }
    var state: State {
        State(
            name: name, length: length, origin: origin, deviceAddress: deviceAddress, physicalAddress: physicalAddress, resourceOffset: resourceOffset)
    }

    convenience init(_ state: State) {
        self.init(name: state.name, length: state.length, deviceAddress: state.deviceAddress, origin: state.origin)
        restore(state)
    }

    /// Becomes the carveout of that state, if it is for the same memory.
    /// - Returns: whether it is.
    @discardableResult func restore(_ state: State) -> Bool {
        guard name.utf8.elementsEqual(state.name.utf8), length == state.length, origin == state.origin else { return false }
        (deviceAddress, physicalAddress, resourceOffset) = (state.deviceAddress, state.physicalAddress, state.resourceOffset)
        return true
    }

    init(name: String, length: UInt32, deviceAddress: DeviceAddress, origin: Origin) {
        self.name = name; self.length = length; self.deviceAddress = deviceAddress; self.origin = origin
    }

    /// Whether the kernel can touch the bytes: a pool for DMA buffers has no virtual address.
    var isMapped: Bool {
        if case .bufferPool = origin { return false }
        return physicalAddress != nil
    }

    /// Physical address of `[address, address + count)`, nil unless all of it lies in here and is mapped.
    func physical(_ address: DeviceAddress, count: UInt64) -> PhysicalAddress? {
        guard isMapped, let base = physicalAddress, address >= deviceAddress else { return nil }
        let offset = address.value &- deviceAddress.value
        guard UInt64(offset) + count <= UInt64(length) else { return nil }
        return base.advanced(offset)
    }
}

/// Hands out page-aligned pieces of the pool that stands for the kernel's coherent allocator.
struct DynamicPool: Equatable, Sendable {
    static let page: UInt64 = 4096
    let range: PhysicalRange
    private var used: [PhysicalRange] = []
    init(_ range: PhysicalRange) { self.range = range }
    var pieces: Int { used.count }

    /// First fit; nil when no gap is large enough.
    mutating func allocate(_ size: UInt32) -> PhysicalAddress? {
        let bytes = (UInt64(max(size, 1)) + Self.page - 1) / Self.page * Self.page
        guard bytes <= UInt64(range.size) else { return nil }
        var start = (UInt64(range.start.value) + Self.page - 1) / Self.page * Self.page
        let end = UInt64(range.start.value) + UInt64(range.size)
        for piece in used {
            if start + bytes <= UInt64(piece.start.value) { break }
            start = max(start, UInt64(piece.start.value) + UInt64(piece.size))
        }
        guard start + bytes <= end, start <= UInt64(UInt32.max) else { return nil }
        let piece = PhysicalRange(start: PhysicalAddress(UInt32(start)), size: UInt32(truncatingIfNeeded: bytes))
        used.insert(piece, at: used.firstIndex { $0.start > piece.start } ?? used.count)
        return piece.start
    }

    mutating func free(_ start: PhysicalAddress) { used.removeAll { $0.start == start } }
}
