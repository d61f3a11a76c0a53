// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase
import Synchronization
import Testing

import SecureLoader

/// Memory that Linux changes while the TA reads: after each read, `change` may edit the bytes.
private final class ChangingMemory: SharedMemory {
    private let state: Mutex<[UInt8]>
    private let change: @Sendable (_ offset: Int, _ count: Int, _ bytes: inout [UInt8]) -> Void
    let count: Int
    let address: UInt32 = 0

    init(_ bytes: [UInt8], change: @escaping @Sendable (Int, Int, inout [UInt8]) -> Void) {
        state = Mutex(bytes)
        count = bytes.count
        self.change = change
    }

    func read(at offset: Int, count: Int) -> [UInt8]? {
        state.withLock { bytes in
            let result = ImageBuffer(bytes).read(at: offset, count: count)
            change(offset, count, &bytes)
            return result
        }
    }
}

@Suite struct TimeOfCheckTests {
    @Test func lengthsThatChangeAfterTheFirstReadDoNotCount() throws {
        let board = try Board()
        try board.session.loadFirmware(
            ChangingMemory(SignedFixture().bytes) { offset, count, bytes in
                guard offset == 0 else { return }
                for field in [8, 12, 16] { bytes.storeLittleEndian(0xFFFF_FFFF as UInt32, at: field) }
            })
        #expect(board.session.state == .loaded)
    }

    @Test func whatIsVerifiedIsTheCopyThatIsUsed() throws {
        let image = try SignedFixture().bytes
        let header = try #require(SignedImageHeader(image))
        let board = try Board()
        // Once the copy is made, everything in front of the images turns to zeros.
        try board.session.loadFirmware(
            ChangingMemory(image) { offset, _, bytes in
                guard offset == SignedImageHeader.size else { return }
                bytes.replaceSubrange(0..<header.imagesOffset, with: Array(repeating: 0, count: header.imagesOffset))
            })
        #expect(try board.memory(0x1000_0000, 0x123) == ELFFixture.pattern(0x123, seed: 2))
    }

    @Test func aChangeBetweenHeaderAndCopyIsCaughtByTheSignature() throws {
        let board = try Board()
        let image = ChangingMemory(try SignedFixture().bytes) { offset, _, bytes in
            if offset == 0 { bytes[40] ^= 1 }
        }
        #expect { try board.session.loadFirmware(image) } throws: { ($0 as? TEEFailure)?.result == .signatureInvalid }
    }

    @Test func segmentBytesAreHashedWhereTheyWereLoaded() throws {
        let board = try Board()
        // Each read of a segment is followed by a change of the same bytes: what was read is what is hashed and kept.
        try board.session.loadFirmware(
            ChangingMemory(SignedFixture().bytes) { offset, count, bytes in
                if count == 0x123 { bytes[offset] ^= 0xFF }
            })
        #expect(try board.memory(0x1000_0000, 0x123) == ELFFixture.pattern(0x123, seed: 2))
    }

    @Test func aSegmentThatChangesBeforeItIsReadIsRefused() throws {
        let board = try Board()
        let image = try SignedFixture().bytes
        let target = try #require(SignedImageHeader(image)).imagesOffset + ELFFixture.firmware().layout.segmentOffsets[1]
        let changing = ChangingMemory(image) { offset, count, bytes in
            if count == 0x40 { bytes[target] ^= 1 }
        }
        #expect { try board.session.loadFirmware(changing) } throws: { ($0 as? TEEFailure)?.result == .security }
    }

    @Test func programHeadersThatChangeStillNeedARecord() throws {
        let board = try Board()
        let image = try SignedFixture().bytes
        let start = try #require(SignedImageHeader(image)).imagesOffset
        let changing = ChangingMemory(image) { _, _, bytes in
            bytes.storeLittleEndian(0x1003_0000 as UInt32, at: start + 52 + 32 + 12)
        }
        #expect { try board.session.loadFirmware(changing) } throws: { ($0 as? TEEFailure)?.result == .noData }
    }

    /// After each read in turn, each word of the image in turn turns over, or all of it is another image's: a load that succeeds has
    /// loaded what was signed, and one that does not has nothing to start.
    @Test func nothingUnverifiedIsEverReadyToRun() throws {
        let elf = ELFFixture.firmware()
        let image = try SignedFixture([elf.bytes]).bytes
        var fake = elf
        fake.segments[0].bytes = ELFFixture.pattern(0x40, seed: 77)
        let other = fake.bytes
        let counted = Mutex(0)
        try Board().session.loadFirmware(ChangingMemory(image) { _, _, _ in counted.withLock { $0 += 1 } })
        let reads = counted.withLock { $0 }
        #expect(reads > 10)
        let header = try #require(SignedImageHeader(image))
        var loaded = 0, refused = 0
        for step in 0..<reads {
            for place in stride(from: 0, to: image.count, by: step % 2 == 0 ? 12 : 20) {
                let seen = Mutex(0)
                let board = try Board()
                let memory = ChangingMemory(image) { _, _, bytes in
                    guard seen.withLock({ count in defer { count += 1 }; return count }) == step else { return }
                    if place == 0 {
                        bytes.replaceSubrange(header.imagesOffset..<header.imagesOffset + other.count, with: other)
                    } else {
                        for index in place..<min(place + 4, bytes.count) { bytes[index] ^= 0xFF }
                    }
                }
                do throws(TEEFailure) {
                    try board.session.loadFirmware(memory)
                    loaded += 1
                } catch {
                    refused += 1
                    #expect(board.session.state == .off)
                    #expect { try board.session.start() } throws: { ($0 as? TEEFailure)?.result == .badState }
                    continue
                }
                // Of each segment all of its bytes, or, when its header was turned over, none of them.
                for (segment, address) in zip(elf.segments, [0x3800_0000, 0x1000_0000, 0x1000_1000] as [UInt32]) {
                    let there = try board.memory(address, UInt32(segment.bytes.count))
                    #expect(there == segment.bytes || there.allSatisfy { $0 == 0 }, "read \(step), offset \(place)")
                }
            }
        }
        #expect(loaded > 100 && refused > 100, "\(loaded) loaded, \(refused) refused")
    }

    @Test func aBufferThatShrinksIsRefused() throws {
        struct Shrinking: SharedMemory {
            let bytes: [UInt8]
            var count: Int { bytes.count }
            let address: UInt32 = 0
            func read(at offset: Int, count: Int) -> [UInt8]? {
                offset + count <= 100 ? ImageBuffer(bytes).read(at: offset, count: count) : nil
            }
        }
        let board = try Board()
        #expect { try board.session.loadFirmware(Shrinking(bytes: SignedFixture().bytes)) } throws: {
            ($0 as? TEEFailure)?.check == .chunkLengths
        }
    }
}
