// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// One ring from both sides: what the driver wrote and only it may write, and what the device has given back.
///
/// Keeps its own books by what the host says it has added and taken; nothing in the ring is believed.
final class RingCheck {
    /// `vring0` carries the firmware's messages, `vring1` the host's.
    let name: String
    let layout: VringLayout
    let base: PhysicalAddress
    let bus: any NonSecureBus
    unowned let sanitizer: any CheckOwner
    /// The buffers, once the driver is bound.
    var pool: PoolCheck?
    /// Told of each entry of the used ring that gives a buffer back, with its used length.
    var onReturned: ((_ head: UInt16, PhysicalAddress, _ length: UInt32) -> Void)?

    /// A descriptor as the driver posted it.
    struct Posted: Equatable, Sendable {
        var address = PhysicalAddress(0)
        var length: UInt32 = 0
        var isWritable = false
        /// With the device.
        var isOut = false
        /// Of all that were posted; 0 for never.
        var sequence: UInt64 = 0
        /// The used entry that gave it back last.
        var returnedAt: UInt16 = 0
        /// Since when a later one has been back, as far as was noticed.
        var overtaken = VirtualTime.never
        var isReported = false
    }
    /// What the books have, but for `expected`. In memory of its own, as the queue's.
    struct Books: Equatable, Sendable {
        var posted: [Posted]
        var sequence: UInt64 = 0
        var newestReturned: UInt64 = 0
        var outstanding: UInt16 = 0
        /// used.idx as of the last look.
        var used: UInt16 = 0
        /// avail.idx as far as `follow` has come.
        var followed: UInt16 = 0
        var isEventIndexed = false
        /// avail.flags as the driver stored them last, whatever the device has made of them since.
        var driverFlags: UInt16 = 0

        // Doorbells.
        /// used.idx when the device rang last.
        var rungAt: UInt16 = 0
        /// The same when the doorbell began, of the last and of the one under way.
        var markedAt: UInt16 = 0
        var usedAtRaise: UInt16?
        /// Doorbells that may still come for entries that an earlier one has told of.
        var slack: UInt16 = 0
        var unrungSince = VirtualTime.never
        var isUnrungReported = false
    }
    let books: UnsafeMutablePointer<Books>
    var used: UInt16 { books.pointee.used }
    var followed: UInt16 { books.pointee.followed }

    // What lies before the used ring is the driver's: as it should be, and as it was seen.
    let driverSize: Int
    let expected: UnsafeMutableRawPointer
    private let seen: UnsafeMutableRawPointer
    private let elements: UnsafeMutableRawPointer

    init(_ sanitizer: any CheckOwner, name: String, layout: VringLayout, base: PhysicalAddress, bus: any NonSecureBus) {
        self.sanitizer = sanitizer; self.name = name; self.layout = layout; self.base = base; self.bus = bus
        books = .allocate(capacity: 1)
        books.initialize(to: Books(posted: [Posted](repeating: Posted(), count: Int(layout.count))))
        driverSize = Int(layout.usedEventOffset) + 2
        expected = .allocate(byteCount: driverSize, alignment: 8)
        seen = .allocate(byteCount: driverSize, alignment: 8)
        elements = .allocate(byteCount: 8 * Int(layout.count) + 4, alignment: 8)
        expected.initializeMemory(as: UInt8.self, repeating: 0, count: driverSize)
        seen.initializeMemory(as: UInt8.self, repeating: 0, count: driverSize)
        elements.initializeMemory(as: UInt8.self, repeating: 0, count: 8 * Int(layout.count) + 4)
    }

    deinit {
        books.deinitialize(count: 1)
        books.deallocate()
        expected.deallocate()
        seen.deallocate()
        elements.deallocate()
    }

    // MARK: The driver's side

    /// The host has made the descriptor `head` available; `index` is avail.idx after it.
    func added(_ head: UInt16, _ address: PhysicalAddress, length: UInt32, deviceWrites: Bool, next: UInt16, index: UInt16) {
        guard head < layout.count else { return }
        if !books.pointee.posted[Int(head)].isOut { books.pointee.outstanding &+= 1 }
        books.pointee.sequence &+= 1
        books.pointee.posted[Int(head)] = Posted(address: address, length: length, isWritable: deviceWrites, isOut: true, sequence: books.pointee.sequence)
        let descriptor = expected + 16 * Int(head)
        descriptor.storeBytes(of: UInt64(address.value).littleEndian, as: UInt64.self)
        descriptor.storeBytes(of: length.littleEndian, toByteOffset: 8, as: UInt32.self)
        descriptor.storeBytes(of: (deviceWrites ? Virtio.descriptorWrite : 0).littleEndian, toByteOffset: 12, as: UInt16.self)
        descriptor.storeBytes(of: next.littleEndian, toByteOffset: 14, as: UInt16.self)
        let available = expected + Int(layout.availableOffset)
        available.storeBytes(of: head.littleEndian, toByteOffset: 4 + 2 * Int((index &- 1) & (layout.count &- 1)), as: UInt16.self)
        available.storeBytes(of: index.littleEndian, toByteOffset: 2, as: UInt16.self)
        pool?.posted(address, deviceWrites: deviceWrites)
    }

