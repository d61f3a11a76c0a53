// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A resource table's bytes, decoded. Little-endian, packed; offsets count from the table's start.
///
/// Decoding judges only what it must to stay inside the bytes; what the kernel makes of an entry is the host's matter.
/// Source: Linux `remoteproc.h`, OpenAMP "Resource Table".
public struct ResourceTable: Equatable, Sendable {
    /// Bytes of the fixed header: ver, num, reserved[2].
    public static let headerSize = 16
    public var version: UInt32
    /// The header's count of entries, which may be more than there are bytes for.
    public var count: UInt32
    public var reserved: [UInt32]
    /// The entries whose offset lies in the table, in table order.
    public var entries: [ResourceEntry]

    /// nil when there are fewer than 16 bytes.
    ///
    /// Offsets may lead to the same bytes again and again: once there are more vrings than the table could hold side by side, a vdev is `.truncated`.
    /// - Parameter most: entries from there on are left out.
    public init?(_ bytes: [UInt8], most: UInt32 = .max) {
        guard let version: UInt32 = bytes.littleEndian(at: 0), let count: UInt32 = bytes.littleEndian(at: 4),
            let first: UInt32 = bytes.littleEndian(at: 8), let second: UInt32 = bytes.littleEndian(at: 12)
        else { return nil }
        self.version = version
        self.count = count
        reserved = [first, second]
        entries = []
        var room = bytes.count / VringResource.size
        for index in 0..<Int(min(count, most, UInt32(truncatingIfNeeded: bytes.count / 4))) {
            guard let offset: UInt32 = bytes.littleEndian(at: Self.headerSize + 4 * index) else { break }
            guard let type: UInt32 = bytes.littleEndian(at: Int(offset)) else { continue }
            let entry = ResourceEntry(type: type, payload: Int(offset) + 4, in: bytes, index: index, isCrowded: room < 0)
            if case .vdev(let vdev) = entry.content { room -= vdev.vrings.count }
            entries.append(entry)
        }
    }

    /// Bytes from the table's start to the end of its last known entry.
    public var extent: Int {
        entries.reduce(Self.headerSize + 4 * Int(min(count, UInt32(UInt16.max)))) { end, entry in
            let size: Int =
                switch entry.content {
                case .carveout, .devmem: MemoryResource.size
                case .trace: TraceResource.size
                case .vdev(let vdev): VdevResource.size + VringResource.size * Int(vdev.vringCount) + Int(vdev.configLength)
                case .vendor, .unknown, .truncated: 0
                }
            return max(end, entry.payloadOffset + size)
        }
    }
}

/// One entry: its number in the table, where its payload begins, and what it says.
public struct ResourceEntry: Equatable, Sendable {
    public var index: Int
    public var type: UInt32
    /// Offset of the bytes after the type word.
    public var payloadOffset: Int
    public var content: Content

    public enum Content: Equatable, Sendable {
        case carveout(MemoryResource)
        case devmem(MemoryResource)
        case trace(TraceResource)
        case vdev(VdevResource)
        /// Types 128 to 512.
        case vendor
        case unknown
        /// A known type whose bytes are not all there, or are another vdev's, too.
        case truncated
    }

    init(type: UInt32, payload: Int, in bytes: [UInt8], index: Int, isCrowded: Bool = false) {
        self.index = index
        self.type = type
        payloadOffset = payload
        content =
            switch ResourceType(type) {
            case .carveout: MemoryResource(bytes, at: payload).map(Content.carveout) ?? .truncated
            case .devmem: MemoryResource(bytes, at: payload).map(Content.devmem) ?? .truncated
            case .trace: TraceResource(bytes, at: payload).map(Content.trace) ?? .truncated
            case .vdev: isCrowded ? .truncated : VdevResource(bytes, at: payload).map(Content.vdev) ?? .truncated
            case .vendor: .vendor
            case .unknown: .unknown
            }
    }
}

/// The kinds of entry.
public enum ResourceType: Sendable {
    case carveout, devmem, trace, vdev, vendor, unknown
    public init(_ number: UInt32) {
        self =
            switch number {
            case 0: .carveout
            case 1: .devmem
            case 2: .trace
            case 3: .vdev
            case 128...512: .vendor
            default: .unknown
            }
    }
}

