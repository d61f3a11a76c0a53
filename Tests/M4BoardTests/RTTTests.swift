// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import TestSupport
import Testing

/// SEGGER RTT, as firmware's side sees a debug probe.
@Suite struct RTTTests {
    private static let block: UInt32 = 0x1000_A000, up: UInt32 = 0x1000_A400, down: UInt32 = 0x1000_A800

    private struct Listener {
        let output: Bench.Output
        var text: [String] { output.texts.map { "\($0.source): \(String(decoding: $0.bytes, as: UTF8.self))" } }
        var findings: [BoardFinding] { output.findings }
    }

    /// A board whose program loops, with a control block of one channel each way: 16 bytes up with `text` in it, 8 bytes down.
    private func bench(
        _ search: RTT.Search = .scan, at address: UInt32 = block, text: String = "hello", program: [UInt16] = Thumb.stay
    ) throws -> (Bench, Listener) {
        let bench = try Bench(rtt: search)
        try bench.program(program)
        try bench.board.write(PhysicalAddress(address), Array("SEGGER RTT".utf8) + [0, 0, 0, 0, 0, 0])
        let words: [UInt32] = [1, 1, 0, Self.up, 16, UInt32(text.utf8.count), 0, 0, 0, Self.down, 8, 0, 0, 0]
        for (n, word) in words.enumerated() { try bench.word(address + 16 + 4 * UInt32(n), word) }
        try bench.board.write(PhysicalAddress(Self.up), Array(text.utf8))
        let listener = Listener(output: bench.output)
        return (bench, listener)
    }
    private let upWrite = block + 24 + 12, upRead = block + 24 + 16, downWrite = block + 48 + 12, downRead = block + 48 + 16

    @Test(arguments: [.scan, .at(block)] as [RTT.Search]) func whatFirmwareWritesComesOutWithinAMillisecond(_ search: RTT.Search) throws {
        let (bench, listener) = try bench(search)
        bench.run(microseconds: 900)
        #expect(listener.text.isEmpty)
        bench.run(microseconds: 200)
        #expect(listener.text == ["rtt0: hello"])
        #expect(try bench.word(upRead) == 5, "the firmware sees that it was taken")
        bench.run(microseconds: 15_000)
        #expect(listener.text == ["rtt0: hello"] && listener.findings.isEmpty)
    }

    @Test func aRingThatWrapsComesOutInOrder() throws {
        let (bench, listener) = try bench(text: "lo, worldxxxhel")
        try bench.word(upWrite, 9)
        try bench.word(upRead, 12)
        try bench.board.write(PhysicalAddress(Self.up + 15), [0x2D])
        bench.run(microseconds: 1500)
        #expect(listener.text == ["rtt0: hel-lo, world"])
    }

    @Test func sleepingFirmwareIsHeardBeforeItSleeps() throws {
        let (bench, listener) = try bench(program: Thumb.wfi)
        #expect(bench.board.isHeld)
        bench.board.setHoldBoot(released: true)
        #expect(bench.board.run(until: .max) == .asleep, "looking does not keep the machine awake")
        #expect(listener.text == ["rtt0: hello"])
    }

    @Test func aRunThatEndsShowsWhatIsLeft() throws {
        let (bench, listener) = try bench(program: Bench.exit)
        bench.runToExit()
        #expect(listener.text == ["rtt0: hello"])
    }

    @Test func inputGoesDownAsThereIsRoom() throws {
        let (bench, _) = try bench()
        bench.board.rtt.send(Array("0123456789".utf8))
        bench.run(microseconds: 1500)
        #expect(try bench.word(downWrite) == 7, "one byte of eight stays free")
        #expect(try bench.word(Self.down) == 0x3332_3130 && bench.board.rtt.waiting == 3)
        try bench.word(downRead, 7)
        bench.run(microseconds: 1500)
        #expect(try bench.word(downWrite) == 2 && bench.board.rtt.waiting == 0)
        #expect(try bench.word(Self.down + 4) == 0x3736_3534, "the eighth place got 7, and 8 and 9 are at the beginning")
    }

    /// Words of the control block (by offset) that no firmware in its right mind has.
    struct Damage: CustomTestStringConvertible, Sendable {
        let name: String
        let words: [(offset: UInt32, value: UInt32)]
        var testDescription: String { name }
    }
    static let damages = [
        Damage(name: "too many channels", words: [(16, 0x7FFF_FFFF)]),
        Damage(name: "negative channels", words: [(20, 0xFFFF_FFFF)]),
        Damage(name: "a buffer outside of memory", words: [(28, 0x2000_0000)]),
        Damage(name: "a buffer beyond the end of memory", words: [(28, 0x1005_FFF8)]),
        Damage(name: "a size that wraps", words: [(32, 0xFFFF_FFFF)]),
        Damage(name: "a write offset past the size", words: [(36, 16)]),
        Damage(name: "a read offset past the size", words: [(40, 0xFFFF_FFF0)]),
        Damage(name: "a buffer in a peripheral", words: [(28, 0x4000_0000)]),
    ]

    @Test(arguments: damages) func aDamagedControlBlockIsOneFindingAndLeftAlone(_ damage: Damage) throws {
        for search in [RTT.Search.scan, .at(Self.block)] {
            let (bench, listener) = try bench(search)
            for (offset, value) in damage.words { try bench.word(Self.block + offset, value) }
            bench.run(microseconds: 15_000)
            #expect(listener.text.isEmpty)
            // Found by its name only, what has no sensible counts is somebody's constant.
            let isNone = search == .scan && damage.words[0].offset < 24
            #expect(listener.findings.count == (isNone ? 0 : 1), "\(listener.findings)")
            #expect(try bench.word(upRead) == (damage.words[0].offset == 40 ? damage.words[0].value : 0))
        }
    }

    @Test func aControlBlockAtTheEndOfMemoryIsNotReadBeyondIt() throws {
        let bench = try Bench(rtt: .scan)
        try bench.program(Thumb.stay)
        let listener = Listener(output: bench.output)
        let address: UInt32 = 0x1006_0000 - 24
        try bench.board.write(PhysicalAddress(address), Array("SEGGER RTT".utf8) + [0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0])
        bench.run(microseconds: 15_000)
        #expect(listener.findings == [.rtt(.outsideMemory(block: address))])
    }

    @Test func lookingChangesNeitherTimeNorInstructions() throws {
        func end(_ search: RTT.Search) throws -> [UInt64] {
            let (bench, _) = try bench(search, program: Thumb.load(2, 60_000) + [0x3A01, 0xD1FD] + Bench.exit)
            bench.run()
            return [bench.board.cycles, bench.core.retired]
        }
        #expect(try end(.scan) == end(.off))
    }
}
