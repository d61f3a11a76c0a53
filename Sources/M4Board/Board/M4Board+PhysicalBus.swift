// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import MP1Peripherals
import MachineBase

// The board as the Cortex-A7s see it: memory and registers at physical addresses.
extension M4Board {
    /// Reads memory, or aligned words of registers.
    /// - Throws: `BusError` when not all of it is in one memory or one register.
    public func read(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer, secure: Bool) throws(BusError) {
        if let (bytes, _) = banks.locate(address, count: buffer.count) {
            if let target = buffer.baseAddress { target.copyMemory(from: bytes, byteCount: buffer.count) }
            return
        }
        guard isRegister(address, buffer.count) else {
            throw BusError(address: address, count: buffer.count, isWrite: false, cause: .unmapped)
        }
        let value = soc.read(address.value, width: buffer.count, by: .cortexA7(secure: secure))
        withUnsafeBytes(of: value.littleEndian) { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<buffer.count])) }
    }

    /// Writes memory, or aligned words of registers; code that was translated from there is forgotten.
    public func write(_ address: PhysicalAddress, from buffer: UnsafeRawBufferPointer, secure: Bool) throws(BusError) {
        if let (bytes, device) = banks.locate(address, count: buffer.count) {
            guard let source = buffer.baseAddress else { return }
            UnsafeMutableRawPointer(bytes).copyMemory(from: source, byteCount: buffer.count)
            m4_engine_memory_written(core.engine.raw, device.value, UInt32(buffer.count))
            return
        }
        guard isRegister(address, buffer.count) else {
            throw BusError(address: address, count: buffer.count, isWrite: true, cause: .unmapped)
        }
        var value: UInt32 = 0
        withUnsafeMutableBytes(of: &value) { $0.copyMemory(from: buffer) }
        soc.write(address.value, UInt32(littleEndian: value), width: buffer.count, by: .cortexA7(secure: secure))
        signals.settleReset()
    }

    /// Writes bytes to memory.
    public func write(_ address: PhysicalAddress, _ bytes: [UInt8]) throws(BusError) {
        guard let (target, device) = banks.locate(address, count: bytes.count) else {
            throw BusError(address: address, count: bytes.count, isWrite: true, cause: .unmapped)
        }
        bytes.withUnsafeBytes { source in
            if let base = source.baseAddress { UnsafeMutableRawPointer(target).copyMemory(from: base, byteCount: source.count) }
        }
        m4_engine_memory_written(core.engine.raw, device.value, UInt32(bytes.count))
    }

    /// One aligned word of memory or of a register.
    public func readWord(_ address: PhysicalAddress, secure: Bool) throws(BusError) -> UInt32 {
        if let (bytes, _) = banks.locate(address, count: 4) {
            return UInt32(littleEndian: UnsafeRawPointer(bytes).loadUnaligned(as: UInt32.self))
        }
        guard isRegister(address, 4) else { throw BusError(address: address, count: 4, isWrite: false, cause: .unmapped) }
        return soc.read(address.value, width: 4, by: .cortexA7(secure: secure))
    }

    /// One aligned word of memory or of a register, with its side effects; a reset that it asks for happens before this returns.
    public func writeWord(_ address: PhysicalAddress, _ value: UInt32, secure: Bool) throws(BusError) {
        if let (bytes, device) = banks.locate(address, count: 4) {
            UnsafeMutableRawPointer(bytes).storeBytes(of: value.littleEndian, as: UInt32.self)
            m4_engine_memory_written(core.engine.raw, device.value, 4)
            return
        }
        guard isRegister(address, 4) else { throw BusError(address: address, count: 4, isWrite: true, cause: .unmapped) }
        soc.write(address.value, value, width: 4, by: .cortexA7(secure: secure))
        signals.settleReset()
    }

    /// Fills memory with one byte.
    public func fill(_ address: PhysicalAddress, count: Int, with byte: UInt8) throws(BusError) {
        guard let (bytes, device) = banks.locate(address, count: count) else {
            throw BusError(address: address, count: count, isWrite: true, cause: .unmapped)
        }
        bytes.update(repeating: byte, count: count)
        m4_engine_memory_written(core.engine.raw, device.value, UInt32(count))
    }

    /// Forgets all that was translated from memory: another process has written to it.
    public func forgetTranslations() {
        for bank in banks.banks { m4_engine_memory_written(core.engine.raw, bank.device[0].value, bank.size) }
    }

    /// Calls `body` with memory in place; for hashing. nil when not all of it is in one memory.
    public func withMemory<T>(_ address: PhysicalAddress, count: Int, _ body: (UnsafeRawBufferPointer) -> T) -> T? {
        guard let (bytes, _) = banks.locate(address, count: count) else { return nil }
        return body(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// Registers are read and written one at a time, aligned to their size.
    private func isRegister(_ address: PhysicalAddress, _ count: Int) -> Bool {
        registerBank.contains(address.value) && [1, 2, 4].contains(count) && address.value % UInt32(count) == 0
    }
}
