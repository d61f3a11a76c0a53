// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import Glibc
import MachineBase
import RprocHost

/// One ring twice: the kernel's code over one memory, RprocHost's over another. What is done is done to both, and must look alike.
final class RingPair {
    private let kernel: KernelRing
    private let theirs: KernelRing.Handle
    private let ours: VirtQueue
    private let memory: UnsafeMutableRawBufferPointer
    private let bus: RingMemory
    let layout: VringLayout

    init?(_ kernel: KernelRing, _ layout: VringLayout, eventIndex: Bool, indirect: Bool, keepsCallbacksAfterEvent: Bool) {
        memory = .allocate(byteCount: Int(layout.size), alignment: 4096)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        bus = RingMemory(count: Int(layout.size))
        self.kernel = kernel
        self.layout = layout
        guard let base = memory.baseAddress, let handle = kernel.new(UInt32(layout.count), layout.alignment, base, eventIndex, indirect) else {
            memory.deallocate()
            return nil
        }
        theirs = handle
        do throws(BusError) {
            ours = try VirtQueue(
                name: "ring", notifyID: 0, layout: layout, base: RingMemory.base, eventIndex: eventIndex, keepsCallbacksAfterEvent: keepsCallbacksAfterEvent, bus: bus)
        } catch {
            kernel.free(handle)
            memory.deallocate()
            return nil
        }
    }

    deinit {
        kernel.free(theirs)
        memory.deallocate()
    }

    // MARK: The driver's steps

    func add(_ buffer: UInt32, _ length: UInt32, deviceWrites: Bool) -> String? {
        let error = kernel.add(theirs, buffer, length, deviceWrites)
        var result: Int32 = 0
        do throws(Errno) { try ours.add(PhysicalAddress(buffer), length: length, deviceWrites: deviceWrites) } catch { result = error.negative }
        return difference("add", error, result)
    }

    func take() -> String? {
        var length: UInt32 = 0
        let buffer = kernel.take(theirs, &length)
        let taken = ours.take()
        return difference("take", buffer, taken?.buffer.value ?? 0) ?? (taken == nil ? nil : difference("length taken", length, taken?.length ?? 0))
    }

    func kickPrepare() -> String? { difference("kick_prepare", kernel.kickPrepare(theirs), ours.kickPrepare()) }

    func kick() -> String? {
        kernel.kick(theirs)
        ours.kick()
        return nil
    }

    func notify() -> String? {
        kernel.notify(theirs)
        ours.notify()
        return nil
    }

    /// vring_interrupt looks whether there is anything first, as RprocHost's mailbox work does.
    func interrupt() -> String? {
        kernel.interrupt(theirs)
        if ours.hasUsed, !ours.isBroken { ours.interrupted() }
        return nil
    }

    func disableCallbacks() -> String? {
        kernel.disableCallbacks(theirs)
        ours.disableCallbacks()
        return nil
    }

    func enableCallbacks() -> String? {
        kernel.enableCallbacks(theirs)
        ours.enableCallbacks()
        return nil
    }

    // MARK: The device's stores, and a look

    func store(_ value: UInt64, bytes count: Int, at offset: Int) {
        for index in 0..<count where offset + index < memory.count {
            let byte = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
            memory[offset + index] = byte
            bus.bytes[offset + index] = byte
        }
    }

    func load16(_ offset: Int) -> UInt16 { UInt16(memory[offset]) | UInt16(memory[offset + 1]) << 8 }

    var freeCount: Int { Int(ours.freeCount) }
    var isBroken: Bool { ours.isBroken }

    /// What differs between the two now; nil for nothing.
    func difference() -> String? {
        if let words = difference("free descriptors", kernel.freeCount(theirs), UInt32(ours.freeCount)) { return words }
        if let words = difference("broken", kernel.isBroken(theirs), ours.isBroken) { return words }
        if let words = difference("doorbells", kernel.notifications(theirs), ours.kicks) { return words }
        guard let offset = memory.indices.first(where: { memory[$0] != bus.bytes[$0] }) else { return nil }
        return difference("ring byte 0x\(String(offset, radix: 16))", memory[offset], bus.bytes[offset])
    }

    private func difference<T: Equatable>(_ what: String, _ kernel: T, _ model: T) -> String? {
        kernel == model ? nil : "\(what): the kernel has \(kernel), the model \(model)"
    }
}

/// The model's ring memory, and nothing else.
private final class RingMemory: NonSecureBus {
    static let base = SoCDescription.stm32mp157.reservedMemory.first { $0.name == "vdev0vring0" }?.range.start ?? PhysicalAddress(0)
    let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) {
        bytes = .allocate(byteCount: count, alignment: 4096)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }
    deinit { bytes.deallocate() }

    private func range(_ address: PhysicalAddress, _ count: Int) throws(BusError) -> Int {
        let offset = Int(address.value) - Int(Self.base.value)
        guard offset >= 0, offset + count <= bytes.count else { throw BusError(address: address, count: count, isWrite: false, cause: .unmapped) }
        return offset
    }

    func read(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer) throws(BusError) {
        let start = try range(address, buffer.count)
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + buffer.count]))
    }

    func write(_ address: PhysicalAddress, from buffer: UnsafeRawBufferPointer) throws(BusError) {
        let start = try range(address, buffer.count)
        UnsafeMutableRawBufferPointer(rebasing: bytes[start..<start + buffer.count]).copyMemory(from: buffer)
    }

    func read32(_ address: PhysicalAddress) throws(BusError) -> UInt32 { 0 }
    func write32(_ address: PhysicalAddress, _ value: UInt32) throws(BusError) {}
}
