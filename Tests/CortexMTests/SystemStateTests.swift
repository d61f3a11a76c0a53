// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import Testing

/// The private peripheral bus as one value.
@Suite struct SystemStateTests {
    /// Something other than the reset value in every register that has room for it.
    private func written() -> Scene {
        let scene = Scene()
        scene[0xDFC] = 1 << 24 | 1 << 16
        for address in stride(from: 0xE000_0000 as UInt32, to: 0xE000_3000, by: 4) where address != 0xE000_0FB0 {
            scene.scs.write(address, size: 4, value: 0x0101_0103 &+ address)
        }
        for offset in stride(from: 0x100 as UInt32, to: 0xF40, by: 4) where offset != 0xD0C && offset != 0xDFC {
            scene[offset] = 0x5A5A_5A5A ^ offset
        }
        scene[0xD0C] = 0x05FA_0300
        scene.scs.note(.preciseBus(0x1234))
        scene.scs.exceptions.setLine(40, level: true)
        scene.scs.exceptions.activate(.interrupt(41))
        scene[0x014] = 99
        scene[0x018] = 0
        scene[0x010] = 7
        scene.advance(by: 250)
        return scene
    }

    /// All that is read of the private peripheral bus, as time passes.
    private func read(_ scene: Scene) -> [UInt32] {
        var words: [UInt32] = []
        for _ in 0..<3 {
            scene.advance(by: 70)
            for address in stride(from: 0xE000_0000 as UInt32, to: 0xE000_3000, by: 4) { words.append(scene.scs.read(address, size: 4)) }
            for offset in stride(from: 0 as UInt32, to: 0x1000, by: 4) { words.append(scene[offset]) }
        }
        return words
    }

    @Test func `Restored, each register is what it was, and the tick goes on`() {
        let scene = written(), other = Scene()
        let saved = scene.scs.state, cycles = scene.cycles
        let first = read(scene), end = scene.scs.state
        #expect(first != read(Scene()) && end != saved)
        scene.cycles = cycles
        scene.scs.state = saved
        #expect(scene.scs.state == saved && read(scene) == first && scene.scs.state == end)
        other.cycles = cycles
        other.scs.state = saved
        #expect(other.scs.state == saved && read(other) == first && other.scs.state == end)
        // The line is still high: it pends again when its handler returns.
        for chip in [scene, other] {
            chip.scs.exceptions.activate(.interrupt(40))
            chip.scs.exceptions.deactivate(.interrupt(40))
            #expect(chip.scs.exceptions.isPending(.interrupt(40)))
        }
    }
}
