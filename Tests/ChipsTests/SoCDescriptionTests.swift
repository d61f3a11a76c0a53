// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase
import SecondChip
import Testing

@Suite("A chip's description") struct SoCDescriptionTests {
    static let chips = [SoCDescription.stm32mp157, .second]
    private let chip = SoCDescription.stm32mp157

    @Test("What it names is what RM0436 and ST's device trees have")
    func values() {
        let core = chip.coprocessor
        #expect(core.holdBoot == SystemRegister(0x5000_010C, mask: 1) && core.reset == SystemRegister(0x5000_0404, mask: 2))
        #expect(core.standby.address.value == 0x5000_1014 && core.state.address.value == 0x5C00_A148 && core.resourceTable.address.value == 0x5C00_A144)
        #expect(core.secureControl == SystemRegister(0x5000_0000, mask: 1))
        #expect(core.watchdogReset.number == 68 && core.watchdogReset.rising == SystemRegister(0x5000_D040, mask: 16))
        #expect(core.watchdogReset.pending == SystemRegister(0x5000_D04C, mask: 16) && core.watchdogReset.mask == SystemRegister(0x5000_D0A0, mask: 16))
        #expect(core.priorityMask == 0xF0 && core.teeProcessor == 0)
        let mailbox = chip.mailbox
        #expect(mailbox.base.value == 0x4C00_1000 && mailbox.channelCount == 6 && mailbox.channelMask == 0x3F && mailbox.version == 0x10)
        #expect((mailbox.receiveInterrupt, mailbox.transmitInterrupt) == (103, 104))
        #expect(mailbox.offsets.c1SCR == 8 && mailbox.offsets.c2ToC1SR == 0x1C && mailbox.offsets.hwcfgr == 0x3F0)
        #expect(chip.wakeUpLines.edges.map { $0.interrupts[0] } == [6, 7, 8, 9, 10, 23, 64, 65, 66, 67, 40, 42, 76, 77, 121, 127, 1, 144])
        #expect(chip.wakeUpLines.direct.flatMap(\.interrupts) == [93, 138, 139, 140, 141, 103, 104, 125])
        #expect(chip.usualClock.coreClock.hertz == 208_877_930 && chip.clocks.map(\.name) == ["pll3", "hsi"])
        // MSSCKSELR, MCUDIVR, PLL3CFGR1 and LPTIM45CKSELR: one of each kind.
        for (offset, value): (UInt32, UInt32) in [(0x48, 3), (0x830, 0), (0x884, 1 << 24 | 1 << 16 | 33), (0x92C, 3)] {
            #expect(chip.usualClock.settings.contains(BootClock.Setting(offset, value)))
        }
        #expect(chip.memoryPlaces == "RETRAM (0x00000000, 64 KiB) or MCUSRAM (0x10000000 or 0x30000000, 384 KiB)")
        #expect(chip.memoryNames == "RETRAM, MCUSRAM or DDR")
    }

