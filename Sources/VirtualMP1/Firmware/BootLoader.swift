// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import ELF32
import ImageFormat
import M4Board
import MachineBase

/// U-Boot's `rproc init; rproc load; rproc start`: firmware that runs before Linux does.
public enum BootLoader {
    /// The M4's state, as boot stages hand it on: CRUN (see RprocHost's registers).
    private static let running: UInt32 = 2

    /// Loads an ELF, releases the M4, and lets it run for `lead`.
    /// - Throws: `ELFError` for what is no ELF, `BusError` for segments outside of the M4's memory.
    public static func start(_ image: FirmwareImage, on board: M4Board, lead: VirtualTime) throws {
        let elf = try image.elf.get(), chip = board.configuration.chip
        func physical(_ device: UInt32) -> PhysicalAddress { chip.physical(DeviceAddress(device)) ?? PhysicalAddress(device) }
        for segment in elf.programHeaders where segment.isLoad && segment.memorySize > 0 {
            let target = physical(segment.physicalAddress)
            let bytes = Array(elf.contents(of: segment) ?? [])
            if !bytes.isEmpty { try board.write(target, bytes) }
            if segment.memorySize > segment.fileSize {
                try board.fill(
                    PhysicalAddress(target.value &+ segment.fileSize), count: Int(segment.memorySize - segment.fileSize), with: 0)
            }
        }
        let table = elf.section(named: ".resource_table")
        // As Linux does, U-Boot puts the table at its section's address, wherever the segments have it.
        if let table, let bytes = elf.contents(of: table), !bytes.isEmpty { try board.write(physical(table.address), Array(bytes)) }
        try board.writeWord(chip.coprocessor.resourceTable.address, table?.address ?? 0, secure: true)
        try board.writeWord(chip.coprocessor.state.address, running, secure: true)
        board.setHoldBoot(released: true)
        board.setHoldBoot(released: false)
        _ = board.run(until: board.configuration.coreClock.cycles(until: lead))
    }
}
