// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// OP-TEE's remoteproc pseudo TA for the STM32MP1, with the driver below it: the one that touches the coprocessor.
///
/// These methods are its commands in Swift's terms; ``invoke(_:_:)`` is the same in the TEE's. Only the remoteproc TA may open
/// it. It knows one processor, and two states, off and on. Source: OP-TEE core/pta/stm32mp/remoteproc_pta.c,
/// core/drivers/remoteproc/stm32_remoteproc.c.
public final class RemoteprocPTA {
    /// What the platform's build decides.
    public struct Configuration: Sendable {
        /// The chip's number of the coprocessor.
        public var processor: UInt32
        public var memory: ProcessorMemory
        public var signatures: SignaturePolicy
        public var support: SignatureSupport
        public var isolation: Isolation

        public init(
            _ chip: SoCDescription = .stm32mp157, signatures: SignaturePolicy, memory: ProcessorMemory? = nil,
            support: SignatureSupport = .rsaOnly, isolation: Isolation = .segments
        ) {
            processor = chip.coprocessor.teeProcessor
            self.memory = memory ?? ProcessorMemory(chip); self.signatures = signatures; self.support = support; self.isolation = isolation
        }
    }

    public let configuration: Configuration
    let platform: any SecurePlatform
    /// All that changes in it. Memory, reset lines and the firewall are the platform's.
    public struct State: Equatable, Sendable {
        fileprivate var isOn = false
        /// Memory that segments were put into since the last release, in physical terms: until then it holds what was loaded, by a
        /// load that failed or an earlier one too.
        fileprivate var loaded: [PhysicalRange] = []
    }
    /// Restoring it does nothing to the platform.
    var state = State()
    /// FIRMWARE_START was the last of START and STOP.
    public var isOn: Bool { state.isOn }

    /// Holds the coprocessor, as the driver's probe does.
    public init(platform: any SecurePlatform, configuration: Configuration) {
        self.platform = platform
        self.configuration = configuration
        hold()
    }

    /// Opening a session.
    public func open(caller: TAIdentifier, processor: UInt32) throws(TEEFailure) {
        guard caller == .remoteproc else {
            throw TEEFailure(.accessDenied, .caller, "\(caller) opens the remoteproc PTA; only \(TAIdentifier.remoteproc) may")
        }
        try requireSupported(processor)
    }

    /// HW_CAPABILITIES: the image formats and the protections, as bit masks.
    public func capabilities(processor: UInt32) throws(TEEFailure) -> (formats: UInt32, protections: UInt32) {
        try requireSupported(processor)
        return (formats: 1, protections: 1)
    }

    /// LOAD_SEGMENT_SHA256: copies to device address `address`, hashes the copy, and clears it again when the hash is another.
    ///
    /// - Parameter offset: of the bytes in the signed image, for the refusal's text.
    public func loadSegment(
        processor: UInt32, _ bytes: [UInt8], to address: DeviceAddress, hash: [UInt8], imageOffset offset: Int? = nil
    ) throws(TEEFailure) {
        try loadSegment(processor: processor, ImageBuffer(bytes), to: address, hash: hash, imageOffset: offset)
    }

    /// The same from the caller's memory: read once, when nothing is left that could refuse its size or address.
    func loadSegment(
        processor: UInt32, _ bytes: some SharedMemory, to address: DeviceAddress, hash: [UInt8], imageOffset offset: Int? = nil
    ) throws(TEEFailure) {
        guard hash.count == SHA256.Digest.byteCount else {
            throw TEEFailure(.badParameters, .digestLength, "a hash of \(hash.count) bytes; SHA-256 has \(SHA256.Digest.byteCount)")
        }
        try requireOff()
        let size = UInt32(clamping: bytes.count)
        let range = PhysicalRange(start: try translate(processor, address, size, .segmentAddress, offset), size: size)
        take(range)
        try copy(bytes, to: range, offset)
        let actual = try digest(of: range)
        guard actual.elementsEqual(hash) else {
            do throws(BusError) { try platform.fill(range, with: 0) } catch { throw busFailure(error) }
            throw TEEFailure(
                .security, .segmentHash, at: offset,
                "the \(size) bytes loaded to \(address) hash to \(hexText(actual)); the hash table says \(hexText(hash)); cleared")
        }
    }

    /// In parts: a segment of the DDR window can be as large as all else together.
    private static let part: UInt32 = 1 << 20

    private func copy(_ bytes: some SharedMemory, to range: PhysicalRange, _ offset: Int?) throws(TEEFailure) {
        for part in range.parts(Self.part) {
            guard let bytes = bytes.read(at: Int(part.start.value &- range.start.value), count: Int(part.size)) else {
                throw TEEFailure(.badParameters, .segmentBounds, at: offset, "the image shrank while a segment of \(range.size) bytes was read")
            }
            do throws(BusError) { try platform.write(bytes, at: part.start) } catch { throw busFailure(error) }
        }
    }