/// A CARVEOUT or DEVMEM entry, 52 bytes after the type: da, pa, len, flags, reserved, name[32].
public struct MemoryResource: Equatable, Sendable {
    public static let size = 52
    public var deviceAddress, physicalAddress, length, flags, reserved: UInt32
    public var name: String

    init?(_ bytes: [UInt8], at offset: Int) {
        guard let da: UInt32 = bytes.littleEndian(at: offset), let pa: UInt32 = bytes.littleEndian(at: offset + 4),
            let length: UInt32 = bytes.littleEndian(at: offset + 8), let flags: UInt32 = bytes.littleEndian(at: offset + 12),
            let reserved: UInt32 = bytes.littleEndian(at: offset + 16), let name = fixedName(bytes, at: offset + 20)
        else { return nil }
        (deviceAddress, physicalAddress, self.length, self.flags, self.reserved, self.name) = (da, pa, length, flags, reserved, name)
    }
}

/// A TRACE entry, 44 bytes after the type: da, len, reserved, name[32].
public struct TraceResource: Equatable, Sendable {
    public static let size = 44
    public var deviceAddress, length, reserved: UInt32
    public var name: String

    init?(_ bytes: [UInt8], at offset: Int) {
        guard let da: UInt32 = bytes.littleEndian(at: offset), let length: UInt32 = bytes.littleEndian(at: offset + 4),
            let reserved: UInt32 = bytes.littleEndian(at: offset + 8), let name = fixedName(bytes, at: offset + 12)
        else { return nil }
        (deviceAddress, self.length, self.reserved, self.name) = (da, length, reserved, name)
    }
}

/// A VDEV entry: 24 bytes after the type, 20 for each vring, then `configLength` bytes of configuration space.
public struct VdevResource: Equatable, Sendable {
    public static let size = 24
    /// Offsets in the payload of what the host writes.
    static let guestFeaturesOffset = 12, statusOffset = 20
    /// virtio's number of an rpmsg device.
    public static let rpmsg: UInt32 = 7
    public var id, notifyID, deviceFeatures, guestFeatures, configLength: UInt32
    public var status, vringCount: UInt8
    public var reserved: [UInt8]
    /// The vrings whose bytes are there.
    public var vrings: [VringResource]

    init?(_ bytes: [UInt8], at offset: Int) {
        guard let id: UInt32 = bytes.littleEndian(at: offset), let notifyID: UInt32 = bytes.littleEndian(at: offset + 4),
            let dfeatures: UInt32 = bytes.littleEndian(at: offset + 8), let gfeatures: UInt32 = bytes.littleEndian(at: offset + 12),
            let configLength: UInt32 = bytes.littleEndian(at: offset + 16), offset + 24 <= bytes.count
        else { return nil }
        (self.id, self.notifyID, deviceFeatures, guestFeatures, self.configLength) = (id, notifyID, dfeatures, gfeatures, configLength)
        status = bytes[offset + 20]
        vringCount = bytes[offset + 21]
        reserved = [bytes[offset + 22], bytes[offset + 23]]
        vrings = (0..<Int(vringCount)).compactMap { VringResource(bytes, at: offset + Self.size + VringResource.size * $0) }
    }
}

/// A VDEV's vring, 20 bytes: da, align, num, notifyid, pa.
public struct VringResource: Equatable, Sendable {
    public static let size = 20
    static let notifyIDOffset = 12
    public var deviceAddress, alignment, count, notifyID, physicalAddress: UInt32

    init?(_ bytes: [UInt8], at offset: Int) {
        guard let da: UInt32 = bytes.littleEndian(at: offset), let align: UInt32 = bytes.littleEndian(at: offset + 4),
            let num: UInt32 = bytes.littleEndian(at: offset + 8), let notifyID: UInt32 = bytes.littleEndian(at: offset + 12),
            let pa: UInt32 = bytes.littleEndian(at: offset + 16)
        else { return nil }
        (deviceAddress, alignment, count, self.notifyID, physicalAddress) = (da, align, num, notifyID, pa)
    }
}

/// A 32-byte name field up to its first NUL; nil when the field is not all there.
private func fixedName(_ bytes: [UInt8], at offset: Int) -> String? {
    guard offset >= 0, offset <= bytes.count - 32 else { return nil }
    return ForeignText.name(bytes[offset..<offset + 32].prefix { $0 != 0 })
}
