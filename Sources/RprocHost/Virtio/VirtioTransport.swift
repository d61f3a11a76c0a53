// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The virtio devices that the kernel makes of the table's vdev entries, and the numbers it gives out to them. Source: Linux
/// `remoteproc_virtio.c`.
final class VirtioTransport {
    /// Platform devices this host makes of one table; the mailboxes serve the first one only.
    static let limit = 32

    let kernel: KernelContext
    let table: TableMemory
    let carveouts: CarveoutList
    let doorbells: DoorbellLink
    let rpmsgHost: RpmsgHost

    /// In the table's order.
    private(set) var devices: [RemoteVirtioDevice] = []
    /// Rings by notifyid; a freed id is nil.
    private(set) var rings: [RemoteVring?] = []
    /// What changes besides devices and rings.
    struct OwnState: Equatable, Sendable {
        /// vdev entries met so far in this boot.
        var entries = 0
        /// Virtio devices registered so far get the lowest free number.
        var numbers: [Int] = []
        // Of devices that are gone.
        var pastReceived: UInt64 = 0, pastSent: UInt64 = 0
    }
    private(set) var own = OwnState()
    private var entries: Int { get { own.entries } set { own.entries = newValue } }
    private var numbers: [Int] { own.numbers }

    init(_ kernel: KernelContext, table: TableMemory, carveouts: CarveoutList, doorbells: DoorbellLink, rpmsgHost: RpmsgHost) {
        self.kernel = kernel; self.table = table; self.carveouts = carveouts; self.doorbells = doorbells; self.rpmsgHost = rpmsgHost
    }

    /// rpmsg messages since the host began.
    var messageCounts: (received: UInt64, sent: UInt64) {
        var counts = (received: own.pastReceived, sent: own.pastSent)
        for device in devices {
            guard let bus = device.rpmsg else { continue }
            counts.received &+= bus.messagesReceived
            counts.sent &+= bus.messagesSent
        }
        return counts
    }
    var heldNotifyIDs: Int { rings.count { $0 != nil } }
    var registered: Int { numbers.count }

    // MARK: Devices

    func beginBoot() { entries = 0 }

    /// The place of a further vdev entry; nil when there are too many.
    func nextEntry() -> Int? {
        guard entries < Self.limit else { return nil }
        defer { entries += 1 }
        return entries
    }

    func append(_ device: RemoteVirtioDevice) { devices.append(device) }

    func start() throws(Errno) {
        for (i, device) in devices.enumerated() {
            do throws(Errno) { try device.start() } catch {
                for started in devices[..<i].reversed() { started.stop() }
                throw error
            }
        }
    }

    func stop() { for device in devices.reversed() { device.stop() } }

    func release() {
        for device in devices { device.freeVrings() }
        devices = []
    }

    /// The host itself is gone.
    func orphan() { for device in devices { device.rpmsg?.orphan() } }

    func count(_ bus: RpmsgBus) {
        own.pastReceived &+= bus.messagesReceived
        own.pastSent &+= bus.messagesSent
    }

    /// Restores devices, rings and numbers; a device of the same entry stays the object that it is. Endpoints follow, by `RpmsgBus.enter`.
    func restore(_ state: State, among objects: inout RpmsgObjects) {
        var present = devices
        devices = state.devices.map { saved in
            let device =
                if let index = present.firstIndex(where: { $0.isSame(saved) }) { present.remove(at: index) } else {
                    RemoteVirtioDevice(self, index: saved.index, id: saved.id, offset: saved.offset, configLength: saved.configLength)
                }
            device.restore(saved, among: &objects)
            return device
        }
        for device in present { device.rpmsg?.abandon() }
        own = state.own
        rings = state.rings.map { place in
            guard let place, devices.indices.contains(place.device), devices[place.device].vrings.indices.contains(place.ring) else { return nil }
            return devices[place.device].vrings[place.ring]
        }
    }

    // MARK: Numbers

    /// The ring that the doorbell `id` is for, while its device has it.
    func queue(_ id: Int) -> VirtQueue? { id < rings.count ? rings[id]?.queue : nil }
    func device(ofRing id: Int) -> RemoteVirtioDevice? { id < rings.count ? rings[id]?.device : nil }

    /// The smallest free number, for this vring.
    func allocateNotifyID(_ vring: RemoteVring) -> UInt32 {
        if let free = rings.firstIndex(where: { $0 == nil }) {
            rings[free] = vring
            return UInt32(free)
        }
        rings.append(vring)
        return UInt32(rings.count - 1)
    }

    func freeNotifyID(_ vring: RemoteVring) {
        if let index = rings.firstIndex(where: { $0 === vring }) { rings[index] = nil }
    }

    /// The lowest number that no registered virtio device has.
    func allocateNumber() -> Int {
        var number = 0
        while numbers.contains(number) { number &+= 1 }
        own.numbers.append(number)
        return number
    }

    func freeNumber(_ number: Int?) { own.numbers.removeAll { $0 == number } }
}
