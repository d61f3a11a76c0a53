// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The driver's side of a split ring in the memory that Linux and the firmware share.
///
/// Only buffers of one descriptor are added, so an indirect table is never used even when the feature is agreed on.
/// Everything that decides (free list, shadow indices, buffer addresses) is kept here and not read back from the ring: the
/// device can write anything there and only what it says in the used ring is believed, after a check. Invariants: the
/// descriptors in the free list and those with a buffer are disjoint and together all; `freeCount` counts the former.
public final class VirtQueue {
    static let noBuffer = UInt32.max
    /// `input` or `output`.
    public let name: String
    public let notifyID: UInt32
    public let layout: VringLayout
    public let base: PhysicalAddress
    /// EVENT_IDX was agreed on.
    public let usesEventIndex: Bool
    /// See `KernelProfile.keepsCallbacksAfterEvent`.
    private let keepsCallbacksAfterEvent: Bool
    private let bus: any NonSecureBus
    /// Hears of kicks, and of what is wrong with the ring.
    weak var owner: RemoteVirtioDevice?
    /// The sanitizer's books of this ring, while it is on.
    var check: RingCheck?
    /// What changes with each message. In memory of its own: as properties each access would be checked for exclusivity at run time.
    struct Books: Equatable, Sendable {
        var isBroken = false
        var eventTriggered = false
        var freeCount: UInt16
        var freeHead: UInt16 = 0
        var lastHead: UInt16 = 0
        var availableIndex: UInt16 = 0
        var lastUsedIndex: UInt16 = 0
        var added: UInt16 = 0
        var availableFlags: UInt16 = 0
        var kicks: UInt64 = 0
        var reportedAhead = false
        var reportedChain = false
    }
    let books: UnsafeMutablePointer<Books>
    // One entry for each descriptor; every index into them is checked against the ring's size before.
    let nextFree: UnsafeMutablePointer<UInt16>
    let buffers: UnsafeMutablePointer<UInt32>
    private var freeHead: UInt16 { get { books.pointee.freeHead } set { books.pointee.freeHead = newValue } }
    private var added: UInt16 { get { books.pointee.added } set { books.pointee.added = newValue } }
    private var availableFlags: UInt16 { get { books.pointee.availableFlags } set { books.pointee.availableFlags = newValue } }
    /// With EVENT_IDX: an interrupt has come since callbacks were enabled, so the device will not interrupt again by itself.
    private var eventTriggered: Bool { get { books.pointee.eventTriggered } set { books.pointee.eventTriggered = newValue } }
    /// The kernel has given up on this ring: nothing is taken or added any more.
    public private(set) var isBroken: Bool { get { books.pointee.isBroken } set { books.pointee.isBroken = newValue } }
    /// Descriptors without a buffer.
    public private(set) var freeCount: UInt16 { get { books.pointee.freeCount } set { books.pointee.freeCount = newValue } }
    /// Shadow of avail.idx: buffers added since the start, modulo 2^16.
    public private(set) var availableIndex: UInt16 { get { books.pointee.availableIndex } set { books.pointee.availableIndex = newValue } }
    /// Used elements taken since the start, modulo 2^16.
    public private(set) var lastUsedIndex: UInt16 { get { books.pointee.lastUsedIndex } set { books.pointee.lastUsedIndex = newValue } }
    /// Doorbells rung for this ring since the start.
    public private(set) var kicks: UInt64 { get { books.pointee.kicks } set { books.pointee.kicks = newValue } }

    /// Zeroes the ring's bytes and nothing past them.
    package convenience init(
        name: String, notifyID: UInt32, layout: VringLayout, base: PhysicalAddress, eventIndex: Bool,
        keepsCallbacksAfterEvent: Bool = false, bus: any NonSecureBus
    ) throws(BusError) {
        self.init(
            books: Books(freeCount: layout.count), name: name, notifyID: notifyID, layout: layout, base: base, eventIndex: eventIndex,
            keepsCallbacksAfterEvent: keepsCallbacksAfterEvent, bus: bus)
        try bus.zero(base, count: Int(layout.size))
    }

    /// Touches no memory of the board's.
    init(
        books initial: Books, name: String, notifyID: UInt32, layout: VringLayout, base: PhysicalAddress, eventIndex: Bool,
        keepsCallbacksAfterEvent: Bool, bus: any NonSecureBus
    ) {
        self.name = name; self.notifyID = notifyID; self.layout = layout; self.base = base
        usesEventIndex = eventIndex
        self.keepsCallbacksAfterEvent = keepsCallbacksAfterEvent
        self.bus = bus
        let count = Int(layout.count)
        books = .allocate(capacity: 1)
        books.initialize(to: initial)
        nextFree = .allocate(capacity: count)
        buffers = .allocate(capacity: count)
        // The last one's successor is 0, as the kernel leaves it: the firmware sees it in the descriptor.
        for i in 0..<count { (nextFree + i).initialize(to: i + 1 < count ? UInt16(truncatingIfNeeded: i + 1) : 0) }
        buffers.initialize(repeating: Self.noBuffer, count: count)
    }

