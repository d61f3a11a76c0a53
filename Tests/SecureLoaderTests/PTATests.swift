// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase
import Testing

import SecureLoader

/// The pseudo TA by its own commands.
@Suite struct PTATests {
    private let platform = InMemorySecurePlatform()
    private let pta: RemoteprocPTA

    init() {
        pta = RemoteprocPTA(platform: platform, configuration: .init(signatures: .trusted([TestKeys.rsa.trusted])))
    }

    private func value(_ a: UInt32, _ b: UInt32 = 0) -> TEEParameter { .valueInput(a: a, b: b) }
    private func memory(_ bytes: [UInt8]) -> TEEParameter { .memoryInput(ImageBuffer(bytes)) }

    private func invoke(_ command: UInt32, _ parameters: TEEParameters) -> TEEResult {
        var parameters = parameters
        do throws(TEEFailure) {
            try pta.invoke(command, &parameters)
            return .success
        } catch { return error.result }
    }

    private func segment(_ processor: UInt32, _ address: TEEParameter, _ bytes: [UInt8], _ hash: [UInt8]) -> TEEResult {
        invoke(3, TEEParameters(value(processor), memory(bytes), address, memory(hash)))
    }

    private func setMemory(_ processor: UInt32, _ address: UInt32, _ size: UInt32, _ fill: UInt32) -> TEEResult {
        invoke(4, TEEParameters(value(processor), value(address), value(size), value(fill)))
    }

    @Test func onlyTheRemoteprocTAOpensItAndOnlyForAProcessorThatIsThere() {
        #expect { try pta.open(caller: .remoteprocPTA, processor: 9) } throws: { ($0 as? TEEFailure)?.result == .accessDenied }
        #expect { try pta.open(caller: .remoteproc, processor: 1) } throws: { ($0 as? TEEFailure)?.result == .notSupported }
        #expect(throws: Never.self) { try pta.open(caller: .remoteproc, processor: 0) }
    }

    @Test func capabilitiesAreELFAndHashTable() throws {
        var parameters = TEEParameters(value(0), .valueOutput(), .valueOutput())
        try pta.invoke(1, &parameters)
        #expect(parameters.p1.value.a == 1 && parameters.p2.value.a == 1)
        #expect(invoke(1, TEEParameters(value(1), .valueOutput(), .valueOutput())) == .notSupported)
    }

    @Test(arguments: [0, 2, 10, 0xFFFF_FFFF] as [UInt32])
    func otherCommandsAreNotImplemented(_ command: UInt32) {
        #expect(invoke(command, TEEParameters()) == .notImplemented)
    }

    @Test(arguments: [1, 3, 4, 5, 6, 7, 8, 9] as [UInt32])
    func wrongTypesAreBadParameters(_ command: UInt32) {
        #expect(invoke(command, TEEParameters()) == .badParameters)
    }

    @Test func unknownProcessorsAnswerByCommand() {
        let hash = Array(SHA256.hash(data: [1] as [UInt8]))
        #expect(invoke(5, TEEParameters(value(1))) == .generic)
        #expect(invoke(9, TEEParameters(value(1))) == .badParameters)
        #expect(segment(1, value(0), [1], hash) == .badParameters)
        #expect(setMemory(1, 0, 1, 0) == .badParameters)
        #expect(invoke(7, TEEParameters(value(1), value(0), value(1), .valueOutput())) == .badParameters)
        #expect(invoke(8, TEEParameters(value(1), memory([]), memory([]), memory([]))) == .notSupported)
        #expect(invoke(5, TEEParameters(value(0))) == .success)
        #expect(invoke(6, TEEParameters(value(1))) == .badParameters)
    }

    @Test func loadingAndClearingAndReleasingAreForTheOffState() {
        let hash = Array(SHA256.hash(data: [1] as [UInt8]))
        #expect(invoke(6, TEEParameters(value(0))) == .badState)
        #expect(invoke(5, TEEParameters(value(0))) == .success)
        #expect(invoke(5, TEEParameters(value(0))) == .badState)
        #expect(segment(0, value(0), [1], hash) == .badState)
        #expect(setMemory(0, 0, 1, 0) == .badState)
        #expect(invoke(9, TEEParameters(value(0))) == .badState)
        #expect(invoke(8, TEEParameters(value(0), memory([]), memory([]), memory([]))) == .badState)
        #expect(invoke(6, TEEParameters(value(0))) == .success)
        #expect(invoke(9, TEEParameters(value(0))) == .success)
    }

    @Test func aSegmentIsCopiedHashedInPlaceAndClearedWhenItIsAnother() throws {
        let bytes: [UInt8] = [1, 2, 3, 4, 5]
        let range = PhysicalRange(start: PhysicalAddress(0x3800_0010), size: 5)
        #expect(segment(0, value(0x10), bytes, Array(SHA256.hash(data: bytes))) == .success)
        #expect(try platform.read(range) == bytes)
        #expect(segment(0, value(0x10), [9, 9, 9, 9, 9], Array(SHA256.hash(data: bytes))) == .security)
        #expect(try platform.read(range) == [0, 0, 0, 0, 0])
    }

    @Test func emptyBuffersAreAccessDeniedAndShortHashesBadParameters() {
        #expect(segment(0, value(0), [], Array(SHA256.hash(data: [] as [UInt8]))) == .accessDenied)
        #expect(setMemory(0, 0, 0, 0) == .accessDenied)
        #expect(invoke(7, TEEParameters(value(0), value(0), value(0), .valueOutput())) == .accessDenied)
        #expect(segment(0, value(0), [1], [1, 2, 3]) == .badParameters)
        #expect(segment(0, value(0, 1), [1], Array(SHA256.hash(data: [1] as [UInt8]))) == .accessDenied)
    }

