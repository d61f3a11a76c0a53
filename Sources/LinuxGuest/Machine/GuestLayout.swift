// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase
import RprocHost

/// Where things are in the guest's machine: QEMU's `virt` with 32-bit addresses, and in it the chip's memories and registers at the addresses
/// that they have on the board.
///
/// The machine's RAM begins where the chip's peripherals do, so registers are words of it that Linux leaves alone; the chip's memories lie below, in
/// the window of the PCI Express bridge, where a device of shared memory can be put at any address.
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
    public enum Bank: Hashable, Sendable {
        /// The guest's own memory, with the register words and the M4's external memory in it.
        case ram
        /// One of the chip's, by its name.
        case memory(String)
    }
    /// One of the chip's memories where the guest's Linux has it.
    struct Window: Equatable, Sendable {
        let bank: Bank
        let start: UInt32
        /// In bytes, of the bank's file; a power of two, as PCI wants it.
        let size: Int
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

    static let page: UInt32 = 0x1000

    // MARK: Interrupts that `virt` leaves free, as shared interrupts of the GIC

    public static let receiveInterrupt = 60, transmitInterrupt = 61, watchdogInterrupt = 62

    let chip: SoCDescription
    /// The mailbox's channels as Linux has them.
    let mailboxes: MailboxChannels
    /// The chip's memories, aliases too, by their addresses.
    let windows: [Window]
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
        let chip = configuration.chip, mailbox = chip.mailbox
        for offset in [mailbox.offsets.c1CR, mailbox.offsets.c1MR, mailbox.offsets.c1SCR] { words[mailbox.address(offset).value] = .ipcc(offset) }
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
        self.chip = chip
        windows = Self.windows(chip)
        mailboxes = configuration.mailboxes
        var end: UInt64 = 2 << 30
        for region in configuration.memoryRegions {
            guard Self.place(region.range, windows, chip) != nil else {
                throw .layout("memory region \(region.nodeName): a guest has \(Self.names(chip)), and \(chip.externalMemory.name) from \(chip.externalStart) on")
            }
            if chip.isExternal(region.range.start) {
                end = max(end, UInt64(region.range.start.value) + UInt64(region.range.size) - UInt64(Self.ramStart))
            }
        }
        let unit: UInt64 = 1 << 20
        ramSize = Int((end + unit - 1) / unit * unit)
    }

    /// Where an address of the guest's physical memory is; nil for what is no memory that the two share.
    public func place(_ address: PhysicalAddress) -> Place? {
        Self.place(PhysicalRange(start: address, size: 1), windows, chip)
            ?? (address.value >= Self.ramStart && Int(address.value - Self.ramStart) < ramSize
                ? Place(bank: .ram, offset: Int(address.value - Self.ramStart)) : nil)
    }

    /// By their addresses, as the slots of the PCI bus have them.
    private static func windows(_ chip: SoCDescription) -> [Window] {
        chip.memories.flatMap { memory in
            memory.physicalAddresses.map { Window(bank: .memory(memory.name), start: $0.value, size: Int(powerOfTwo(memory.size))) }
        }.sorted { $0.start < $1.start }
    }

    private static func powerOfTwo(_ size: UInt32) -> UInt64 { size <= 1 ? 1 : 1 << UInt64(32 - (size - 1).leadingZeroBitCount) }

    /// `MCUSRAM, its alias, RETRAM`
    private static func names(_ chip: SoCDescription) -> String {
        chip.memories.sorted { ($0.physicalAddresses.first?.value ?? 0) < ($1.physicalAddresses.first?.value ?? 0) }
            .flatMap { [$0.name] + $0.physicalAddresses.dropFirst().map { _ in "its alias" } }.joined(separator: ", ")
    }

    /// Where one of the coprocessor's memories is.
    private static func place(_ range: PhysicalRange, _ windows: [Window], _ chip: SoCDescription) -> Place? {
        for window in windows
        where PhysicalRange(start: PhysicalAddress(window.start), size: UInt32(clamping: window.size)).contains(range.start, count: Int(range.size)) {
            return Place(bank: window.bank, offset: Int(range.start.value - window.start))
        }
        guard chip.isExternal(range.start), UInt64(range.start.value) + UInt64(range.size) <= 1 << 32 else { return nil }
        return Place(bank: .ram, offset: Int(range.start.value - ramStart))
    }

    /// In bytes, of a bank's file.
    public func size(_ bank: Bank) -> Int { bank == .ram ? ramSize : windows.first { $0.bank == bank }?.size ?? 0 }

    /// All of them, the guest's own memory first.
    var banks: [Bank] { [.ram] + chip.memories.map { .memory($0.name) } }

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
