// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Foundation
import MachineBase
import Testing

import SecureLoader

@Suite struct ImageReportTests {
    private let trusted = SignaturePolicy.trusted([TestKeys.rsa.trusted])

    private func subjects(_ report: ImageReport) -> [ImageReport.Warning.Subject] { report.warnings.map(\.subject) }

    @Test func aGoodImageIsDescribedInFull() throws {
        let table = ResourceTableFixture.table(traceAddress: 0x1000_0200)
        let signer = ImageSigner(
            key: TestKeys.rsa, keyInfo: Array("key 7".utf8), platformTLVs: [try PlatformTLV(identifier: "0x10001", value: "0x2a")])
        let report = ImageReport(try signer.sign([ELFFixture.firmware(table: table).bytes]), signatures: trusted)
        #expect(report.kind == .signed && report.loads && report.warnings.isEmpty)
        #expect(
            report.records.map(\.name) == [
                "SIGNTYPE", "NUM_IMG", "IMGTYPE", "IMGSIZE", "HASHTYPE", "HASHTABLE", "PKEYINFO", "platform 0x10001",
            ])
        #expect(report.signature?.verification == .valid && report.signature?.type == .rsaPKCS1v15SHA256)
        let image = try #require(report.images.first)
        #expect(image.segments.map(\.hash) == [.matches, .matches, .matches])
        #expect(image.resourceTable?.deviceAddress == 0x1000_1000)
        #expect(image.resourceTable?.content.entries.last == .trace(name: "cm4_log", deviceAddress: 0x1000_0200, size: 0x100))
    }

    @Test func theTextIsTheOneThatPeopleSee() throws {
        let table = ResourceTableFixture.table(traceAddress: 0x1000_0200)
        let image = try ImageSigner(key: TestKeys.rsa).sign([ELFFixture.firmware(table: table).bytes])
        let expected = """
            signed image, 1364 bytes, 1 ELF file
              0x000000  header          20 bytes    version 1, TLV area 280, signature 256, images 808 bytes
              0x000014  SIGNTYPE        1 byte      1: RSASSA-PKCS1-v1_5 with SHA-256
              0x000024  NUM_IMG         1 byte      1
              0x000034  IMGTYPE         1 byte      ELF
              0x000044  IMGSIZE         4 bytes     808
              0x000054  HASHTYPE        1 byte      1: SHA-256
              0x000064  HASHTABLE       192 bytes   3 records
              0x00012c  signature       256 bytes   RSASSA-PKCS1-v1_5 with SHA-256, by RSA-2048 key 12133c2a41be5470
              0x00022c  image 0         808 bytes   ELF32, machine ARM, entry 0x10000001
                0   PT_LOAD         0x00000000  file 0x40, memory 0x40          r-x  hash ok
                1   PT_LOAD         0x10000000  file 0x123, memory 0x400        r-x  hash ok
                2   PT_LOAD         0x10001000  file 0x8c, memory 0x8c          r-x  hash ok
                resource table at 0x10001000, 140 bytes, version 1, 2 entries
                  vdev 7 (rpmsg), features 0x00000001, vrings: 8 at any address, align 16; 8 at any address, align 16
                  trace "cm4_log" at 0x10000200, 0x100 bytes
            the TA loads it
            """
        #expect(ImageReport(image, signatures: trusted).text == expected + "\n")
    }

    @Test func withoutAKeyTheSignatureIsNotChecked() throws {
        let report = ImageReport(try SignedFixture().bytes)
        #expect(report.signature?.verification == .notChecked && report.loads)
        #expect(report.text.contains("not checked: no key given"))
    }

    @Test func anotherKeysSignatureIsInvalidAndTheRefusalIsTheTAs() throws {
        let report = ImageReport(try ImageSigner(key: TestKeys.otherRSA).sign([ELFFixture.firmware().bytes]), signatures: trusted)
        #expect(report.signature?.verification == .invalid)
        #expect(report.refusal?.result == .signatureInvalid)
        #expect(report.text.contains("the TA refuses it: TEE_ERROR_SIGNATURE_INVALID"))
    }

    @Test func aPlainELFFileIsDescribedAndMustBeSigned() {
        let report = ImageReport(ELFFixture.firmware().bytes)
        #expect(report.kind == .elf && !report.loads && report.images.first?.segments.count == 3)
        #expect(report.images.first?.segments.first?.hash == ImageReport.HashState.none)
        #expect(report.text.contains("must be signed first") && report.warnings.isEmpty)
    }

    @Test func anythingElseIsSaidToBeNeither() {
        #expect(ImageReport([]).kind == .unknown)
        #expect(ImageReport(Array("hello, world, this is text".utf8)).text.contains("neither a signed image nor an ELF file"))
    }

    @Test func aTamperedSegmentIsShownWhereItIs() throws {
        var fixture = try SignedFixture()
        fixture.images[0][ELFFixture.firmware().layout.segmentOffsets[1]] ^= 1
        let report = ImageReport(try fixture.bytes, signatures: trusted)
        #expect(report.images[0].segments.map(\.hash) == [.matches, .differs, .matches])
        #expect(report.refusal?.check == .segmentHash)
    }

    @Test func itSurvivesJSON() throws {
        let report = ImageReport(try SignedFixture().bytes, signatures: trusted)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let data = try encoder.encode(report)
        #expect(try JSONDecoder().decode(ImageReport.self, from: data) == report)
        let refused = ImageReport([], signatures: trusted)
        let json = String(decoding: try encoder.encode(refused), as: UTF8.self)
        #expect(json.contains("\"name\":\"TEE_ERROR_BAD_PARAMETERS\"") && json.contains("\"code\":4294901766"))
    }

    // MARK: Warnings

    private func warnings(_ edit: (inout SignedFixture) -> Void, of elf: ELFFixture = .firmware()) throws -> [ImageReport.Warning
        .Subject]
    {
        var fixture = try SignedFixture([elf.bytes])
        edit(&fixture)
        return subjects(ImageReport(try fixture.bytes, signatures: trusted))
    }

    @Test func recordsThatTheTAReadsOtherwiseThanExpectedAreNamed() throws {
        #expect(try warnings { $0.records.append((0x03, [1])) } == [.repeatedRecord])
        #expect(try warnings { $0.records.append((0x77, [1])) } == [.unknownRecord])
        #expect(try warnings { $0.remove(0x02) } == [.hashType])
        #expect(try warnings { $0.trailer = [9, 9, 9] } == [.bytesBehindRecords])
        #expect(try warnings { $0.trailer = [0, 0, 1, 0, 0xFF, 0, 0, 0] } == [.hiddenRecord])
        #expect(try warnings { $0.set(0x05, [UInt8]().storingAppended(0x7FFF_FFFF)) } == [.imageSizes])
    }

    @Test func manyOfAKindAreCounted() throws {
        var fixture = try SignedFixture()
        fixture.records += (0..<100).map { _ in (0x77, []) }
        let report = ImageReport(try fixture.bytes, signatures: trusted)
        #expect(report.warnings.count == 16 + 16 + 2)
        #expect(report.warnings.contains { $0.subject == .unknownRecord && $0.text.hasPrefix("84 more") })
    }

    @Test func headersChangedAfterSigningAreNamed() throws {
        let layout = ELFFixture.firmware().layout
        #expect(
            try warnings { $0.images[0].storeLittleEndian(1 as UInt16, at: 44) } == [
                .recordWithoutHeader, .recordWithoutHeader, .resourceTableAddress,
            ])
        #expect(try warnings { $0.images[0].storeLittleEndian(4 as UInt32, at: layout.programHeader(1)) } == [.recordWithoutHeader])
        #expect(try warnings { $0.images[0].storeLittleEndian(9 as UInt32, at: layout.programHeader(1) + 8) } == [.changedHeader])
        #expect(
            try warnings { $0.images[0].storeLittleEndian(0x1002_0000 as UInt32, at: layout.sectionHeader(2) + 12) } == [
                .resourceTableAddress
            ])
        #expect(try warnings { $0.images[0].storeLittleEndian(62 as UInt16, at: 18) } == [.machine])
        #expect(
            try warnings { $0.images[0].storeLittleEndian(15 as UInt32, at: layout.sectionHeader(1) + 20) } == [.resourceTableName])
    }

    @Test func aGoodImageThatTheTARefusesIsExplained() throws {
        var elf = ELFFixture.firmware()
        elf.segments.insert(.init(type: 0x6474_E551, address: 0, bytes: []), at: 0)
        let report = ImageReport(try SignedFixture([elf.bytes]).bytes, signatures: trusted)
        #expect(!report.loads && subjects(report) == [.sharedAddress])
        #expect(report.text.contains("PT_GNU_STACK") && report.text.contains("TEE_ERROR_BAD_PARAMETERS"))
    }

    @Test func placementsThatAreLegalButOddAreNamed() throws {
        #expect(try warnings({ _ in }, of: ELFFixture(segments: [.load(0x1000_0000, [1, 2, 3, 4])])) == [.resetVectors])
        #expect(
            try warnings({ _ in }, of: ELFFixture(segments: [.load(0, ELFFixture.pattern(64, seed: 1), memorySize: 8)])) == [
                .memorySize
            ])
        #expect(
            try warnings(
                { _ in },
                of: ELFFixture(segments: [.load(0, ELFFixture.pattern(64, seed: 1)), .load(32, ELFFixture.pattern(64, seed: 2))]))
                == [.overlap])
    }

    @Test func `A table whose entries share their bytes has no more vrings than there is room for`() {
        let entries = 2000, start = 16 + 4 * entries
        var words: [UInt32] = [1, UInt32(entries), 0, 0] + [UInt32](repeating: UInt32(start), count: entries)
        words += [3, 7, 0, 1, 0, 0, 255 << 8] + [UInt32](repeating: 0, count: 5 * 255)
        let bytes = words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
        let table = ResourceTableSummary(bytes)
        #expect(table.entries.count == entries)
        let vrings = table.entries.map { entry in if case .virtioDevice(_, _, let vrings) = entry { vrings.count } else { 0 } }
        #expect(vrings.first == 255)
        #expect(vrings.reduce(0, +) <= bytes.count / 20 + 255)
        #expect(table.entries.last == .truncated(offset: UInt32(start)))
    }
}
