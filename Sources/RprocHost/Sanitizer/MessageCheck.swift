// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The shape of what the firmware sends: rpmsg's header, and announcements.
struct MessageCheck: Equatable, Sendable {
    private struct Service: Equatable, Sendable {
        var name: [UInt8]
        var address: UInt32
    }
    /// Announced and not withdrawn.
    private var announced: [Service] = []
    /// The names of what is announced.
    var names: [ForeignName] { announced.map { ForeignName(bytes: $0.name) } }
    /// Senders that were found without an announcement.
    private var strangers: [UInt32] = []
    /// A message with flags was found. OpenAMP left them as the stack had them until 2020.10: once says it.
    private var hasFlags = false

    /// `bytes` is the message as far as its used length reaches, at least a header and at most a buffer.
    ///
    /// - Parameter isHostMade: whether a program of the host's has chosen an address; it may be told to firmware in other ways than by an announcement.
    mutating func judge(
        _ sanitizer: any CheckOwner, buffer: PhysicalAddress, length: UInt32, bytes: UnsafeRawBufferPointer, isHostMade: (UInt32) -> Bool
    ) {
        guard bytes.count >= Rpmsg.headerSize else { return }
        let place = "message"
        func evidence(_ field: String, _ offset: Int, _ count: Int) -> Evidence {
            sanitizer.evidence(place, field, buffer.advanced(UInt32(offset)), bytes[offset..<min(bytes.count, offset + count)])
        }
        let source = word(bytes, 0), destination = word(bytes, 4), reserved = word(bytes, 8)
        let payload = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 12, as: UInt16.self))
        let flags = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 14, as: UInt16.self))

        if length < UInt32(Rpmsg.headerSize) + UInt32(payload) {
            sanitizer.report(.usedLengthShort(evidence("header.len", 12, 2), length: length, needed: UInt32(Rpmsg.headerSize) + UInt32(payload)))
        }
        if reserved != 0 { sanitizer.report(.headerReserved(evidence("header.reserved", 8, 4))) }
        if flags != 0 && !hasFlags {
            hasFlags = true
            sanitizer.report(.headerFlags(evidence("header.flags", 14, 2)))
        }
        // OpenAMP's endpoints were numbered from 0 until 2020.04; Linux talks to them.
        if source == Rpmsg.anyAddress || source == 0 && destination != Rpmsg.nameServiceAddress && !announced.contains(where: { $0.address == 0 }) {
            sanitizer.report(.sourceAddress(evidence("header.src", 0, 4)))
        }

        if destination == Rpmsg.nameServiceAddress {
            let first = Rpmsg.headerSize
            guard Int(payload) == Rpmsg.announcementSize else {
                sanitizer.report(.announcementSize(evidence("header.len", 12, 2), size: payload))
                return
            }
            guard bytes.count >= first + Rpmsg.announcementSize else { return }
            judgeAnnouncement(sanitizer, bytes, evidence)
        } else if !announced.isEmpty, source != 0, source != Rpmsg.anyAddress, !announced.contains(where: { $0.address == source }),
            !strangers.contains(source), strangers.count < 64, !isHostMade(destination)
        {
            strangers.append(source)
            sanitizer.report(.sourceNotAnnounced(evidence("header.src", 0, 4)))
        }
    }

    private mutating func judgeAnnouncement(
        _ sanitizer: any CheckOwner, _ bytes: UnsafeRawBufferPointer, _ evidence: (String, Int, Int) -> Evidence
    ) {
        let first = Rpmsg.headerSize
        let field = bytes[first..<first + Rpmsg.nameSize]
        let name = Array(field.prefix { $0 != 0 })
        if name.count == Rpmsg.nameSize { sanitizer.report(.announcementName(evidence("announcement.name", first, 32), problem: "has no NUL in its 32 bytes")) }
        if name.isEmpty { sanitizer.report(.announcementName(evidence("announcement.name", first, 32), problem: "is empty")) }
        let address = word(bytes, first + 32), flags = word(bytes, first + 36)
        if flags > 1 { sanitizer.report(.announcementFlags(evidence("announcement.flags", first + 36, 4))) }
        if address == Rpmsg.nameServiceAddress || address == Rpmsg.anyAddress {
            sanitizer.report(.announcementAddress(evidence("announcement.addr", first + 32, 4)))
        }
        let known = announced.firstIndex { $0.name == name && $0.address == address }
        if flags & 1 != 0 {
            if let known { announced.remove(at: known) }
        } else if known != nil {
            sanitizer.report(.announcedTwice(evidence("announcement.name", first, 32), name: ForeignName(bytes: name), address: address))
        } else if announced.count < Rpmsg.maximumChannels {
            announced.append(Service(name: name, address: address))
        }
    }

    private func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
