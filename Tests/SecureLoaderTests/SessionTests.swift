// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import Testing

import SecureLoader

/// Sessions, commands and states of the TA, through the TEE's own face.
@Suite struct SessionTests {
    private let image: [UInt8]
    private let pta: RemoteprocPTA
    private let platform = InMemorySecurePlatform()
    private let ta: RemoteprocTA

    init() throws {
        image = try SignedFixture().bytes
        pta = RemoteprocPTA(platform: platform, configuration: .init(signatures: .trusted([TestKeys.rsa.trusted])))
        ta = RemoteprocTA(pta: pta)
    }

    private func open(_ processor: UInt32 = 0) throws -> RemoteprocTA.Session {
        try ta.openSession(TEEParameters(.valueInput(a: processor)))
    }

    private func invoke(_ session: RemoteprocTA.Session, _ command: UInt32, _ parameters: TEEParameters) -> TEEResult {
        var parameters = parameters
        do throws(TEEFailure) {
            try ta.invoke(session, command, &parameters)
            return .success
        } catch { return error.result }
    }

    private func load(_ session: RemoteprocTA.Session, processor: UInt32 = 0) -> TEEResult {
        invoke(session, 1, TEEParameters(.valueInput(a: processor), .memoryInput(ImageBuffer(image))))
    }

    private func call(_ session: RemoteprocTA.Session, _ command: UInt32, processor: UInt32 = 0) -> TEEResult {
        command == 4
            ? invoke(session, 4, TEEParameters(.valueInput(a: processor), .valueOutput(), .valueOutput()))
            : invoke(session, command, TEEParameters(.valueInput(a: processor)))
    }

    // MARK: Sessions

    @Test func aSecondSessionIsBusyUntilTheFirstIsClosed() throws {
        let first = try open()
        #expect { try open() } throws: { ($0 as? TEEFailure)?.result == .busy }
        ta.closeSession(first)
        _ = try open()
    }

    @Test func openingChecksTypesAndTheProcessor() throws {
        #expect { try ta.openSession(TEEParameters()) } throws: { ($0 as? TEEFailure)?.result == .badParameters }
        #expect { try open(1) } throws: { ($0 as? TEEFailure)?.result == .notSupported }
        // Neither counts as open.
        _ = try open()
    }

    @Test func aClosedSessionTakesNoCommand() throws {
        let session = try open()
        ta.closeSession(session)
        #expect(load(session) == .badParameters)
        let next = try open()
        ta.closeSession(session)
        #expect(load(next) == .success)
    }

    @Test func whatIsLoadedOutlivesItsSession() throws {
        let first = try open()
        #expect(load(first) == .success)
        ta.closeSession(first)
        let second = try open()
        #expect(call(second, 2) == .success)
        #expect(ta.state(ofProcessor: 0) == .started)
    }

    // MARK: Commands

