// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import MachineBase

/// Who accessed a word last, by address of the instruction; see `M4Board.record`.
public struct WordAccesses: Equatable, Sendable {
    /// Stored to it, and nobody else has since.
    public var writer: UInt32?
    /// Loaded it since somebody else than an instruction (the other processor, DMA) stored there last.
    public var reader: UInt32?
    /// Loaded it at all.
    public var anyReader: UInt32?
    public init(writer: UInt32? = nil, reader: UInt32? = nil, anyReader: UInt32? = nil) {
        self.writer = writer; self.reader = reader; self.anyReader = anyReader
    }
}

extension M4Board {
    /// Stretches of memory that `record` takes.
    public static let mostRecorded = Int(M4_MAX_RECORDED)

    /// Notes which instruction wrote and read each word of `ranges` last, in place of what was noted before.
    ///
    /// Costs some hundred nanoseconds an access to the pages of 1 KiB with such words; everything else costs nothing. Noted are
    /// the instructions' accesses, not exception stacking.
    /// - Throws: `BoardError.configuration` for more than `mostRecorded` ranges, for a range that is not all in one memory,
    ///   and with libunicorn 2.0, which cannot.
    public func record(_ ranges: [PhysicalRange]) throws(BoardError) {
        guard ranges.isEmpty || M4_OWN_ENGINE != 0 else {
            throw .configuration("recording accesses needs the engine of engine/; this is the system's libunicorn \(Engine.libraryVersion)")
        }
        guard ranges.count <= Self.mostRecorded else {
            throw .configuration("\(ranges.count) recorded ranges: at most \(Self.mostRecorded)")
        }
        var starts: [UInt32] = []
        for range in ranges {
            guard let place = banks.locate(range.start, count: Int(range.size)) else {
                throw .configuration("recorded range \(hex32(range.start.value)), \(range.size) bytes: not in one memory")
            }
            starts.append(place.device.value)
        }
        let error = m4_engine_set_recorded(core.engine.raw, starts, ranges.map(\.size), UInt32(ranges.count))
        guard error == UC_ERR_OK else { throw .engine(doing: "record accesses", Engine.describe(error)) }
    }

    /// What was noted of the word at `address`; all nil outside of the recorded ranges.
    public func accesses(of address: PhysicalAddress) -> WordAccesses {
        guard let place = banks.locate(address, count: 1) else { return WordAccesses() }
        let noted = m4_engine_accesses(core.engine.raw, place.device.value)
        return WordAccesses(
            writer: noted.writer == 0 ? nil : noted.writer, reader: noted.reader == 0 ? nil : noted.reader,
            anyReader: noted.ever == 0 ? nil : noted.ever)
    }

    /// Takes what was noted of `count` bytes for the past: nobody has stored there since.
    public func forgetAccesses(_ address: PhysicalAddress, count: Int) {
        guard let place = banks.locate(address, count: count) else { return }
        m4_engine_memory_written(core.engine.raw, place.device.value, UInt32(count))
    }

    /// Whether the libunicorn that is loaded can `record`.
    public static var recordsAccesses: Bool { M4_OWN_ENGINE != 0 }
}

/// A stretch of memory whose accesses are recorded, with what was noted.
struct RecordedStretch: Equatable, Sendable {
    /// The engine's address of the first byte, and the number of bytes.
    var start: UInt32, size: UInt32
    /// Three words for each word of the stretch, as the engine has them.
    var noted: [UInt32]
}

extension Engine {
    var recorded: [RecordedStretch] {
        stretches.map { stretch in
            RecordedStretch(
                start: stretch.start, size: stretch.size, noted: Array(UnsafeBufferPointer(start: stretch.writers, count: Self.notes(stretch))))
        }
    }

    /// Records what was recorded, in place of what is.
    /// - Throws: `BoardError.engine` when the stretches are not in this engine's memory.
    func restore(_ recorded: [RecordedStretch]) throws(BoardError) {
        guard !recorded.isEmpty || raw.pointee.recorded_count > 0 else { return }
        let error = m4_engine_set_recorded(raw, recorded.map(\.start), recorded.map(\.size), UInt32(recorded.count))
        guard error == UC_ERR_OK else { throw .engine(doing: "record accesses", Engine.describe(error)) }
        for (stretch, saved) in zip(stretches, recorded) {
            saved.noted.withUnsafeBufferPointer { if let source = $0.baseAddress { stretch.writers.update(from: source, count: min(Self.notes(stretch), $0.count)) } }
        }
    }

    private static func notes(_ stretch: m4_recorded) -> Int { Int(stretch.size / 4) * 3 }
    private var stretches: [m4_recorded] {
        withUnsafeBytes(of: &raw.pointee.recorded) { Array($0.bindMemory(to: m4_recorded.self).prefix(Int(raw.pointee.recorded_count))) }
    }
}
