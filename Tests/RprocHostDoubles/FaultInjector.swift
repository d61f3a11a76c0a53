// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost

/// Makes one call fail: the n-th that the host makes of its platform, of the TA and of /lib/firmware, counted together.
///
/// ```swift
/// let injector = FaultInjector()
/// let faulty = FaultInjectingPlatform(platform, injector)
/// injector.arm(3)      // the third call from here fails
/// ```
public final class FaultInjector {
    public enum Call: Equatable, Sendable {
        case read(PhysicalAddress), write(PhysicalAddress)
        /// A register access.
        case registerRead(PhysicalAddress), registerWrite(PhysicalAddress)
        case trustedFirmware(MockTrustedFirmware.Call)
        case file
    }
    /// The call that was made to fail since `arm`; nil when there were fewer.
    public private(set) var failed: Call?
    /// Calls since `arm`.
    public private(set) var count = 0
    private var target = 0

    public init() {}

    /// The `n`th call from here fails, counted from 1; 0 for none.
    public func arm(_ n: Int) {
        target = n
        count = 0
        failed = nil
    }

    /// Counts a call, and says whether it has to fail.
    func fails(_ call: @autoclosure () -> Call) -> Bool {
        guard target > 0 else { return false }
        count += 1
        guard count == target else { return false }
        failed = call()
        return true
    }

    /// Wraps the source of firmware files.
    public func files(_ source: @escaping FirmwareSource) -> FirmwareSource {
        { [self] name throws(Errno) in
            if fails(.file) { throw .io }
            return try source(name)
        }
    }
}

/// A platform whose bus fails when its injector says so; the mailbox's registers, whose driver knows no errors, never do.
public final class FaultInjectingPlatform: HostPlatform, NonSecureBus {
    private let base: InMemoryPlatform
    private let injector: FaultInjector
    public init(_ base: InMemoryPlatform, _ injector: FaultInjector) { self.base = base; self.injector = injector }

    public var bus: any NonSecureBus { self }
    public var now: VirtualTime { base.now }
    public func wait(until deadline: VirtualTime, or condition: () -> Bool) -> WaitOutcome { base.wait(until: deadline, or: condition) }
    public func scheduleWork(at time: VirtualTime) { base.scheduleWork(at: time) }

    private func check(_ call: FaultInjector.Call, _ address: PhysicalAddress, _ count: Int, isWrite: Bool) throws(BusError) {
        guard !base.chip.mailbox.contains(address.value) else { return }
        if injector.fails(call) { throw BusError(address: address, count: count, isWrite: isWrite, cause: .protected(owner: "a test")) }
    }

    public func read(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer) throws(BusError) {
        try check(.read(address), address, buffer.count, isWrite: false)
        try base.read(address, into: buffer)
    }

    public func write(_ address: PhysicalAddress, from buffer: UnsafeRawBufferPointer) throws(BusError) {
        try check(.write(address), address, buffer.count, isWrite: true)
        try base.write(address, from: buffer)
    }

    public func read32(_ address: PhysicalAddress) throws(BusError) -> UInt32 {
        try check(.registerRead(address), address, 4, isWrite: false)
        return try base.read32(address)
    }

    public func write32(_ address: PhysicalAddress, _ value: UInt32) throws(BusError) {
        try check(.registerWrite(address), address, 4, isWrite: true)
        try base.write32(address, value)
    }
}

/// A TA whose calls fail when its injector says so, before they do anything.
public final class FaultInjectingFirmware: TrustedFirmware {
    private let base: MockTrustedFirmware
    private let injector: FaultInjector
    public init(_ base: MockTrustedFirmware, _ injector: FaultInjector) { self.base = base; self.injector = injector }

    private func check(_ call: MockTrustedFirmware.Call) throws(TEEError) {
        if injector.fails(.trustedFirmware(call)) { throw .generic }
    }

    public func load(image: [UInt8]) throws(TEEError) { try check(.load); try base.load(image: image) }
    public func resourceTable() throws(TEEError) -> PhysicalRange? { try check(.resourceTable); return try base.resourceTable() }
    public func start() throws(TEEError) { try check(.start); try base.start() }
    public func stop() throws(TEEError) { try check(.stop); try base.stop() }
    public func release() throws(TEEError) { try check(.release); try base.release() }
}
