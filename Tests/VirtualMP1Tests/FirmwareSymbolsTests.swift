// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import Testing
import VirtualMP1

@Suite struct FirmwareSymbolsTests {
    @Test("A signed image has the symbols of its ELF")
    func signed() throws {
        let plain = FirmwareSymbols(of: FirmwareImage(try Samples.elf("tty-echo"))), signed = FirmwareSymbols(of: FirmwareImage(try Samples.signed("tty-echo")))
        let main = try #require(plain["main"])
        #expect(signed["main"] == main)
        #expect(signed.name(at: main.address &+ 2) == "main+0x2")
        #expect(FirmwareSymbols(of: FirmwareImage(Array(try Samples.signed("tty-echo").prefix(100)))).isEmpty)
    }

    @Test("What looks like a million ELFs behind a signed image is not looked at", .timeLimit(.minutes(1)))
    func hostile() throws {
        var image = try Samples.signed("tty-echo")
        let symbols = FirmwareSymbols(of: FirmwareImage(image))
        for _ in 0..<1 << 20 { image += [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1, 0] }
        let main = try #require(symbols["main"])
        #expect(FirmwareSymbols(of: FirmwareImage(image))["main"] == main)
    }
}