    /// The host has taken a buffer back.
    func taken(_ address: PhysicalAddress) { pool?.taken(address) }

    func driverStored(flags: UInt16) {
        books.pointee.driverFlags = flags
        expected.storeBytes(of: flags.littleEndian, toByteOffset: Int(layout.availableOffset), as: UInt16.self)
    }
    func driverStored(usedEvent: UInt16) {
        expected.storeBytes(of: usedEvent.littleEndian, toByteOffset: Int(layout.usedEventOffset), as: UInt16.self)
    }
    private func expected16(_ offset: UInt32) -> UInt16 { UInt16(littleEndian: expected.loadUnaligned(fromByteOffset: Int(offset), as: UInt16.self)) }
    /// Whether the driver wants to be interrupted for an index that moved from `rungAt`.
    private var wantsInterrupt: Bool {
        books.pointee.isEventIndexed
            ? Virtio.needEvent(expected16(layout.usedEventOffset), new: used, old: books.pointee.rungAt)
            : books.pointee.driverFlags & Virtio.noInterrupt == 0
    }

    // MARK: Looks

    /// Compares the driver's part with what the driver wrote, and walks what the device has given back.
    func check() {
        let isRead = (try? bus.read(base, into: UnsafeMutableRawBufferPointer(start: seen, count: driverSize))) != nil
        if isRead, !sameBytes(seen, expected, driverSize) { judgeDriversPart() }
        walkUsed()
    }

    /// Finds each field that differs, and takes what is there for granted from now on.
    private func judgeDriversPart() {
        var found = 0, offset = 0
        while offset < driverSize {
            let (field, start, size) = self.field(at: offset)
            defer { offset = start + size }
            let now = UnsafeRawBufferPointer(start: seen + start, count: size), was = UnsafeRawBufferPointer(start: expected + start, count: size)
            guard !now.elementsEqual(was), !isHabit(field, at: start, now: now, was: was) else { continue }
            // What another Linux has written since the last look is its own to write.
            guard sanitizer.booksAreExact || sanitizer.hasWritten(base.advanced(UInt32(start)), count: size) else { continue }
            // One store too far overwrites many fields; four say enough.
            found += 1
            guard found <= 4 else { break }
            let first = zip(now, was).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
            var evidence = sanitizer.evidence(name, field, base.advanced(UInt32(start)), now)
            evidence.writer = sanitizer.writer(base.advanced(UInt32(start + first)))
            let bytes = Array(was)
            if start < Int(layout.availableOffset) {
                sanitizer.report(.descriptorRewritten(evidence, posted: bytes))
            } else {
                sanitizer.report(.availableRingRewritten(evidence, posted: bytes))
            }
            sanitizer.forgetWrites(base.advanced(UInt32(start)), count: size)
        }
        expected.copyMemory(from: seen, byteCount: driverSize)
    }

    private func field(at offset: Int) -> (name: String, start: Int, size: Int) {
        let available = Int(layout.availableOffset), event = Int(layout.usedEventOffset)
        if offset < available { return ("descriptor[\(offset / 16)]", offset & ~15, 16) }
        switch offset - available {
        case 0, 1: return ("avail.flags", available, 2)
        case 2, 3: return ("avail.idx", available + 2, 2)
        default:
            if offset >= event { return ("avail.used_event", event, 2) }
            let slot = (offset - available - 4) / 2
            return ("avail.ring[\(slot)]", available + 4 + 2 * slot, 2)
        }
    }

    private func walkUsed() {
        let size = 8 * Int(layout.count) + 4
        guard (try? bus.read(base.advanced(layout.usedOffset), into: UnsafeMutableRawBufferPointer(start: elements, count: size))) != nil else { return }
        let index = UInt16(littleEndian: elements.load(fromByteOffset: 2, as: UInt16.self))
        guard index != used else { return }
        let moved = index &- used
        // Up to the ring's size each entry is judged by itself.
        if moved > layout.count {
            let evidence = sanitizer.evidence(
                name, "used.idx", base.advanced(layout.usedOffset &+ 2), UnsafeRawBufferPointer(start: elements + 2, count: 2))
            if moved >= 0x8000 {
                sanitizer.report(.usedIndexWentBack(evidence, from: books.pointee.used, to: index))
            } else {
                sanitizer.report(.usedIndexBeyondAvailable(evidence, from: books.pointee.used, to: index, outstanding: books.pointee.outstanding))
            }
            books.pointee.used = index
            // Which buffers are whose is anybody's guess from here on.
            for head in books.pointee.posted.indices { books.pointee.posted[head].isReported = true }
            return
        }
        while books.pointee.used != index {
            walk(books.pointee.used & (layout.count &- 1))
            books.pointee.used &+= 1
        }
    }

