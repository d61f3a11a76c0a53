// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import M4Board
import MachineBase
import RprocHost

/// The firmware's trace buffers beside a Linux guest, read where its resource table says.
struct GuestTraces {
    private unowned let board: M4Board
    private var readers: [(address: PhysicalAddress, reader: TraceReader)] = []
    /// Larger buffers, and more of them, are not looked at.
    private static let largest: UInt32 = 1 << 20, most = 8

    private var chip: SoCDescription { board.configuration.chip }

    init(_ board: M4Board) { self.board = board }

    /// The firmware starts anew: the same text is said again.
    mutating func begin() { readers = [] }

    /// The lines that have come, by the buffers' numbers.
    mutating func newLines(_ table: ResourceTable?) -> [(index: Int, line: String)] {
        let places = places(table)
        if readers.map(\.address) != places.map(\.address) || readers.map(\.reader.size) != places.map(\.size) {
            readers = places.map { ($0.address, TraceReader(size: $0.size)) }
        }
        var lines: [(Int, String)] = []
        for index in readers.indices {
            _ = board.withMemory(readers[index].address, count: readers[index].reader.size) { bytes in
                guard readers[index].reader.differs(from: bytes) else { return }
                lines += readers[index].reader.take(bytes).map { (index, $0) }
            }
        }
        return lines
    }

    /// The buffers' text as it is now, up to the first NUL, as debugfs' files have it.
    func texts(_ table: ResourceTable?) -> [String] {
        places(table).map { place in
            board.withMemory(place.address, count: place.size) { ForeignText.text($0[..<($0.firstIndex(of: 0) ?? $0.count)]) } ?? ""
        }
    }

    private func places(_ table: ResourceTable?) -> [(address: PhysicalAddress, size: Int)] {
        let all = (table?.entries ?? []).compactMap { entry -> (PhysicalAddress, Int)? in
            guard case .trace(let trace) = entry.content, trace.length > 0, trace.length <= Self.largest else { return nil }
            return (chip.physical(DeviceAddress(trace.deviceAddress)) ?? PhysicalAddress(trace.deviceAddress), Int(trace.length))
        }
        return Array(all.prefix(Self.most))
    }
}
