// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import ImageFormat
import M4Board
import MachineBase
import RprocHost

/// How closely the exchange between Linux and the firmware is watched.
public enum Sanitizing: String, Sendable, CaseIterable {
    case off
    /// Rings, buffers, table and messages are checked. The firmware runs as fast as without.
    case rings
    /// The same, and each finding names the instruction that wrote what is wrong; accesses to the shared memory are slower for
    /// it. Not with the system's libunicorn.
    case writers
}

/// What the sanitizer needs of the machine: when it looks, whose names it uses, and who wrote what.
final class SanitizerSetup: WriteRecord {
    private let board: M4Board
    private let configuration: SystemConfiguration
    /// nil with `Sanitizing.off`.
    private let sanitizer: RpmsgSanitizer?
    /// Accesses to the shared memory are recorded whatever the sanitizer needs.
    var recordsForDiagnosis = false
    struct State: Equatable, Sendable {
        /// The image that was prepared for; nil where the next one is in any case.
        var prepared: FirmwareImage?
        /// The image whose names are in use.
        var named: FirmwareImage?

        static func == (one: State, other: State) -> Bool { one.prepared?.bytes == other.prepared?.bytes && one.named?.bytes == other.named?.bytes }
    }
    private(set) var state = State()

    /// - Throws: when writers are to be named, and the engine cannot.
    init(_ configuration: SystemConfiguration, board: M4Board, linux: RemoteProcessor) throws(BoardError) {
        (self.configuration, self.board) = (configuration, board)
        guard configuration.sanitizing != .off else {
            sanitizer = nil
            return
        }
        if configuration.sanitizing == .writers && !M4Board.recordsAccesses {
            throw BoardError.configuration("naming writers needs the engine of engine/; this is the system's libunicorn \(M4Board.engineVersion)")
        }
        let sanitizer = linux.sanitize()
        self.sanitizer = sanitizer
        sanitizer.writeRecord = self
        // A look is no event of the machine's: it reads, and nobody is woken by it.
        let slot = board.eventQueue.register("sanitizer") { [unowned sanitizer] _ in sanitizer.look() }
        sanitizer.schedule = { [unowned board] time in
            board.eventQueue.schedule(slot, at: time == .never ? .max : board.configuration.coreClock.cycles(until: time))
        }
    }

    func lastWriter(of address: PhysicalAddress) -> UInt32? { board.accesses(of: address).writer }

    /// `image` is about to be loaded. One that was prepared for stays as it is, with what was recorded since.
    func prepare(_ image: FirmwareImage) {
        guard sanitizer != nil, image !== state.prepared else { return }
        state.prepared = image
        name(image)
        guard configuration.sanitizing == .writers || recordsForDiagnosis else { return }
        // What is not in the M4's memories is not recorded; the checks go without a name there.
        do throws(BoardError) { try board.record(sharedRanges(image)) } catch {}
    }

    /// What was recorded of an earlier life is forgotten at the next load, whatever that is.
    func beginAnew() { state.prepared = nil }

    /// What was recorded is the board's to restore.
    func restore(_ saved: State) {
        name(saved.named)
        state = saved
    }

    private func name(_ image: FirmwareImage?) {
        state.named = image
        sanitizer?.symbol = image.map { image in
            let symbols = FirmwareSymbols(of: image)
            return { symbols.nameAndSource(at: $0) }
        }
    }

    /// The rings and buffers of the device tree, and the resource tables of the image where their sections say.
    private func sharedRanges(_ image: FirmwareImage) -> [PhysicalRange] {
        var ranges = configuration.linux.memoryRegions.filter { $0.name.hasPrefix("vdev") }.map(\.range)
        ranges += image.tables.compactMap { $0.range(configuration.chip) }
        return Array(ranges.prefix(M4Board.mostRecorded))
    }
}

extension TableSection {
    /// Where it is when the firmware runs; nil for an empty one, or outside of the M4's memories.
    func range(_ chip: SoCDescription) -> PhysicalRange? {
        guard !isEmpty else { return nil }
        return chip.physical(DeviceAddress(header.address), count: header.size).map { PhysicalRange(start: $0, size: header.size) }
    }
}
