// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// What the host holds for a remote processor: all of it zero when it is offline or detached.
public struct HeldResources: Equatable, Sendable {
    public var carveouts = 0
    /// Numbers of vrings that are taken.
    public var notifyIDs = 0
    /// Registered virtio devices.
    public var virtioDevices = 0
    /// Pieces of the kernel's own memory, for carveouts and message buffers.
    public var poolPieces = 0
    public var traces = 0
    /// Copies of a resource table.
    public var tables = 0
    public init() {}
}

extension RemoteProcessor {
    public var held: HeldResources {
        var held = HeldResources()
        held.carveouts = carveoutList.all.count
        held.notifyIDs = virtio.heldNotifyIDs
        held.virtioDevices = virtio.registered
        held.poolPieces = carveoutList.pool?.pieces ?? 0
        held.traces = resources.traces.count
        held.tables = table.held
        return held
    }
}
