// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import SecureLoader
import Testing

@Suite struct LoadExplanationTests {
    private let trusted = SignaturePolicy.trusted([TestKeys.rsa.trusted])

    @Test func everyCheckOfAGoodImageIsToldInTheOrderOfTheTA() throws {
        let explanation = LoadExplanation(of: try SignedFixture().bytes, signatures: trusted)
        #expect(explanation.refusal == nil && explanation.notReached.isEmpty)
        let container: [TEEFailure.Check] = [
            .emptyImage, .capabilities, .imageAlignment, .chunkLengths, .heap, .magic, .version, .totalSize, .signatureType, .signatureAlgorithm,
            .signature, .elfHeader, .hashTable, .imageCount, .imageTypes, .imageSizes, .programHeaders,
        ]
        let segment: [TEEFailure.Check] = [
            .segmentBounds, .hashRecordMissing, .hashRecordType, .hashRecordSizes, .segmentAddress, .segmentHash,
        ]
        let table: [TEEFailure.Check] = [
            .sectionHeaders, .sectionNames, .resourceTableContent, .resourceTableAddress, .resourceTableRepeated,
        ]
        #expect(explanation.passed.map(\.check) == container + segment + segment + [.segmentClear] + segment + table)
        #expect(explanation.passed.allSatisfy { !$0.seen.isEmpty && !$0.allowed.isEmpty })
        #expect(explanation.resourceTable?.physicalAddress == 0x1000_1000)
    }

    @Test func theRefusingCheckEndsTheWalkAndTheRestWasNotReached() throws {
        var fixture = try SignedFixture()
        fixture.set(0x04, [2])
        let explanation = LoadExplanation(of: try fixture.bytes, signatures: trusted)
        #expect(explanation.refusal?.check == .imageTypes && explanation.result == .badFormat)
        #expect(explanation.passed.last?.check == .imageCount)
        #expect(explanation.notReached.first == .imageSizes && explanation.notReached.last == .resourceTableRepeated)
        #expect(!explanation.notReached.contains(.signature))
        #expect(explanation.text.contains("\n  NO  ") && explanation.text.contains("\nnot reached: IMGSIZE, program headers, "))
    }

    @Test func itWarnsOfWhatNobodySigns() throws {
        let explanation = LoadExplanation(of: try SignedFixture().bytes, signatures: trusted)
        let warning = try #require(explanation.warnings.first { $0.subject == .unauthenticated })
        let elf = ELFFixture.firmware()
        let hashed = elf.segments.reduce(0) { $0 + $1.bytes.count }
        let whole = (elf.bytes.count + 7) & ~7
        #expect(warning.text.contains("\(whole - hashed) of \(whole) bytes"))
    }

    @Test func aStrippedSectionTableIsNamedAsTheCause() throws {
        var fixture = try SignedFixture()
        fixture.images[0].storeLittleEndian(0 as UInt16, at: 48)
        let explanation = LoadExplanation(of: try fixture.bytes, signatures: trusted)
        #expect(explanation.refusal?.check == .sectionHeaders)
        #expect(explanation.warnings.contains { $0.subject == .noSections && $0.text.contains("stripped") })
    }

    @Test func aJudgeSeesEachImageAsTheFirst() throws {
        let judge = ImageJudge(signatures: trusted)
        let good = try SignedFixture().bytes
        var fixture = try SignedFixture([ELFFixture(segments: [.load(0x1002_0000, [1, 2, 3, 4])]).bytes])
        let plain = try fixture.bytes
        fixture.set(0x01, [9])
        let bad = try fixture.bytes
        for _ in 0..<3 {
            #expect(judge.verdict(on: good).resourceTable?.start == PhysicalAddress(0x1000_1000))
            #expect(judge.verdict(on: bad).result == .notSupported)
            #expect(judge.verdict(on: plain) == LoadVerdict(failure: nil, resourceTable: nil))
            #expect(judge.verdict(on: []).result == .badParameters)
        }
    }

    @Test func aPlatformThatIsResetIsAsNew() throws {
        let platform = InMemorySecurePlatform()
        try platform.write([1, 2, 3], at: PhysicalAddress(0x3000_0010))
        try platform.fill(PhysicalRange(start: PhysicalAddress(0x3800_FFFF), size: 1), with: 7)
        platform.protect([PhysicalRange(start: PhysicalAddress(0x1000_0000), size: 64)], owner: "someone")
        platform.reset()
        #expect(platform.events.isEmpty && platform.protected.isEmpty)
        #expect(try platform.nonSecureRead(PhysicalRange(start: PhysicalAddress(0x1000_0000), size: 0x6_0000)).allSatisfy { $0 == 0 })
        #expect(try platform.read(PhysicalRange(start: PhysicalAddress(0x3800_0000), size: 0x1_0000)).allSatisfy { $0 == 0 })
    }
}
