// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// What the Cortex-A7 in the normal world reaches: memory and peripheral registers, by physical address.
///
/// This is the firewall's border. Memory that belongs to the secure world or to the isolated Cortex-M4 answers with
/// `BusError.Cause.protected`, as the bus does when the ETZPC refuses.
///
/// Registers are touched only through `read32` and `write32`; rings, tables, segments and buffers only through the other
/// two, with any length and alignment.
public protocol NonSecureBus: AnyObject {
    /// Fills `buffer` from memory; on an error its content is unspecified.
    func read(_ address: PhysicalAddress, into buffer: UnsafeMutableRawBufferPointer) throws(BusError)
    /// Stores `buffer` to memory, all of it or nothing.
    func write(_ address: PhysicalAddress, from buffer: UnsafeRawBufferPointer) throws(BusError)
    /// One aligned 32-bit access, with the register's side effects.
    func read32(_ address: PhysicalAddress) throws(BusError) -> UInt32
    /// One aligned 32-bit access, with the register's side effects.
    func write32(_ address: PhysicalAddress, _ value: UInt32) throws(BusError)
}

extension PhysicalAddress {
    /// The address `offset` bytes further, modulo 2^32: a bus has no bytes beyond, and refuses what wrapped.
    @inlinable func advanced(_ offset: UInt32) -> PhysicalAddress { PhysicalAddress(value &+ offset) }
}

extension [UInt8] {
    /// `withUnsafeBytes` with typed errors, which the standard library's does not have.
    func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        let result: Result<R, E> = withUnsafeBytes { bytes in
            do throws(E) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    mutating func withMutableBytes<E: Error>(_ body: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
        let result: Result<Void, E> = withUnsafeMutableBytes { bytes in
            do throws(E) { return .success(try body(bytes)) } catch { return .failure(error) }
        }
        try result.get()
    }
}

extension NonSecureBus {
    @inline(__always) func load<T: FixedWidthInteger>(_ type: T.Type, _ address: PhysicalAddress) throws(BusError) -> T {
        var value: T = 0
        try withUnsafeMutableBytes(of: &value) { (bytes) throws(BusError) in try read(address, into: bytes) }
        return T(littleEndian: value)
    }

    @inline(__always) func store<T: FixedWidthInteger>(_ value: T, _ address: PhysicalAddress) throws(BusError) {
        try withUnsafeBytes(of: value.littleEndian) { (bytes) throws(BusError) in try write(address, from: bytes) }
    }

    /// - Parameter count: a table of a guest's may say 4 GiB: no byte is touched before the bus has taken the range.
    func readBytes(_ address: PhysicalAddress, count: Int) throws(BusError) -> [UInt8] {
        var failure: BusError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            do throws(BusError) {
                try read(address, into: UnsafeMutableRawBufferPointer(buffer))
                filled = count
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }

    func writeBytes(_ address: PhysicalAddress, _ bytes: some Collection<UInt8>) throws(BusError) {
        let copy = Array(bytes)
        try copy.withBytes { (buffer) throws(BusError) in try write(address, from: buffer) }
    }

    /// Stores `count` zeros, in pieces of at most 4 KiB.
    func zero(_ address: PhysicalAddress, count: Int) throws(BusError) {
        let zeros = [UInt8](repeating: 0, count: min(count, 4096))
        var done = 0
        while done < count {
            let piece = min(count - done, zeros.count)
            try zeros.withBytes { (buffer) throws(BusError) in
                try write(address.advanced(UInt32(truncatingIfNeeded: done)), from: UnsafeRawBufferPointer(rebasing: buffer[0..<piece]))
            }
            done += piece
        }
    }
}
