// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import Testing
import VirtualMP1

/// Which image is looked at, when files change.
@Suite struct LoadedImageTests {
    @Test("What is looked at is the image that Linux has loaded, also when its file has changed since")
    func changedFile() throws {
        let first = try Samples.elf("tty-echo"), second = try Samples.elf("client-sample")
        var file = first
        let system = try MP1System(Samples.configuration(.elf))
        system.firmwareFiles = { _ in file }
        #expect(system.loadedImage == nil)
        // What `start` is given is not what the folder has.
        try system.start(second, name: "any.elf")
        let loaded = try #require(system.loadedImage)
        #expect(loaded.bytes == first)
        let names = FirmwareSymbols(of: loaded), main = try #require(names["main"])
        #expect(system.linux.sanitizer?.symbol?(main.address)?.hasPrefix("main, tty-echo/main.c:") == true)
        try system.stop()
        // The same bytes are not parsed a second time.
        try system.linux.start()
        #expect(system.loadedImage === loaded)
        try system.stop()
        file = second
        #expect(system.loadedImage === loaded)
        try system.linux.start()
        let other = try #require(system.loadedImage), newNames = FirmwareSymbols(of: other)
        #expect(other.bytes == second)
        let moved = try #require(other.symbols.first { $0.kind == .function && names.name(at: $0.address) != newNames.name(at: $0.address) })
        let name = try #require(newNames.name(at: moved.address))
        #expect(system.linux.sanitizer?.symbol?(moved.address)?.hasPrefix(name + ", ") == true)
    }
}
