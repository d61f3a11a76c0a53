// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLinuxBridge
import Glibc
import MachineBase

/// What guest and board share: the memories, and the page by which the guest's stores wait for the board.
///
/// The files have no names and no folder. They are here until nobody has them open or mapped, so a process that is killed leaves none.
public final class GuestMemory: Sendable {
    public let layout: GuestLayout
    private let files: [GuestLayout.Bank: OwnedDescriptor]
    private let ramFile: OwnedDescriptor
    let pageFile: OwnedDescriptor
    // The mappings stay as long as this object does. Words in them are read and written whole, in C.
    nonisolated(unsafe) private let ram: UnsafeMutableRawPointer
    /// For `linux_bridge_wait` and what goes with it.
    nonisolated(unsafe) public let page: UnsafeMutablePointer<linux_bridge_page>

    /// - Throws: `.system` where there is no memory to be had.
    init(_ layout: GuestLayout) throws(GuestError) {
        self.layout = layout
        ramFile = try .memory("m4run-ram", size: layout.ramSize)
        var files: [GuestLayout.Bank: OwnedDescriptor] = [.ram: ramFile]
        for memory in layout.chip.memories {
            let bank = GuestLayout.Bank.memory(memory.name)
            files[bank] = try .memory("m4run-\(memory.name.lowercased())", size: layout.size(bank))
        }
        self.files = files
        pageFile = try OwnedDescriptor.memory("m4run-bridge", size: Int(LINUX_BRIDGE_PAGE_SIZE))
        ram = try Self.map(ramFile.number, layout.ramSize)
        do throws(GuestError) {
            page = try Self.map(pageFile.number, Int(LINUX_BRIDGE_PAGE_SIZE)).assumingMemoryBound(to: linux_bridge_page.self)
        } catch {
            munmap(ram, layout.ramSize)
            throw error
        }
        linux_bridge_open(page)
        // What the mailbox says of itself; Linux's driver reads both.
        let mailbox = layout.chip.mailbox
        setWord(mailbox.address(mailbox.offsets.hwcfgr).value, UInt32(mailbox.channelCount))
        setWord(mailbox.address(mailbox.offsets.verr).value, mailbox.version)
    }

    deinit {
        munmap(ram, layout.ramSize)
        munmap(page, Int(LINUX_BRIDGE_PAGE_SIZE))
    }

    /// The file of a bank, open for reading and writing; for the board, which maps it itself. It stays open as long as this object is there.
    public func descriptor(_ bank: GuestLayout.Bank) -> Int32 { file(bank).number }

    func file(_ bank: GuestLayout.Bank) -> OwnedDescriptor { files[bank] ?? ramFile }

    /// A word of the guest's RAM; 0 outside of it, or when it is not aligned.
    public func word(_ address: UInt32) -> UInt32 { place(address).map { linux_bridge_load($0) } ?? 0 }
    /// Writes a word of the guest's RAM; nothing happens outside of it.
    public func setWord(_ address: UInt32, _ value: UInt32) {
        guard let place = place(address) else { return }
        linux_bridge_store(place, value)
    }

    private func place(_ address: UInt32) -> UnsafeMutablePointer<UInt32>? {
        guard address >= GuestLayout.ramStart, address & 3 == 0 else { return nil }
        let offset = Int(address - GuestLayout.ramStart)
        guard offset + 4 <= layout.ramSize else { return nil }
        return ram.advanced(by: offset).assumingMemoryBound(to: UInt32.self)
    }

    private static func map(_ descriptor: Int32, _ size: Int) throws(GuestError) -> UnsafeMutableRawPointer {
        guard let memory = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), memory != MAP_FAILED else {
            throw .system("mapping \(size) bytes of a guest's memory", errno)
        }
        return memory
    }
}
