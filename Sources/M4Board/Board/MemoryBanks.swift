import CUnicorn
import MachineBase

/// The memories that the Cortex-M4 executes from and shares: RETRAM, MCUSRAM, and a window of DDR.
///
/// Each has one place in host memory, whatever the addresses it answers at.
final class MemoryBanks {
    struct Bank {
        let name: String
        let physical: PhysicalAddress
        /// Where the M4 sees it; more than one for MCUSRAM.
        let device: [DeviceAddress]
        /// Where the A7 sees it, too.
        let otherPhysical: [PhysicalAddress]
        /// In bytes.
        let size: UInt32
        let bytes: UnsafeMutablePointer<UInt8>
        let fetched: UnsafeMutablePointer<UInt8>
    }
    let banks: [Bank]

    static let retram: UInt32 = 0x1_0000
    static let mcusram: UInt32 = 0x6_0000
    static let largestDDR: UInt32 = 0x1000_0000

    /// `ddr` bytes of DDR at 0xC0000000; a multiple of 4096, at most 256 MiB.
    init(ddr: UInt32) throws(BoardError) {
        guard ddr <= Self.largestDDR, ddr & 0xFFF == 0 else {
            throw .configuration("a DDR window of \(ddr) bytes: allowed is a multiple of 4096, at most \(Self.largestDDR)")
        }
        func bank(_ name: String, _ physical: UInt32, device: [UInt32], other: [UInt32] = [], size: UInt32) -> Bank {
            let bytes = UnsafeMutableRawPointer.allocate(byteCount: Int(size), alignment: 4096).bindMemory(to: UInt8.self, capacity: Int(size))
            bytes.initialize(repeating: 0, count: Int(size))
            let pages = Int(size >> M4_PAGE_SHIFT)
            let fetched = UnsafeMutablePointer<UInt8>.allocate(capacity: pages)
            fetched.initialize(repeating: 0, count: pages)
            return Bank(
                name: name, physical: PhysicalAddress(physical), device: device.map(DeviceAddress.init),
                otherPhysical: other.map(PhysicalAddress.init), size: size, bytes: bytes, fetched: fetched)
        }
        var banks = [
            bank("RETRAM", 0x3800_0000, device: [0], size: Self.retram),
            bank("MCUSRAM", 0x1000_0000, device: [0x1000_0000, 0x3000_0000], other: [0x3000_0000], size: Self.mcusram),
        ]
        if ddr > 0 { banks.append(bank("DDR", 0xC000_0000, device: [0xC000_0000], size: ddr)) }
        self.banks = banks
    }

    deinit {
        for bank in banks {
            bank.bytes.deallocate()
            bank.fetched.deallocate()
        }
    }

    /// The regions of device addresses that the engine is to have.
    var regions: [m4_region] {
        banks.flatMap { bank in
            bank.device.map { address in
                m4_region(
                    start: address.value, size: bank.size, physical: bank.device[0].value,
                    permissions: UInt32(M4_READ.rawValue | M4_WRITE.rawValue | M4_EXECUTE.rawValue), host: bank.bytes, fetched: bank.fetched)
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