    @Test func setMemoryFillsWithZeroOrOne() throws {
        let range = PhysicalRange(start: PhysicalAddress(0x1000_0000), size: 3)
        #expect(setMemory(0, 0x1000_0000, 3, 0xAA) == .success)
        #expect(try platform.read(range) == [1, 1, 1])
        #expect(setMemory(0, 0x1000_0000, 3, 0) == .success)
        #expect(try platform.read(range) == [0, 0, 0])
    }

    @Test func translationNeedsTheWholeBufferInOneRegion() throws {
        var parameters = TEEParameters(value(0), value(0xFFFC), value(4), .valueOutput())
        try pta.invoke(7, &parameters)
        #expect(parameters.p3.value == (0x3800_FFFC, 0))
        #expect(invoke(7, TEEParameters(value(0), value(0xFFFC), value(5), .valueOutput())) == .accessDenied)
        #expect(invoke(7, TEEParameters(value(0), value(0x1003_FFFC), value(8), .valueOutput())) == .accessDenied)
        #expect(invoke(7, TEEParameters(value(0), value(0xFFFF_FFFF), value(0xFFFF_FFFF), .valueOutput())) == .accessDenied)
        #expect(invoke(7, TEEParameters(value(0), value(0, 1), value(4), .valueOutput())) == .badParameters)
        #expect(invoke(7, TEEParameters(value(0), value(0), value(4, 1), .valueOutput())) == .badParameters)
    }

    @Test func verifyDigestChecksItsKeyInformationThenAlgorithmThenLengths() throws {
        let digest = SHA256.hash(data: [7] as [UInt8])
        let signature = try TestKeys.rsa.signature(for: digest)
        func verify(_ keyInfo: [UInt8], _ digest: [UInt8], _ signature: [UInt8]) -> TEEResult {
            invoke(8, TEEParameters(value(0), memory(keyInfo), memory(digest), memory(signature)))
        }
        let rsa: [UInt8] = [0x30, 0x48, 0, 0x70, 0, 0, 0, 0]
        #expect(verify(rsa, Array(digest), signature) == .success)
        #expect(verify([0x30, 0x48, 0, 0x70, 2, 0, 0, 0, 1, 2], Array(digest), signature) == .success)
        #expect(verify([0x30, 0x48, 0, 0x70, 2, 0, 0, 0, 1], Array(digest), signature) == .badParameters)
        #expect(verify([0x30, 0x48, 0, 0x70, 0xFF, 0xFF, 0xFF, 0xFF], Array(digest), signature) == .badParameters)
        #expect(verify([], Array(digest), signature) == .badParameters)
        #expect(verify([0x42, 0x30, 0, 0x70, 0, 0, 0, 0], Array(digest), signature) == .notSupported)
        #expect(verify([1, 2, 3, 4, 0, 0, 0, 0], Array(digest), signature) == .notSupported)
        #expect(verify(rsa, Array(digest.dropLast()), signature) == .badParameters)
        #expect(verify(rsa, Array(digest), signature.dropLast()) == .signatureInvalid)
        #expect(verify(rsa, Array(digest), signature + [0]) == .signatureInvalid)
        #expect(verify(rsa, Array(digest), signature.flipping(9)) == .signatureInvalid)
        #expect(verify(rsa, Array(digest), []) == .signatureInvalid)
    }

    // MARK: Memory from a device tree

    @Test func deviceAddressesComeFromDMARanges() throws {
        let range = PhysicalRange(start: PhysicalAddress(0x3800_1000), size: 0x1000)
        let memory = try ProcessorMemory(reserved: [("part", range, .firmware)], dmaRanges: SoCDescription.stm32mp157.translations)
        #expect(memory.physical(DeviceAddress(0x1000), size: 0x1000) == range.start)
        #expect(memory.physical(DeviceAddress(0x0FFF), size: 1) == nil)
        let untranslated = try ProcessorMemory(reserved: [("part", range, .firmware)], dmaRanges: nil)
        #expect(untranslated.physical(DeviceAddress(0x3800_1000), size: 4) == range.start)
    }

    @Test func theBuiltInLayoutIsWhatTheDeviceTreeGives() throws {
        let built = ProcessorMemory.stm32mp157DK2
        let derived = try ProcessorMemory(
            reserved: built.regions.map { ($0.name, $0.physical, $0.use) }, dmaRanges: SoCDescription.stm32mp157.translations)
        #expect(derived == built)
    }

    @Test func aRegionThatDoesNotTranslateOrIsEmptyIsRefused() {
        let outside = PhysicalRange(start: PhysicalAddress(0x3800_F000), size: 0x2000)
        #expect(throws: ProcessorMemoryError.untranslatable(name: "a", outside)) {
            try ProcessorMemory(reserved: [("a", outside, .firmware)], dmaRanges: SoCDescription.stm32mp157.translations)
        }
        for range in [(0, 4), (4, 0), (0xFFFF_FFFF, 2)] as [(UInt32, UInt32)] {
            let empty = PhysicalRange(start: PhysicalAddress(range.0), size: range.1)
            #expect(throws: ProcessorMemoryError.emptyRegion(name: "a", empty)) {
                try ProcessorMemory(reserved: [("a", empty, .firmware)], dmaRanges: nil)
            }
        }
    }
}
