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
        held.carveouts = carveouts.count
        held.notifyIDs = notifyIDs.count { $0 != nil }
        held.virtioDevices = virtioNames.count
        held.poolPieces = dynamicPool?.pieces ?? 0
        held.traces = traces.count
        held.tables = [cachedTable, cleanTable, builtTable].count { $0 != nil } + (table == .none ? 0 : 1)
        return held
    }
}
