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
    /// Numbers of devices that are gone and open still.
    private var heldNumbers: Set<Int> = []

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
        if !heldNumbers.isEmpty { lookForCloses?() }
        let index = nodes.indices.first { nodes[$0] == nil && !heldNumbers.contains($0) } ?? nodes.count
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
            heldNumbers.insert(node.index)
            node.closedAtLast = { [weak self, index = node.index] in self?.heldNumbers.remove(index) }
        }
        node.remove()
        changed?(node, false)
    }

    /// The bus's `rpmsg_ctrl` goes, and with it what that made.
    func controlRemoved(_ bus: RpmsgBus) {
        for case let node? in nodes where node.bus === bus && node.channel == nil { forget(node) }
    }
}
