// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import Chips
import FoundationEssentials
import Glibc
import MachineBase

/// A run of device addresses.
public struct MemoryWindow: Equatable, Sendable {
    public var start: DeviceAddress
    /// In bytes.
    public var size: UInt32
    public init(start: DeviceAddress, size: UInt32) { self.start = start; self.size = size }
}

/// The memories that the core executes from and shares: those of the chip, and a window of external memory.
///
/// Each has one place in host memory, whatever the addresses it answers at.
final class MemoryBanks {
    struct Bank {
        let name: String
        let physical: PhysicalAddress
        /// Where the M4 sees it; more than one where it has aliases.
        let device: [DeviceAddress]
        /// Where the A7 sees it, too.
        let otherPhysical: [PhysicalAddress]
        /// In bytes.
        let size: UInt32
        let bytes: UnsafeMutablePointer<UInt8>
        let fetched: UnsafeMutablePointer<UInt8>
        let isExternal: Bool
    }
    let banks: [Bank]

    /// - Parameters:
    ///   - ddr: bytes of external memory; a multiple of 4096, at most what the chip's window has.
    ///   - shared: by the memories' names, what lies in files, with what is in them.
    init(_ chip: SoCDescription, ddr: UInt32, shared: [String: SharedMemory] = [:]) throws(BoardError) {
        let external = chip.externalMemory
        guard ddr <= external.size, ddr & 0xFFF == 0 else {
            throw .configuration("a \(external.name) window of \(ddr) bytes: allowed is a multiple of 4096, at most \(external.size)")
        }
        // From the kernel, which gives zeros, and a page only when it is touched.
        func memory(_ name: String, _ size: Int) throws(BoardError) -> UnsafeMutablePointer<UInt8> {
            if let file = shared[name] { return try file.map(name, size: size) }
            guard let bytes = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), bytes != MAP_FAILED else {
                throw .configuration("\(size) bytes of memory for \(name): \(String(cString: strerror(errno)))")
            }
            return bytes.bindMemory(to: UInt8.self, capacity: size)
        }
        func bank(_ chipMemory: ChipMemory, size: UInt32) throws(BoardError) -> Bank? {
            let device = chipMemory.deviceAddresses, physical = chipMemory.physicalAddresses
            guard !device.isEmpty, let first = physical.first else { return nil }
            let bytes = try memory(chipMemory.name, Int(size))
            let pages = Int(size >> M4_PAGE_SHIFT)
            let fetched = UnsafeMutablePointer<UInt8>.allocate(capacity: pages)
            fetched.initialize(repeating: 0, count: pages)
            return Bank(
                name: chipMemory.name, physical: first, device: device, otherPhysical: Array(physical.dropFirst()), size: size, bytes: bytes,
                fetched: fetched, isExternal: chipMemory == external)
        }
        var banks: [Bank] = []
        for memory in chip.memories { if let bank = try bank(memory, size: memory.size) { banks.append(bank) } }
        if ddr > 0, let bank = try bank(external, size: ddr) { banks.append(bank) }
        self.banks = banks
    }

    deinit {
        for bank in banks {
            munmap(bank.bytes, Int(bank.size))
            bank.fetched.deallocate()
        }
    }

    /// The regions of device addresses that the engine is to have: all of the banks, or what of them lies in `windows`, to whole
    /// pages of 4 KiB.
    func regions(in windows: [MemoryWindow]?) -> [m4_region] {
        let joined = windows.map(Self.joined)
        return banks.flatMap { bank in
            bank.device.flatMap { address -> [m4_region] in
                guard let joined else { return [region(bank, at: address, 0..<bank.size)] }
                let base = UInt64(address.value)
                return joined.compactMap { window in
                    let low = max(base, window.lowerBound), high = min(base + UInt64(bank.size), window.upperBound)
                    guard low < high else { return nil }
                    return region(bank, at: address, UInt32(truncatingIfNeeded: low - base)..<UInt32(truncatingIfNeeded: high - base))
                }
            }
        }
    }

    /// In ascending order; windows that touch are one, so that an access may cross from one to the next.
    private static func joined(_ windows: [MemoryWindow]) -> [Range<UInt64>] {
        var result: [Range<UInt64>] = []
        for window in windows.sorted(by: { $0.start < $1.start }) {
            let low = (UInt64(window.start.value) + 0xFFF) & ~0xFFF, high = (UInt64(window.start.value) + UInt64(window.size)) & ~0xFFF
            guard low < high else { continue }
            if let last = result.last, low <= last.upperBound {
                result[result.count - 1] = last.lowerBound..<max(last.upperBound, high)
            } else {
                result.append(low..<high)
            }
        }
        return result
    }

    private func region(_ bank: Bank, at address: DeviceAddress, _ offsets: Range<UInt32>) -> m4_region {
        m4_region(
            start: address.value &+ offsets.lowerBound, size: UInt32(offsets.count), physical: bank.device[0].value &+ offsets.lowerBound,
            permissions: UInt32(M4_READ.rawValue | M4_WRITE.rawValue | M4_EXECUTE.rawValue), host: bank.bytes + Int(offsets.lowerBound),
            fetched: bank.fetched + Int(offsets.lowerBound >> UInt32(M4_PAGE_SHIFT)))
    }

    /// What the banks hold, in their order: bytes, and which pages code has been fetched from, a flag each.
    struct State: Equatable, Sendable {
        struct Bank: Equatable, Sendable { var bytes: [UInt8], fetched: [UInt8] }
        var banks: [Bank]
    }
    /// Copies all of it, or copies it back, to files that others have, too; translations are for the caller to forget.
    var state: State {
        get {
            State(banks: banks.map { bank in
                State.Bank(
                    bytes: Array(UnsafeBufferPointer(start: bank.bytes, count: Int(bank.size))),
                    fetched: Array(UnsafeBufferPointer(start: bank.fetched, count: Int(bank.size >> M4_PAGE_SHIFT))))
            })
        }
        set {
            for (bank, saved) in zip(banks, newValue.banks) {
                saved.bytes.withUnsafeBufferPointer { if let source = $0.baseAddress { bank.bytes.update(from: source, count: min(Int(bank.size), $0.count)) } }
                saved.fetched.withUnsafeBufferPointer {
                    if let source = $0.baseAddress { bank.fetched.update(from: source, count: min(Int(bank.size >> M4_PAGE_SHIFT), $0.count)) }
                }
            }
        }
    }

    /// The bytes at a physical address as the A7 has it, and the device address of the first; nil when not all are in one bank.
    @inline(__always)
    func locate(_ address: PhysicalAddress, count: Int) -> (bytes: UnsafeMutablePointer<UInt8>, device: DeviceAddress)? {
        for bank in banks {
            let offset = address.value &- bank.physical.value
            if offset < bank.size { return place(bank, offset, count) }
            for other in bank.otherPhysical {
                let offset = address.value &- other.value
                if offset < bank.size { return place(bank, offset, count) }
            }
        }
        return nil
    }

    @inline(__always)
    private func place(_ bank: Bank, _ offset: UInt32, _ count: Int) -> (bytes: UnsafeMutablePointer<UInt8>, device: DeviceAddress)? {
        guard count >= 0, UInt64(offset) + UInt64(count) <= UInt64(bank.size) else { return nil }
        return (bank.bytes + Int(offset), DeviceAddress(bank.device[0].value &+ offset))
    }
}