    @Test func unknownCommandsAreBadParametersAndCoreDumpIsNotImplementedWithAnyTypes() throws {
        let session = try open()
        for command in [0, 7, 0xFFFF_FFFF] as [UInt32] { #expect(invoke(session, command, TEEParameters()) == .badParameters) }
        #expect(invoke(session, 5, TEEParameters()) == .notImplemented)
        #expect(invoke(session, 5, TEEParameters(.valueInOut(a: 0, b: 0), .none, .none, .valueOutput())) == .notImplemented)
    }

    @Test(arguments: [1, 2, 3, 4, 6] as [UInt32])
    func wrongParameterTypesAreBadParametersAndMakeNoProcessorKnown(_ command: UInt32) throws {
        let session = try open()
        for wrong in [
            TEEParameters(), TEEParameters(.valueInOut(a: 0, b: 0)),
            TEEParameters(.valueInput(a: 0), .memoryInput(ImageBuffer(image)), .none, .valueOutput()),
        ] { #expect(invoke(session, command, wrong) == .badParameters) }
        #expect(ta.state(ofProcessor: 0) == nil)
    }

    @Test func aProcessorIsKnownFromItsFirstLoadOnEvenAFailedOne() throws {
        let session = try open()
        for command in [2, 3, 4, 6] as [UInt32] { #expect(call(session, command) == .badParameters) }
        #expect(invoke(session, 1, TEEParameters(.valueInput(a: 0), .memoryInput(ImageBuffer([])))) == .badParameters)
        #expect(call(session, 2) == .badState)
        #expect(call(session, 3) == .success)
        #expect(call(session, 4) == .badState)
        #expect(call(session, 6) == .success)
    }

    @Test func aProcessorThatThePlatformDoesNotHaveIsNotSupportedAndKnown() throws {
        let session = try open()
        #expect(load(session, processor: 7) == .notSupported)
        #expect(call(session, 2, processor: 7) == .badState)
        #expect(call(session, 6, processor: 7) == .badParameters)
    }

    @Test func processorsWithoutNumberUseUpTheHeap() throws {
        let session = try open()
        let results = (1..<200).map { load(session, processor: UInt32($0)) }
        #expect(results.first == .notSupported && results.last == .outOfMemory)
    }

    // MARK: States

    @Test func everyCommandAnswersByState() throws {
        let session = try open()
        _ = invoke(session, 1, TEEParameters(.valueInput(a: 0), .memoryInput(ImageBuffer([]))))
        // off
        #expect(call(session, 2) == .badState && call(session, 3) == .success && call(session, 4) == .badState)
        #expect(load(session) == .success)
        // loaded
        #expect(load(session) == .success && call(session, 3) == .badState && call(session, 4) == .success)
        #expect(call(session, 2) == .success)
        // started
        #expect(load(session) == .badState && call(session, 2) == .success && call(session, 4) == .success)
        #expect(call(session, 6) == .badState)
        #expect(call(session, 3) == .success)
        // off again
        #expect(ta.state(ofProcessor: 0) == .off && call(session, 4) == .badState)
        #expect(load(session) == .success && call(session, 6) == .success && ta.state(ofProcessor: 0) == .off)
    }

    @Test func aSecondLoadDoesNotLookAtItsImage() throws {
        let session = try open()
        #expect(load(session) == .success)
        #expect(invoke(session, 1, TEEParameters(.valueInput(a: 0), .memoryInput(ImageBuffer([])))) == .success)
    }

    @Test func aFailedLoadStaysOff() throws {
        let board = try Board()
        #expect(board.refusal(of: image.flipping(30)) != nil)
        #expect(board.session.state == .off)
        #expect(board.refusal(of: image) == nil)
    }

    @Test func theResourceTableAnswerSetsBothWordsOfBothValues() throws {
        let session = try open()
        #expect(load(session) == .success)
        var parameters = TEEParameters(.valueInput(a: 0), .valueOutput(a: 9, b: 9), .valueOutput(a: 9, b: 9))
        try ta.invoke(session, 4, &parameters)
        #expect(parameters.p1.value == (0x1000_1000, 0))
        #expect(parameters.p2.value == (UInt32(ResourceTableFixture.rpmsg.count), 0))
    }

    // MARK: The reset lines

    @Test func theCoreIsHeldFromTheStartAndStartSetsHoldBootAgainAtOnce() throws {
        #expect(platform.events == [.holdBoot(true), .mcuReset])
        let session = try RemoteprocSession(ta)
        try session.loadFirmware(image)
        let before = platform.events.count
        try session.start()
        #expect(platform.events[before...] == [.holdBoot(false), .holdBoot(true)])
        try session.start()
        try session.stop()
        #expect(platform.events[(before + 2)...] == [.holdBoot(true), .mcuReset])
    }

    @Test func releaseClearsEveryRegion() throws {
        let session = try RemoteprocSession(ta)
        try session.loadFirmware(image)
        try platform.fill(PhysicalRange(start: PhysicalAddress(0x1004_8000), size: 16), with: 0xAA)
        try platform.fill(PhysicalRange(start: PhysicalAddress(0x1005_0000), size: 16), with: 0xAA)
        try session.release()
        for (address, size) in [(0x3800_0000, 0x1_0000), (0x1000_0000, 0x4_6000), (0x1004_8000, 0x8000)] as [(UInt32, UInt32)] {
            #expect(try platform.read(PhysicalRange(start: PhysicalAddress(address), size: size)).allSatisfy { $0 == 0 })
        }
        // Memory that the device tree does not give to the coprocessor stays.
        #expect(try platform.read(PhysicalRange(start: PhysicalAddress(0x1005_0000), size: 1)) == [0xAA])
    }
}
