// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ImageFormat
import MachineBase
import Testing

import SecureLoader

/// Thousands of damaged images: each is loaded or refused, and nothing else ever happens.
@Suite struct MutationTests {
    private static let results: Set<TEEResult> = [
        .accessDenied, .badFormat, .badParameters, .noData, .notSupported, .outOfMemory, .security, .corruptObject,
        .signatureInvalid,
    ]

    /// One number somewhere becomes another, of the kinds that loaders get wrong.
    private func mutate(_ bytes: inout [UInt8], in range: Range<Int>, _ random: inout SplitMix64) {
        let offset = Int.random(in: range, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[offset] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[offset] = UInt8.random(in: 0...255, using: &random)
        case 2:
            bytes.storeLittleEndian(
                [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF8, 0xFFFF_FFFF].randomElement(using: &random) ?? 0 as UInt32,
                at: offset & ~3)
        case 3: bytes.storeLittleEndian(UInt32.random(in: 0..<2048, using: &random), at: offset & ~3)
        case 4: bytes.storeLittleEndian(UInt16.random(in: 0...UInt16.max, using: &random), at: offset & ~1)
        default: bytes.storeLittleEndian(UInt32.random(in: 0...UInt32.max, using: &random), at: offset & ~3)
        }
    }

    private static let nothing = [UInt8](repeating: 0, count: 0x1_0000)

    private static let originals: [[UInt8]] = {
        var signer = ImageSigner(key: TestKeys.ecdsa, keyInfo: [1, 2, 3])
        let plain = ELFFixture.firmware(table: ResourceTableFixture.table(traceAddress: 0x1000_0200)).bytes
        let second = ELFFixture(segments: [.load(0x1002_0000, ELFFixture.pattern(0x33, seed: 9))]).bytes
        return [[plain], [plain, second]].compactMap { try? signer.sign($0) }
    }()

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func damagedImagesLoadOrAreRefusedAndTouchNothingElse(_ seed: UInt64) throws {
        var random = SplitMix64(state: seed)
        var loaded = 0, refused: Set<TEEFailure.Check> = []
        for round in 0..<1000 {
            var image = Self.originals[round % Self.originals.count]
            let header = try #require(SignedImageHeader(image))
            // The first third is where the decisions are.
            let range = round % 3 == 0 ? 0..<image.count : 0..<(header.imagesOffset + 52 + 96)
            for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&image, in: range, &random) }
            let resigned = round % 2 == 0
            if resigned, let header = SignedImageHeader(image), header.signatureOffset + 64 <= image.count {
                let signature = try TestKeys.ecdsa.signature(for: SHA256.hash(data: image[..<header.signatureOffset]))
                image.replaceSubrange(header.signatureOffset..<header.signatureOffset + 64, with: signature)
            }
            let board = try Board(.trusted([TestKeys.ecdsa.trusted]), support: .rsaAndECDSA)
            if let failure = board.refusal(of: image) {
                #expect(Self.results.contains(failure.result), "seed \(seed), round \(round): \(failure)")
                #expect(board.session.state == .off)
                refused.insert(failure.check)
            } else {
                #expect(board.session.state == .loaded)
                loaded += 1
                if !resigned {
                    #expect(
                        image[..<header.signatureOffset].elementsEqual(
                            Self.originals[round % Self.originals.count][..<header.signatureOffset]))
                }
            }
            // Between the buffers and the other shared memory the coprocessor has nothing.
            #expect(try board.memory(0x1004_6000, 0x2000) == Array(Self.nothing[..<0x2000]))
            #expect(try board.memory(0x1005_0000, 0x1_0000) == Self.nothing)
            if round % 5 == 0 {
                let report = ImageReport(image, signatures: .trusted([TestKeys.ecdsa.trusted]), support: .rsaAndECDSA)
                #expect(report.loads == (board.session.state == .loaded))
                #expect(!report.text.isEmpty)
            }
        }
        // The damage is neither all fatal nor all in one place.
        #expect(loaded > 20 && refused.count > 12, "\(loaded) loaded; \(refused.count) kinds of refusal")
    }
}
