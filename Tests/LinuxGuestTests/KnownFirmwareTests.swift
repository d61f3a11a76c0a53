// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import ImageFormat
import LinuxGuest
import TestSupport
import Testing

/// What is known of an ELF before Linux starts it.
@Suite struct KnownFirmwareTests {
    @Test("A resource table is what the file holds of it: a section that says more has none, and nobody reads gigabytes for it", arguments: [UInt32.max, 0x4000_0000, 1 << 20])
    func tableSize(size: UInt32) throws {
        var image = try TestEnvironment.sample("tty-echo")
        let whole = try #require(KnownFirmware("tty-echo.elf", FirmwareImage(image))?.tableRange)
        #expect(whole.size > 16 && whole.size < 4096)
        let number = try #require(ELFFile(image).sections.firstIndex { $0.name == ".resource_table" })
        // e_shoff, then sh_size of a header of 40 bytes.
        let field = Int(image.word(32)) + 40 * number + 20
        #expect(image.word(UInt32(field)) == whole.size)
        for byte in 0..<4 { image[field + byte] = UInt8(truncatingIfNeeded: size >> (8 * UInt32(byte))) }
        let wrong = try #require(KnownFirmware("wrong.elf", FirmwareImage(image)))
        #expect(wrong.tableRange == nil)
    }
}
