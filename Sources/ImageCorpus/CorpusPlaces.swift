// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// Device addresses of the chip that the corpus is for: its memories, and what its boards reserve of them.
enum CorpusPlaces {
    private static let chip = SoCDescription.stm32mp157
    private static func window(_ memory: Int, _ index: Int) -> UInt32 { chip.memories[memory].deviceAddresses[index].value }

    /// Of RETRAM for the other side; the firmware's own address of it is 0.
    static let vectorsOutside = chip.memories[0].physicalAddresses[0].value
    /// MCUSRAM, in which firmware has its code, and the same by the alias.
    static let code = window(1, 0), alias = window(1, 1)
    /// Where the part of it ends that is the firmware's, and where the rings begin.
    static let shared = code + chip.deviceTree.nodeRange.size
    static let external = chip.externalStart.value

    /// An entry of GET_RSC_TABLE's answer, as `verify --batch` writes it: the small ELF's table.
    static func table(_ size: String = "0x28") -> String { "\(hex32(code + 0x1000)):\(size)" }
}