    private func walk(_ slot: UInt16) {
        let offset = 4 + 8 * Int(slot)
        let id = UInt32(littleEndian: elements.load(fromByteOffset: offset, as: UInt32.self))
        let length = UInt32(littleEndian: elements.load(fromByteOffset: offset + 4, as: UInt32.self))
        func evidence() -> Evidence {
            sanitizer.evidence(
                name, "used.ring[\(slot)]", base.advanced(layout.usedOffset &+ UInt32(offset)),
                UnsafeRawBufferPointer(start: elements + offset, count: 8))
        }
        guard id < UInt32(layout.count) else { return sanitizer.report(.usedIDOutOfRange(evidence(), id: id, size: layout.count)) }
        let head = books.pointee.posted[Int(id)]
        guard head.isOut else {
            sanitizer.report(
                head.sequence == 0 ? .bufferNeverGiven(evidence(), id: id) : .bufferReturnedTwice(evidence(), id: id, before: head.returnedAt))
            return
        }
        if head.isWritable && length > head.length { sanitizer.report(.usedLengthBeyondBuffer(evidence(), length: length, buffer: head.length)) }
        books.pointee.posted[Int(id)].isOut = false
        books.pointee.posted[Int(id)].returnedAt = used
        if books.pointee.outstanding > 0 { books.pointee.outstanding &-= 1 }
        books.pointee.newestReturned = max(books.pointee.newestReturned, head.sequence)
        pool?.returned(head.address)
        onReturned?(UInt16(truncatingIfNeeded: id), head.address, length)
    }

    // MARK: Doorbells

    /// The device rings for this ring, which has just been looked at; `rung` follows when the host handles it.
    func raised() { if books.pointee.usedAtRaise == nil { books.pointee.usedAtRaise = used } }

    /// A doorbell for this ring is up, or was until now: who handles it finds all that the last look has found.
    func isCovered() {
        books.pointee.rungAt = used
        books.pointee.unrungSince = .never
        books.pointee.isUnrungReported = false
    }

    /// The host handles a doorbell for this ring, which has just been looked at.
    func rung() {
        // Without the moment itself, as while the other ring's doorbell was up, entries may be in between: they may be rung for yet.
        let mark = books.pointee.usedAtRaise ?? used
        let moved = mark &- books.pointee.markedAt
        if moved != 0 {
            books.pointee.slack = min(layout.count, (books.pointee.usedAtRaise == nil ? books.pointee.slack : 0) &+ moved &- 1)
        } else if books.pointee.slack > 0 {
            books.pointee.slack &-= 1
        } else {
            sanitizer.report(
                .spuriousKick(
                    sanitizer.evidence(
                        name, "used.idx", base.advanced(layout.usedOffset &+ 2), withUnsafeBytes(of: used.littleEndian) { Array($0) })))
        }
        books.pointee.markedAt = mark
        books.pointee.usedAtRaise = nil
        books.pointee.rungAt = used
        books.pointee.unrungSince = .never
        books.pointee.isUnrungReported = false
    }

    /// What was due by `now`: a doorbell, buffers. `isAwaited`: somebody would do something at a doorbell.
    func judgeTime(_ now: VirtualTime, isAwaited: Bool) {
        if books.pointee.used != books.pointee.rungAt && isAwaited && wantsInterrupt {
            if books.pointee.unrungSince == .never { books.pointee.unrungSince = now }
            if !books.pointee.isUnrungReported && now - books.pointee.unrungSince >= sanitizer.patience.kick {
                books.pointee.isUnrungReported = true
                sanitizer.report(
                    .missingKick(
                        sanitizer.evidence(
                            name, "used.idx", base.advanced(layout.usedOffset &+ 2), withUnsafeBytes(of: used.littleEndian) { Array($0) }),
                        entries: books.pointee.used &- books.pointee.rungAt, waited: now - books.pointee.unrungSince))
            }
        } else {
            books.pointee.unrungSince = .never
        }
        judgeBuffers(now, patience: sanitizer.patience.buffer)
    }

    /// Buffers that the device keeps although it has given later ones back.
    func judgeBuffers(_ now: VirtualTime, patience: VirtualTime) {
        guard books.pointee.outstanding > 0 else { return }
        for head in books.pointee.posted.indices where books.pointee.posted[head].isOut && books.pointee.posted[head].sequence < books.pointee.newestReturned && !books.pointee.posted[head].isReported {
            if books.pointee.posted[head].overtaken == .never { books.pointee.posted[head].overtaken = now }
            let age = now - books.pointee.posted[head].overtaken
            guard age >= patience else { continue }
            books.pointee.posted[head].isReported = true
            let evidence = sanitizer.evidence(
                name, "descriptor[\(head)]", base.advanced(UInt32(16 * head)), UnsafeRawBufferPointer(start: expected + 16 * head, count: 16))
            sanitizer.report(.bufferNotReturned(evidence, id: UInt16(truncatingIfNeeded: head), overtaken: age))
        }
    }

    /// Something is under way that only time can judge.
    var isWaiting: Bool {
        if books.pointee.unrungSince != .never && !books.pointee.isUnrungReported { return true }
        return books.pointee.posted.contains { $0.isOut && !$0.isReported && $0.sequence < books.pointee.newestReturned }
    }
}
