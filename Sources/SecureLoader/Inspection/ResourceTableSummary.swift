// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A resource table as a reader of images wants it: what it asks of Linux. Source: Linux include/linux/remoteproc.h.
///
/// Reading stops at what does not fit the table; Linux's own refusals are the Linux side's to make.
public struct ResourceTableSummary: Equatable, Sendable, Codable {
    public struct Vring: Equatable, Sendable, Codable {
        /// 0xffffffff: Linux chooses.
        public var deviceAddress, alignment, count, notifyIdentifier: UInt32
    }

    public enum Entry: Equatable, Sendable, Codable {
        case carveout(name: String, deviceAddress: UInt32, size: UInt32)
        case deviceMemory(name: String, deviceAddress: UInt32, size: UInt32)
        case trace(name: String, deviceAddress: UInt32, size: UInt32)
        /// `identifier` 7 is rpmsg.
        case virtioDevice(identifier: UInt32, features: UInt32, vrings: [Vring])
        case other(type: UInt32)
        /// The entry's offset, or its end, lies past the table; or its bytes are other devices', too.
        case truncated(offset: UInt32)
    }

    public var version: UInt32
    /// As the header says; `entries` has those whose offsets are in the table.
    public var count: UInt32
    public var entries: [Entry]

    /// Offsets may lead to the same bytes again and again: once there are more vrings than the table could hold side by side, a device is `.truncated`.
    public init(_ bytes: [UInt8]) {
        version = bytes.littleEndian(at: 0) ?? 0
        count = bytes.littleEndian(at: 4) ?? 0
        var room = bytes.count / 20
        entries = (0..<min(Int(count), max(0, bytes.count - 16) / 4)).map { index in
            let offset: UInt32 = bytes.littleEndian(at: 16 + 4 * index) ?? 0
            let entry = Self.entry(bytes, Int(offset), isCrowded: room < 0) ?? .truncated(offset: offset)
            if case .virtioDevice(_, _, let vrings) = entry { room -= vrings.count }
            return entry
        }
    }

    private static func entry(_ bytes: [UInt8], _ offset: Int, isCrowded: Bool) -> Entry? {
        func word(_ index: Int) -> UInt32? { bytes.littleEndian(at: offset + 4 * index) }
        func name(_ at: Int) -> String? {
            guard offset + at + 32 <= bytes.count else { return nil }
            return ForeignText.name(bytes[(offset + at)..<(offset + at + 32)].prefix { $0 != 0 })
        }
        guard let type = word(0) else { return nil }
        switch type {
        case 0, 1:
            guard let address = word(1), let size = word(3), let name = name(24) else { return nil }
            return type == 0
                ? .carveout(name: name, deviceAddress: address, size: size)
                : .deviceMemory(name: name, deviceAddress: address, size: size)
        case 2:
            guard let address = word(1), let size = word(2), let name = name(16) else { return nil }
            return .trace(name: name, deviceAddress: address, size: size)
        case 3:
            guard !isCrowded, let identifier = word(1), let features = word(3), let counts: UInt32 = word(6) else { return nil }
            let vrings = (0..<Int(counts >> 8 & 0xFF)).compactMap { ring -> Vring? in
                let at = 7 + 5 * ring
                guard let address = word(at), let alignment = word(at + 1), let count = word(at + 2), let notify = word(at + 3),
                    word(at + 4) != nil
                else { return nil }
                return Vring(deviceAddress: address, alignment: alignment, count: count, notifyIdentifier: notify)
            }
            guard vrings.count == Int(counts >> 8 & 0xFF) else { return nil }
            return .virtioDevice(identifier: identifier, features: features, vrings: vrings)
        default: return .other(type: type)
        }
    }

    /// Where the entries place memory that Linux uses too: trace buffers, carveouts and rings with addresses of their own.
    var sharedMemory: [(DeviceAddress, UInt32)] {
        entries.flatMap { entry -> [(DeviceAddress, UInt32)] in
            switch entry {
            case .carveout(_, let address, let size), .trace(_, let address, let size): [(DeviceAddress(address), size)]
            case .virtioDevice(_, _, let vrings): vrings.map { (DeviceAddress($0.deviceAddress), $0.size) }
            case .deviceMemory, .other, .truncated: []
            }
        }.filter { $0.0 != .any && $0.1 > 0 }
    }
}

extension ResourceTableSummary.Vring {
    /// In bytes: descriptors and available ring, aligned up, and used ring. Source: virtio 1.2 §2.7 (legacy layout).
    var size: UInt32 {
        let count = UInt64(count), alignment = UInt64(max(1, alignment))
        let first = 16 * count + 6 + 2 * count
        let aligned = (first + alignment - 1) / alignment * alignment
        return UInt32(clamping: aligned + 6 + 8 * count)
    }
}
