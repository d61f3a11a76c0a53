// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import ELF32
import MachineBase
import RprocHost

/// A remoteproc TA that authenticates nothing: the "signed image" is a plain ELF, loaded past the firewall.
///
/// Keeps the real TA's states (off, loaded, started) and answers to calls out of turn.
public final class MockTrustedFirmware: TrustedFirmware {
    public enum Call: String, Sendable { case load, resourceTable, start, stop, release }
    /// Calls so far, in order.
    public private(set) var calls: [Call] = []
    /// Refusals to give, by call.
    public var refusals: [Call: TEEError] = [:]
    /// Where the table of the loaded image is; nil for an image without.
    public var tableLocation: PhysicalRange?
    public enum State: Sendable { case off, loaded, started }
    /// Saves what it knows of an image, or restores it.
    public var saved: (state: State, table: PhysicalRange?) {
        get { (state, tableLocation) }
        set { (state, tableLocation) = newValue }
    }
    public private(set) var state = State.off
    private unowned let platform: InMemoryPlatform

    public init(platform: InMemoryPlatform) { self.platform = platform }

    public func load(image: [UInt8]) throws(TEEError) {
        try note(.load)
        switch state {
        case .started: throw .badState
        case .loaded: return
        case .off: break
        }
        guard let header = ELFHeader(image), header.hasMagic else { throw .badParameters }
        for index in 0..<Int(header.programHeaderCount) {
            guard let segment = ProgramHeader(image, at: Int(header.programHeaderOffset) + index * ProgramHeader.size) else { throw .badParameters }
            let start = Int(segment.offset), end = start + Int(segment.fileSize)
            guard segment.type == ProgramHeader.load, end <= image.count else { continue }
            let address = platform.chip.physical(DeviceAddress(segment.physicalAddress)) ?? PhysicalAddress(segment.physicalAddress)
            platform.remoteWrite(address, Array(image[start..<end]))
        }
        tableLocation = nil
        if let section = (0..<Int(header.sectionHeaderCount)).lazy.compactMap({
            SectionHeader(image, at: Int(header.sectionHeaderOffset) + $0 * SectionHeader.size)
        }).first(where: { $0.name == 1 && $0.size > 0 }), Int(section.offset) + Int(section.size) <= image.count {
            let bytes = Array(image[Int(section.offset)..<Int(section.offset) + Int(section.size)])
            platform.remoteWrite(PhysicalAddress(section.address), bytes)
            tableLocation = PhysicalRange(start: PhysicalAddress(section.address), size: section.size)
        }
        state = .loaded
    }

    public func resourceTable() throws(TEEError) -> PhysicalRange? {
        try note(.resourceTable)
        guard state != .off else { throw .badState }
        return tableLocation
    }

    public func start() throws(TEEError) {
        try note(.start)
        guard state != .off else { throw .badState }
        state = .started
        platform.releaseCore()
    }

    public func stop() throws(TEEError) {
        try note(.stop)
        guard state != .loaded else { throw .badState }
        state = .off
        platform.resetCore()
    }

    public func release() throws(TEEError) {
        try note(.release)
        guard state != .started else { throw .badState }
        state = .off
    }

    private func note(_ call: Call) throws(TEEError) {
        calls.append(call)
        if let refusal = refusals[call] { throw refusal }
    }
}
