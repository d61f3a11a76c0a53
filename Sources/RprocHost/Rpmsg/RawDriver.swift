import MachineBase

/// The kernel's `rpmsg_chrdev`: channels `rpmsg-raw` as `/dev/rpmsgN`, message for message.
public final class RpmsgRawDriver: RpmsgDriver {
    public let driverName = "rpmsg_chrdev"
    public let channelNames = ["rpmsg-raw", "rpmsg_chrdev"]
    /// Bound channels by device number; a gap is nil.
    public private(set) var devices: [RpmsgChannel?] = []
    /// A message: device number, payload (borrowed), sender.
    public var received: ((Int, UnsafeRawBufferPointer, UInt32) -> Void)?

    init() {}

    public func device(_ index: Int) -> RpmsgChannel? { index >= 0 && index < devices.count ? devices[index] : nil }

    public func probe(_ channel: RpmsgChannel) throws(Errno) {
        if let free = devices.firstIndex(where: { $0 == nil }) { devices[free] = channel } else { devices.append(channel) }
    }

    public func received(_ payload: UnsafeRawBufferPointer, from source: UInt32, on channel: RpmsgChannel) {
        for (index, device) in devices.enumerated() where device === channel {
            received?(index, payload, source)
            return
        }
    }

    public func remove(_ channel: RpmsgChannel) {
        if let index = devices.firstIndex(where: { $0 === channel }) { devices[index] = nil }
    }
}
