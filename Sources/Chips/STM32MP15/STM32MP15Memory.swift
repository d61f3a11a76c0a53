// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// Memories of the STM32MP15. Source: RM0436, 2.5.2, and ST's device trees (stm32mp151.dtsi, stm32mp15xx-dkx.dtsi).
enum STM32MP15Memory {
    /// MCUSRAM's second window has the same address for both sides, as its first.
    private static let first: UInt32 = 0x1000_0000, second: UInt32 = 0x3000_0000
    private static let retention: UInt32 = 0x3800_0000, external: UInt32 = 0xC000_0000

    static let retram = ChipMemory("RETRAM", size: 0x1_0000, windows: [.init(device: 0, physical: retention)])
    static let mcusram = ChipMemory(
        "MCUSRAM", size: 0x6_0000, windows: [.init(device: first, physical: first), .init(device: second, physical: second)])
    static let ddr = ChipMemory("DDR", size: 0x1000_0000, windows: [.init(device: external, physical: external)])

    /// The coprocessor's node is at its code in MCUSRAM.
    private static let code: UInt32 = 0x4_0000
    static let nodeRange = PhysicalRange(start: PhysicalAddress(first), size: code)

    /// The STM32MP157C-DK2's: RETRAM, MCUSRAM by its alias and by its first address, the virtio rings and buffers, and 32 KiB that only
    /// OP-TEE's device tree has.
    static let reserved: [ReservedMemory] = [
        ReservedMemory("retram", retention, size: retram.size, .firmware),
        ReservedMemory("mcuram", second, size: code, .firmware),
        ReservedMemory("mcuram2", first, size: code, .firmware),
        ReservedMemory("vdev0vring0", first + code, size: 0x1000, .shared),
        ReservedMemory("vdev0vring1", first + code + 0x1000, size: 0x1000, .shared),
        ReservedMemory("vdev0buffer", first + code + 0x2000, size: 0x4000, .shared),
        ReservedMemory("ipc-shmem", first + code + 0x8000, size: 0x8000, .shared, isLinux: false),
    ]
}