    deinit {
        books.deallocate()
        nextFree.deallocate()
        buffers.deallocate()
    }

    // MARK: Adding

    /// Gives `buffer` to the device: to read, or to write when `deviceWrites`.
    /// - Throws: `io` when the queue is broken, `noSpace` when all descriptors are with the device.
    package func add(_ buffer: PhysicalAddress, length: UInt32, deviceWrites: Bool) throws(Errno) {
        if isBroken { throw .io }
        guard freeCount > 0 else {
            // What is to be read and does not fit is a reason to ring, whatever the device has asked for.
            if !deviceWrites { notify() }
            throw .noSpace
        }
        let head = freeHead
        let next = nextFree[Int(head)]
        let flags = deviceWrites ? Virtio.descriptorWrite : 0
        // One descriptor: address (64 bits), length, flags, next. The kernel leaves the free list's successor in `next`.
        let descriptor = (
            UInt64(buffer.value).littleEndian,
            (UInt64(length) | UInt64(flags) << 32 | UInt64(next) << 48).littleEndian
        )
        let slot = availableIndex & (layout.count &- 1)
        do throws(BusError) {
            try withUnsafeBytes(of: descriptor) { (bytes) throws(BusError) in
                try bus.write(base.advanced(16 &* UInt32(head)), from: bytes)
            }
            try bus.store(head, base.advanced(layout.availableOffset &+ 4 &+ 2 &* UInt32(slot)))
            try bus.store(availableIndex &+ 1, base.advanced(layout.availableOffset &+ 2))
        } catch {
            fail(error)
            throw .io
        }
        freeHead = next
        freeCount &-= 1
        buffers[Int(head)] = buffer.value
        availableIndex &+= 1
        added &+= 1
        lastHead = head
        check?.added(head, buffer, length: length, deviceWrites: deviceWrites, next: next, index: availableIndex)
        // One more, and the device could not tell it from none.
        if added == .max { kick() }
    }

    /// Descriptor of the buffer that was added last, or taken last.
    private(set) var lastHead: UInt16 { get { books.pointee.lastHead } set { books.pointee.lastHead = newValue } }

    // MARK: Kicking

    /// Rings the doorbell unless the device has asked for silence.
    package func kick() {
        if kickPrepare() { notify() }
    }

    /// Whether the device wants to hear of what was added since the last call.
    package func kickPrepare() -> Bool {
        let new = availableIndex
        let old = new &- added
        added = 0
        do throws(BusError) {
            if usesEventIndex {
                let event = try bus.load(UInt16.self, base.advanced(layout.availableEventOffset))
                return Virtio.needEvent(event, new: new, old: old)
            }
            return try bus.load(UInt16.self, base.advanced(layout.usedOffset)) & Virtio.noNotify == 0
        } catch {
            fail(error)
            return false
        }
    }

    package func notify() {
        if isBroken { return }
        kicks &+= 1
        owner?.queueKicked(self)
    }

    // MARK: Taking back

    /// Whether the device has used a buffer that was not taken yet.
    package var hasUsed: Bool {
        do throws(BusError) { return try bus.load(UInt16.self, base.advanced(layout.usedOffset &+ 2)) != lastUsedIndex } catch {
            fail(error)
            return false
        }
    }

    /// The next used buffer and the length that the device says it wrote; nil when there is none or the ring is broken.
    package func take() -> (buffer: PhysicalAddress, length: UInt32)? {
        if isBroken { return nil }
        check?.check()
        let slot = lastUsedIndex & (layout.count &- 1)
        var element: UInt64 = 0
        do throws(BusError) {
            let index = try bus.load(UInt16.self, base.advanced(layout.usedOffset &+ 2))
            guard index != lastUsedIndex else { return nil }
            if index &- lastUsedIndex > layout.count, !reportedAhead {
                reportedAhead = true
                owner?.queue(self, found: .usedIndexAhead(queue: name, lastSeen: lastUsedIndex, index: index, size: layout.count))
            }
            element = try bus.load(UInt64.self, base.advanced(layout.usedOffset &+ 4 &+ 8 &* UInt32(slot)))
        } catch {
            fail(error)
            return nil
        }
        let id = UInt32(truncatingIfNeeded: element)
        guard id < UInt32(layout.count) else { return broken("id \(id) out of range", slot: slot, id: id) }
        let head = Int(id)
        let buffer = buffers[head]
        guard buffer != Self.noBuffer else { return broken("id \(id) is not a head!", slot: slot, id: id) }
        buffers[head] = Self.noBuffer
        noteChain(UInt16(truncatingIfNeeded: id))
        nextFree[head] = freeHead
        freeHead = UInt16(truncatingIfNeeded: id)
        freeCount &+= 1
        lastUsedIndex &+= 1
        lastHead = freeHead
        // Whether event indices were agreed on or not: without, it is a word that nobody has to read.
        if availableFlags & Virtio.noInterrupt == 0 { storeUsedEvent(lastUsedIndex) }
        check?.taken(PhysicalAddress(buffer))
        return (PhysicalAddress(buffer), UInt32(truncatingIfNeeded: element >> 32))
    }

