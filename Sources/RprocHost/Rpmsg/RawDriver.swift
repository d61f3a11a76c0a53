// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// The kernel's `rpmsg_chrdev`: channels `rpmsg-raw` as `/dev/rpmsgN`, message for message, and the devices of endpoints that
/// `RpmsgControl` made. Both take the lowest free `N`: of a device that goes while it is open that is free at its close.
public final class RpmsgRawDriver: RpmsgDriver {
    public let driverName = "rpmsg_chrdev"
    public let channelNames: [ForeignName]
    /// Devices by number; a gap is nil.
    public private(set) var nodes: [RpmsgCharacterDevice?] = []
    /// A message: device number, payload (borrowed), sender.
    public var received: ((Int, UnsafeRawBufferPointer, UInt32) -> Void)?
    /// A device appeared (true) or went.
    public var changed: ((RpmsgCharacterDevice, Bool) -> Void)?

    /// Asked for the numbers that programs hold before one is given to a device: who waits for their closes looks once more.
    public var lookForCloses: (() -> Void)?
    /// Devices that are gone and open still: nothing gets their numbers before they are closed.
    public private(set) var left: [RpmsgCharacterDevice] = []

    /// Bytes of messages that wait in all devices together, and how many may: firmware can have thousands of devices that nobody reads.
    var queuedBytes = 0
    static let queuedLimit = 64 << 20

    init(alsoNamed names: [ForeignName] = []) { channelNames = ["rpmsg-raw", "rpmsg_chrdev"] + names }

    /// The channel behind device `index`.
    public func device(_ index: Int) -> RpmsgChannel? { node(index)?.channel }
    public func node(_ index: Int) -> RpmsgCharacterDevice? { index >= 0 && index < nodes.count ? nodes[index] : nil }

    public func probe(_ channel: RpmsgChannel) throws(Errno) {
        guard let bus = channel.bus else { throw .noDevice }
        channel.node = add { RpmsgCharacterDevice(index: $0, channel: channel, bus: bus) }
    }

    public func received(_ payload: UnsafeRawBufferPointer, from source: UInt32, on channel: RpmsgChannel) {
        guard let node = channel.node else { return }
        received?(node.index, payload, source)
        node.received(payload)
    }

    public func remove(_ channel: RpmsgChannel) {
        guard let node = channel.node else { return }
        channel.node = nil
        forget(node)
    }

    @discardableResult func add(_ make: (Int) -> RpmsgCharacterDevice) -> RpmsgCharacterDevice {
        if !left.isEmpty { lookForCloses?() }
        let index = nodes.indices.first { index in nodes[index] == nil && !left.contains { $0.index == index } } ?? nodes.count
        if index == nodes.count { nodes.append(nil) }
        let node = make(index)
        nodes[index] = node
        changed?(node, true)
        return node
    }

    func forget(_ node: RpmsgCharacterDevice) {
        guard self.node(node.index) === node else { return }
        nodes[node.index] = nil
        if node.isOpen {
            left.append(node)
            awaitClose(node)
        }
        node.remove()
        changed?(node, false)
    }

    private func awaitClose(_ node: RpmsgCharacterDevice) {
        node.closedAtLast = { [weak self, unowned node] in self?.left.removeAll { $0 === node } }
    }

    struct State: Equatable, Sendable {
        /// Numbers that are known.
        var count: Int
        /// Devices that CREATE_EPT has made; the others are their channels'.
        var made: [Made]
        var left: [RpmsgCharacterDevice.State]
        var queuedBytes: Int
    }
    struct Made: Equatable, Sendable {
        /// Of its bus, among the virtio devices.
        var place: Int
        var device: RpmsgCharacterDevice.State
    }

    func state(_ buses: [RpmsgBus?]) -> State {
        let made = nodes.compactMap { node in
            guard let node, node.channel == nil, let place = buses.firstIndex(where: { $0 === node.bus }) else { return nil as Made? }
            return Made(place: place, device: node.state)
        }
        return State(count: nodes.count, made: made, left: left.map(\.state), queuedBytes: queuedBytes)
    }

    /// Behind the channels, which have their devices. Nobody is told.
    func restore(_ state: State, _ channels: [RpmsgChannel], _ buses: [RpmsgBus?], among objects: inout RpmsgObjects) {
        nodes = [RpmsgCharacterDevice?](repeating: nil, count: state.count)
        func enter(_ node: RpmsgCharacterDevice) { if nodes.indices.contains(node.index) { nodes[node.index] = node } }
        for case let node? in channels.map(\.node) { enter(node) }
        for made in state.made {
            if buses.indices.contains(made.place), let bus = buses[made.place] { enter(objects.device(made.device, channel: nil, bus: bus)) }
        }
        left = state.left.map { objects.device($0, channel: nil, bus: nil) }
        for node in left { awaitClose(node) }
        queuedBytes = state.queuedBytes
    }

    /// The bus's `rpmsg_ctrl` goes, and with it what that made.
    func controlRemoved(_ bus: RpmsgBus) {
        for case let node? in nodes where node.bus === bus && node.channel == nil { forget(node) }
    }
}
