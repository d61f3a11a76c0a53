import MachineBase
import RprocHost

/// Where things are in the guest's machine: QEMU's `virt` with 32-bit addresses, and in it the STM32MP15's memories and registers at the addresses
/// that they have on the board.
///
/// The machine's RAM begins at 0x40000000, so registers are words of it that Linux leaves alone; MCUSRAM and RETRAM lie below, in the window of
/// the PCI Express bridge, where a device of shared memory can be put at any address.
public struct GuestLayout: Equatable, Sendable {
    /// What a guest's store to a watched word is for.
    public enum Word: Equatable, Sendable {
        /// C1CR, C1MR or C1SCR of the IPCC; its offset in the block.
        case ipcc(UInt32)
        case holdBoot, reset, powerDown, m4State, resourceTable
    }
    /// A file that guest and board have mapped, and a place in it.
    public struct Place: Equatable, Sendable {
        public let bank: Bank
        /// In bytes, from the file's beginning.
        public let offset: Int
    }
    public enum Bank: String, Equatable, Sendable, CaseIterable {
        /// The guest's own memory, with the register words and the M4's DDR in it.
        case ram
        case mcusram, retram
    }

    // MARK: QEMU's machine; hw/arm/virt.c keeps these for the sake of migration.

    static let ramStart: UInt32 = 0x4000_0000
    /// What Linux may use of it.
    static let linuxMemory: UInt32 = 512 << 20
    static let gicDistributor: UInt32 = 0x0800_0000, gicCPU: UInt32 = 0x0801_0000
    static let uart: UInt32 = 0x0900_0000, uartInterrupt: UInt32 = 1
    static let clock: UInt32 = 0x0901_0000, clockInterrupt: UInt32 = 2
    static let virtio: UInt32 = 0x0A00_0000, virtioSize: UInt32 = 0x200, virtioInterrupt: UInt32 = 16
    static let pciConfiguration: UInt32 = 0x3F00_0000
    static let systemClock: UInt32 = 24_000_000

    // MARK: The board's. Source: RM0436, 2.5.2 and 10.

    static let mcusram: UInt32 = 0x1000_0000, mcusramAlias: UInt32 = 0x3000_0000, retram: UInt32 = 0x3800_0000
    /// In bytes; powers of two, as PCI wants them. MCUSRAM has 0x60000.
    static let mcusramSize = 0x8_0000, retramSize = 0x1_0000
    static let ipcc: UInt32 = 0x4C00_1000
    static let ddr: UInt32 = 0xC000_0000
    static let page: UInt32 = 0x1000

    // MARK: Interrupts that `virt` leaves free, as shared interrupts of the GIC

    public static let receiveInterrupt = 60, transmitInterrupt = 61, watchdogInterrupt = 62

    /// The IPCC's channels as Linux has them.
    let mailboxes: MailboxChannels
    /// What a word is, by its address in the guest's memory.
    public let words: [UInt32: Word]
    /// In bytes, of the RAM's file. It has holes: only what is used takes memory.
    ///
    /// Even without DDR it is far more than Linux gets: QEMU 7.2's plugins are told, as the address of memory, a sum that is right for the
    /// first block only. Above 1.5 GiB no other block's sum comes out at a register.
    public let ramSize: Int

    /// - Throws: `.layout` where a memory region or a register lies outside of what the guest's machine can have.
    public init(_ configuration: HostConfiguration) throws(GuestError) {
        var words: [UInt32: Word] = [:]
        for offset: UInt32 in [0, 4, 8] { words[Self.ipcc + offset] = .ipcc(offset) }
        let registers = configuration.registers
        let all: [(Word, SystemRegister?)] = [
            (.holdBoot, registers.holdBoot), (.reset, registers.reset), (.powerDown, registers.powerDown), (.m4State, registers.m4State),
            (.resourceTable, registers.resourceTable),
        ]
        for (word, register) in all {
            guard let address = register?.address.value else { continue }
            guard address >= Self.ramStart, address < Self.ramStart + Self.linuxMemory, address & 3 == 0 else {
                throw .layout(
                    "register \(hex32(address)): a guest's registers lie from \(hex32(Self.ramStart)) to \(hex32(Self.ramStart + Self.linuxMemory - 1))")
            }
            guard words.updateValue(word, forKey: address) == nil else { throw .layout("register \(hex32(address)) has two uses") }
        }
        self.words = words
        mailboxes = configuration.mailboxes
        var end: UInt64 = 2 << 30
        for region in configuration.memoryRegions {
            guard Self.place(region.range) != nil else {
                throw .layout("memory region \(region.nodeName): a guest has MCUSRAM, its alias, RETRAM, and DDR from \(hex32(Self.ddr)) on")
            }
            if region.range.start.value >= Self.ddr {
                end = max(end, UInt64(region.range.start.value) + UInt64(region.range.size) - UInt64(Self.ramStart))
            }
        }
        let unit: UInt64 = 1 << 20
        ramSize = Int((end + unit - 1) / unit * unit)
    }

    /// Where an address of the guest's physical memory is; nil for what is no memory that the two share.
    public func place(_ address: PhysicalAddress) -> Place? {
        Self.place(PhysicalRange(start: address, size: 1))
            ?? (address.value >= Self.ramStart && Int(address.value - Self.ramStart) < ramSize
                ? Place(bank: .ram, offset: Int(address.value - Self.ramStart)) : nil)
    }

    /// Where one of the coprocessor's memories is.
    private static func place(_ range: PhysicalRange) -> Place? {
        let windows: [(Bank, UInt32, UInt32)] = [
            (.mcusram, mcusram, UInt32(mcusramSize)), (.mcusram, mcusramAlias, UInt32(mcusramSize)), (.retram, retram, UInt32(retramSize)),
        ]
        for (bank, start, size) in windows where PhysicalRange(start: PhysicalAddress(start), size: size).contains(range.start, count: Int(range.size)) {
            return Place(bank: bank, offset: Int(range.start.value - start))
        }
        guard range.start.value >= ddr, UInt64(range.start.value) + UInt64(range.size) <= 1 << 32 else { return nil }
        return Place(bank: .ram, offset: Int(range.start.value - ramStart))
    }

    /// In bytes, of a bank's file.
    public func size(_ bank: Bank) -> Int {
        switch bank {
        case .ram: ramSize
        case .mcusram: Self.mcusramSize
        case .retram: Self.retramSize
        }
    }

    /// Pages of registers, which Linux must not take for memory.
    var registerPages: [UInt32] { Set(words.keys.map { $0 & ~(Self.page - 1) }).sorted() }

    /// Runs of watched words, for the plugin: start and length in bytes.
    var watches: [(start: UInt32, length: UInt32)] {
        words.keys.sorted().reduce(into: []) { runs, address in
            if let last = runs.last, last.start + last.length == address {
                runs[runs.count - 1].length += 4
            } else {
                runs.append((address, 4))
            }
        }
    }
}