    private var reportedAhead: Bool { get { books.pointee.reportedAhead } set { books.pointee.reportedAhead = newValue } }
    private var reportedChain: Bool { get { books.pointee.reportedChain } set { books.pointee.reportedChain = newValue } }

    /// Where the kernel would go on from a descriptor whose flags the device has given a NEXT (`detach_buf_split`): by its own list, for as
    /// long as flags in the ring say so. Said once a ring; the books here go on without.
    private func noteChain(_ head: UInt16) {
        func flags(_ index: UInt16) -> UInt16 {
            do throws(BusError) { return try bus.load(UInt16.self, base.advanced(16 &* UInt32(index) &+ 12)) } catch { return 0 }
        }
        guard !reportedChain, flags(head) & Virtio.descriptorNext != 0 else { return }
        reportedChain = true
        var index = head, taken = 1
        while taken <= Int(layout.count), flags(index) & Virtio.descriptorNext != 0 {
            index = nextFree[Int(index)]
            taken += 1
        }
        let address = base.advanced(16 &* UInt32(head)), place = check?.name ?? name, field = "descriptor[\(head)]"
        let bytes = (try? bus.readBytes(address, count: 16)) ?? []
        let evidence = check?.sanitizer.evidence(place, field, address, bytes) ?? Evidence(place: place, field: field, address: address, bytes: bytes, writer: nil)
        owner?.queue(self, found: .descriptorNextSet(evidence, taken: taken > Int(layout.count) ? nil : taken))
    }

    private func broken(_ message: String, slot: UInt16, id: UInt32) -> (buffer: PhysicalAddress, length: UInt32)? {
        isBroken = true
        owner?.queue(self, found: .badUsedElement(queue: name, position: slot, id: id))
        owner?.queue(self, broke: message)
        return nil
    }

    private func fail(_ error: BusError) {
        if isBroken { return }
        isBroken = true
        owner?.queue(self, found: .busError(error, during: "virtqueue \(name)"))
    }

    // MARK: Interrupt suppression (virtio 1.2 §2.7.7)

    /// The device has interrupted for what is in the used ring.
    package func interrupted() { if usesEventIndex { eventTriggered = true } }

    /// A hint that the device need not interrupt.
    package func disableCallbacks() {
        if keepsCallbacksAfterEvent && eventTriggered { return }
        guard availableFlags & Virtio.noInterrupt == 0 else { return }
        availableFlags |= Virtio.noInterrupt
        // The event lies behind: the device says no more before the index has come round.
        if eventTriggered { return }
        if usesEventIndex { storeUsedEvent(0) } else { storeFlags() }
    }

    package func enableCallbacks() {
        eventTriggered = false
        if availableFlags & Virtio.noInterrupt != 0 {
            availableFlags &= ~Virtio.noInterrupt
            if !usesEventIndex { storeFlags() }
        }
        storeUsedEvent(lastUsedIndex)
    }

    private func storeFlags() {
        check?.driverStored(flags: availableFlags)
        do throws(BusError) { try bus.store(availableFlags, base.advanced(layout.availableOffset)) } catch { fail(error) }
    }

    private func storeUsedEvent(_ index: UInt16) {
        check?.driverStored(usedEvent: index)
        do throws(BusError) { try bus.store(index, base.advanced(layout.usedEventOffset)) } catch { fail(error) }
    }

    // MARK: For a look from outside

    /// The ring as it is in memory and in the kernel's books.
    public struct Snapshot: Equatable, Sendable {
        public var name: String
        public var count: UInt16, free: UInt16
        public var availableIndex: UInt16, availableFlags: UInt16
        public var usedIndex: UInt16, usedFlags: UInt16
        public var lastUsedIndex: UInt16
        public var isBroken: Bool
    }

    /// nil when the bus refuses.
    public var snapshot: Snapshot? {
        do throws(BusError) {
            return Snapshot(
                name: name, count: layout.count, free: freeCount,
                availableIndex: try bus.load(UInt16.self, base.advanced(layout.availableOffset &+ 2)),
                availableFlags: try bus.load(UInt16.self, base.advanced(layout.availableOffset)),
                usedIndex: try bus.load(UInt16.self, base.advanced(layout.usedOffset &+ 2)),
                usedFlags: try bus.load(UInt16.self, base.advanced(layout.usedOffset)),
                lastUsedIndex: lastUsedIndex, isBroken: isBroken)
        } catch { return nil }
    }
}