    private func digest(of range: PhysicalRange) throws(TEEFailure) -> SHA256.Digest {
        var hash = SHA256()
        for part in range.parts(Self.part) {
            do throws(BusError) { hash.update(data: try platform.read(part)) } catch { throw busFailure(error) }
        }
        return hash.finalize()
    }

    /// SET_MEMORY: fills with 0, or with 1 for any other value (the command collapses it).
    public func setMemory(processor: UInt32, _ address: DeviceAddress, size: UInt32, value: UInt32) throws(TEEFailure) {
        try requireOff()
        let range = PhysicalRange(start: try translate(processor, address, size, .segmentClear, nil), size: size)
        take(range)
        do throws(BusError) {
            try platform.fill(range, with: value == 0 ? 0 : 1)
        } catch { throw busFailure(error) }
    }

    /// FIRMWARE_START: lets go of hold boot and sets it again at once, so that a crash does not restart the core by itself.
    public func start(processor: UInt32) throws(TEEFailure) {
        try requireOff()
        guard processor == configuration.processor else { throw unknown(processor, .generic) }
        platform.setHoldBoot(false)
        platform.setHoldBoot(true)
        state.isOn = true
    }

    /// FIRMWARE_STOP: sets hold boot and resets the core. What was loaded stays, and stays protected, until
    /// ``release(processor:)``.
    public func stop(processor: UInt32) throws(TEEFailure) {
        guard isOn else { throw TEEFailure(.badState, .state, "the coprocessor is off") }
        guard processor == configuration.processor else { throw unknown(processor, .badParameters) }
        hold()
        state.isOn = false
    }

    /// FIRMWARE_DA_TO_PA.
    public func physical(
        processor: UInt32, _ address: DeviceAddress, size: UInt32
    ) throws(TEEFailure) -> PhysicalAddress {
        try translate(processor, address, size, .resourceTableAddress, nil)
    }

    /// RELEASE: clears every region of the processor, then gives the memory back to the non-secure world.
    public func release(processor: UInt32) throws(TEEFailure) {
        try requireOff()
        guard processor == configuration.processor else { throw unknown(processor, .badParameters) }
        do throws(BusError) {
            for region in configuration.memory.regions { try platform.fill(region.physical, with: 0) }
        } catch { throw busFailure(error) }
        state.loaded = []
        platform.protect([], owner: Self.owner)
    }

    // MARK: Isolation

    static let owner = "the Cortex-M4"

    /// Takes memory from the non-secure world before anything is put there: nobody changes it between its check and the start.
    private func take(_ range: PhysicalRange) {
        guard configuration.isolation != .none else { return }
        state.loaded = (state.loaded + [range]).merged
        protect(but: [])
    }

    /// A load has succeeded: gives back what both sides share, which is in the table that was loaded.
    func isolate(resourceTable: PhysicalRange?) {
        let shared = resourceTable.map { table in
            SharedRanges(resourceTable: table, memory: configuration.memory, platform: platform).ranges
        }
        protect(but: shared ?? [])
    }

    private func protect(but shared: [PhysicalRange]) {
        platform.protect(configuration.isolation.ranges(loaded: state.loaded, shared: shared, memory: configuration.memory), owner: Self.owner)
    }

    // MARK: The checks that commands share

    private func hold() {
        platform.setHoldBoot(true)
        platform.assertMCUReset()
    }

    func requireOff() throws(TEEFailure) {
        guard !isOn else { throw TEEFailure(.badState, .state, "the coprocessor is on") }
    }

    func requireSupported(_ processor: UInt32) throws(TEEFailure) {
        guard processor == configuration.processor else { throw unknown(processor, .notSupported) }
    }

    private func unknown(_ processor: UInt32, _ result: TEEResult) -> TEEFailure {
        TEEFailure(result, .processor, "no processor \(processor); this platform has processor \(configuration.processor)")
    }

    private func translate(
        _ processor: UInt32, _ address: DeviceAddress, _ size: UInt32, _ check: TEEFailure.Check, _ offset: Int?
    ) throws(TEEFailure) -> PhysicalAddress {
        guard processor == configuration.processor else { throw unknown(processor, .badParameters) }
        guard let physical = configuration.memory.physical(address, size: size) else {
            throw TEEFailure(
                .accessDenied, check, at: offset,
                "\(size) bytes at device address \(address) do not lie inside one region of \(configuration.memory.windowsText)")
        }
        return physical
    }

    private func busFailure(_ error: BusError) -> TEEFailure { TEEFailure(.generic, .bus, error.description) }
}

extension PhysicalRange {
    /// The range in order, in parts of `size` bytes and a rest.
    fileprivate func parts(_ size: UInt32) -> [PhysicalRange] {
        stride(from: UInt32(0), to: self.size, by: Int(size)).map { offset in
            PhysicalRange(start: PhysicalAddress(start.value &+ offset), size: min(size, self.size - offset))
        }
    }
}
