// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Checks what Linux and the firmware do to their shared memory against virtio's and rpmsg's rules.
///
/// Looks at each doorbell in either direction, at each of the host's looks at a used ring, at each message, when the timer asks,
/// and when the device stops. Reads through Linux's bus, writes nothing, and decides nothing: what breaks a rule is a `Finding`.
/// Each change is found once. Sources: virtio 1.2 §2.7, rpmsg's formats (`RpmsgWire`), RM0436 IPCC.
public final class RpmsgSanitizer: CheckOwner {
    /// How long, in virtual time, firmware may leave things undone.
    public struct Patience: Equatable, Sendable {
        /// From a used index that moved to its doorbell.
        public var kick = VirtualTime.milliseconds(10)
        /// From a doorbell of Linux's to its acknowledgement in the IPCC.
        public var acknowledge = VirtualTime.seconds(1)
        /// For a buffer that was overtaken: one that was given later has come back.
        public var buffer = VirtualTime.seconds(1)
        /// The same when the device stops.
        public var bufferAtStop = VirtualTime.milliseconds(20)
        public init() {}
    }

    public var patience = Patience()
    /// Where writers are looked up; without one, findings name none.
    public weak var writeRecord: (any WriteRecord)?
    /// The name of an instruction's address.
    public var symbol: ((UInt32) -> String?)?
    /// Asks for one call of `look()` at a time; `.never` for none. Without it `look()` is the owner's to call.
    public var schedule: ((VirtualTime) -> Void)? { didSet { schedule?(nextLook) } }
    /// When `look()` is wanted.
    public private(set) var nextLook: VirtualTime { get { own.nextLook } set { own.nextLook = newValue } }

    let kernel: KernelContext
    let mailbox: IPCCDriver
    let table: TableMemory
    var device: DeviceCheck?
    /// What changes besides what is checked of the device.
    struct OwnState: Equatable, Sendable {
        var nextLook = VirtualTime.never
        /// Doorbells, messages and looks at a ring so far: whether anything happens at all.
        var activity: UInt64 = 0
        var activityAtLook: UInt64 = 0
        var interval = RpmsgSanitizer.shortest
    }
    var own = OwnState()
    private var activity: UInt64 { get { own.activity } set { own.activity = newValue } }
    private var activityAtLook: UInt64 { get { own.activityAtLook } set { own.activityAtLook = newValue } }
    private var interval: VirtualTime { get { own.interval } set { own.interval = newValue } }
    private static let shortest = VirtualTime.milliseconds(1), longest = VirtualTime.milliseconds(512)

    init(_ kernel: KernelContext, mailbox: IPCCDriver, table: TableMemory) { self.kernel = kernel; self.mailbox = mailbox; self.table = table }

    var now: VirtualTime { kernel.now }
    var booksAreExact: Bool { true }
    func report(_ finding: Finding) { kernel.findings.report(finding) }

    // MARK: The device's life

    /// DRIVER_OK is set; buffers are posted.
    func started(_ device: RemoteVirtioDevice, _ bus: RpmsgBus) {
        guard let input = bus.input.check, let output = bus.output.check else { return }
        self.device = DeviceCheck(self, device, bus, input: input, output: output)
        activity &+= 1
        interval = Self.shortest
        arrange(now + interval)
    }

    /// The device is about to be reset: the last look at it.
    func stopping(_ device: RemoteVirtioDevice) {
        guard let check = self.device, check.device === device else { return }
        check.look()
        check.last()
        self.device = nil
        arrange(.never)
    }

    // MARK: Looks

    /// Looks at everything, and at what should have happened by now.
    public func look() {
        nextLook = .never
        guard let device else { return }
        device.look()
        // Seldom while nothing happens, not at all when that has lasted; each doorbell begins anew.
        interval = activity != activityAtLook || device.isWaiting ? Self.shortest : interval + interval
        activityAtLook = activity
        arrange(interval > Self.longest ? .never : now + interval)
    }

    private func arrange(_ time: VirtualTime) {
        nextLook = time
        schedule?(time)
    }

    private func happened() {
        activity &+= 1
        if nextLook == .never {
            interval = Self.shortest
            arrange(now + interval)
        }
    }

    /// The firmware rings, this very moment; the handler comes later.
    func raised() { device?.raised() }

    /// The firmware has rung channel 0 or 1 (counted from 0): `vring0`, `vring1`.
    func doorbell(_ channel: Int) {
        guard let device else { return }
        happened()
        device.doorbell(channel)
    }

    /// Linux rings for a ring.
    func kicked(_ notifyID: UInt32) {
        guard let device else { return }
        happened()
        device.kicked(notifyID)
    }

    func received(descriptor: UInt16, buffer: PhysicalAddress, length: UInt32, bytes: UnsafeRawBufferPointer) {
        device?.received(descriptor: descriptor, buffer: buffer, length: length, bytes: bytes)
    }
}

extension RemoteProcessor {
    /// Turns the sanitizer on, for virtio devices that start from now on.
    @discardableResult public func sanitize() -> RpmsgSanitizer {
        if let sanitizer { return sanitizer }
        let made = RpmsgSanitizer(kernel, mailbox: doorbells.mailbox, table: table)
        (rpmsgHost.sanitizer, doorbells.sanitizer) = (made, made)
        return made
    }
}