    @Test("Each register that it names is one of its map's", arguments: chips)
    func registers(chip: SoCDescription) {
        let core = chip.coprocessor
        let named = [core.holdBoot, core.reset, core.standby, core.secureControl, core.state, core.resourceTable]
            + [core.watchdogReset.rising, core.watchdogReset.pending, core.watchdogReset.mask]
        for register in named { #expect(chip.registers.location(at: register.address.value)?.register != nil, "\(register)") }
        let offsets = chip.mailbox.offsets
        for offset in [offsets.c1CR, offsets.c1MR, offsets.c1SCR, offsets.c1ToC2SR, offsets.c2CR, offsets.c2MR, offsets.c2SCR, offsets.c2ToC1SR] {
            #expect(chip.registers.location(at: chip.mailbox.address(offset).value)?.peripheral == chip.mailbox.block)
        }
        #expect(chip.wakeUpLines.edges.allSatisfy { line in line.interrupts.allSatisfy { chip.registers.interruptName($0) != nil } })
        #expect(Set(chip.wakeUpLines.edges.flatMap(\.interrupts)).count == chip.wakeUpLines.edges.count)
    }

    @Test("Windows of one side do not overlap, and reserved memory lies in one", arguments: chips)
    func memories(chip: SoCDescription) {
        let memories = chip.memories + [chip.externalMemory]
        let physical = memories.flatMap(\.physicalRanges)
        let device = memories.flatMap { memory in memory.deviceAddresses.map { PhysicalRange(start: PhysicalAddress($0.value), size: memory.size) } }
        for ranges in [physical, device] {
            for (index, range) in ranges.enumerated() { #expect(!ranges[..<index].contains { $0.overlaps(range) }) }
        }
        #expect(memories.flatMap(\.physicalAddresses).count - memories.count <= AliasMap.most)
        for reserved in chip.reservedMemory { #expect(chip.memory(holding: reserved.range) != nil && chip.device(reserved.range.start) != nil) }
    }

    @Test("Addresses of the two sides are each other's, and none runs out of its memory", arguments: chips)
    func addresses(chip: SoCDescription) {
        for entry in chip.translations {
            for offset in [0, 4, entry.size - 1] {
                let device = DeviceAddress(entry.device.value + offset), physical = PhysicalAddress(entry.physical.value + offset)
                #expect(chip.physical(device) == physical && chip.device(physical) == device)
                #expect(chip.physical(device, count: entry.size - offset) == physical && chip.physical(device, count: entry.size - offset + 1) == nil)
            }
            #expect(chip.physical(entry.device, count: .max) == nil)
        }
        #expect(chip.physical(DeviceAddress(0x7000_0000)) == nil && chip.device(PhysicalAddress(0)) == nil)
        let external = chip.externalMemory.windows[0]
        #expect(external.device.flatMap { chip.externalPhysical($0) } == external.physical)
        #expect(external.device.flatMap { chip.externalPhysical(DeviceAddress($0.value - 1)) } == nil)
    }

    @Test("Each byte of an alias window folds to the memory's own address, and nothing else moves", arguments: chips)
    func aliases(chip: SoCDescription) {
        for memory in chip.memories + [chip.externalMemory] {
            guard let own = memory.physicalAddresses.first else { continue }
            for window in memory.physicalAddresses {
                for offset in [0, 1, memory.size - 1] {
                    #expect(chip.aliases.folded(PhysicalAddress(window.value + offset)) == PhysicalAddress(own.value + offset))
                }
                for outside in [window.value &- 1, window.value &+ memory.size] where !(chip.memories.contains { $0.physicalRanges.contains { $0.contains(PhysicalAddress(outside), count: 1) } }) {
                    #expect(chip.aliases.folded(PhysicalAddress(outside)).value == outside)
                }
            }
        }
        for address: UInt32 in [0, 0x4000_0000, .max] { #expect(chip.aliases.folded(PhysicalAddress(address)).value == address) }
    }

    @Test("Several memories with several windows each have aliases side by side")
    func manyAliases() {
        let memories = (0..<4).map { index in
            ChipMemory("\(index)", size: 0x1000, windows: (0..<3).map { .init(device: nil, physical: UInt32($0) << 28 | UInt32(index) << 16) })
        }
        let aliases = AliasMap(memories)
        for memory in memories {
            for window in memory.physicalAddresses {
                #expect(aliases.folded(PhysicalAddress(window.value + 12)) == PhysicalAddress(memory.physicalAddresses[0].value + 12))
            }
        }
    }

    @Test("No two chips share an address of a register, a memory or a channel")
    func second() {
        let second = SoCDescription.second
        #expect(chip.mailbox.base != second.mailbox.base && chip.mailbox.receiveInterrupt != second.mailbox.receiveInterrupt)
        #expect(chip.coprocessor.holdBoot != second.coprocessor.holdBoot && chip.coprocessor.watchdogReset != second.coprocessor.watchdogReset)
        #expect(chip.coprocessor.teeProcessor != second.coprocessor.teeProcessor && chip.coprocessor.priorityMask != second.coprocessor.priorityMask)
        let ours = Set(chip.memories.flatMap(\.physicalAddresses)), theirs = Set(second.memories.flatMap(\.physicalAddresses))
        #expect(ours.isDisjoint(with: theirs))
        #expect(second.registers.location(at: chip.coprocessor.holdBoot.address.value)?.peripheral == "GPIOK")
        #expect(second.registers.address("RCC", "MP_GCR") == 0x5000_C10C)
    }
}
