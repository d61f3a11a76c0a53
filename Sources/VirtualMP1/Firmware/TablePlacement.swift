// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase

/// A resource table whose section address is not where its segment is loaded.
///
/// ST's linker scripts put `.resource_table` among initialised data: the segment carries it at its load address (p_paddr, behind
/// the code), while the section's address is where the data will be at run time; and start-up code does not copy it, because
/// Linux does so for a plain ELF. OP-TEE's TA answers with the section's address and copies nothing: on a board Linux then finds
/// zeros there, sets up no rpmsg, and the firmware waits for DRIVER_OK for ever. A segment of its own cures the firmware.
public struct TablePlacement: Equatable, Sendable, CustomStringConvertible {
    /// Where the section says that the table is, and where the segment puts its bytes.
    public let section: DeviceAddress
    public let loaded: DeviceAddress
    public let bytes: [UInt8]

    /// nil when the image's table is loaded where its section says, or when there is none.
    init?(image: FirmwareImage) {
        for table in image.tables where !table.isEmpty {
            guard let contents = table.bytes, let loaded = table.loadAddress else { continue }
            guard loaded != table.header.address else { return nil }
            section = DeviceAddress(table.header.address)
            self.loaded = DeviceAddress(loaded)
            bytes = Array(contents)
            return
        }
        return nil
    }

    public var description: String {
        "the resource table's section is at \(section), but its segment loads it at \(loaded): OP-TEE does not move it, so on a board "
            + "Linux finds no table and this firmware waits for ever; m4run has copied it, --strict does not"
    }
}
