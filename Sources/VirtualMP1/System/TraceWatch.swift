// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import FoundationEssentials
import Glibc
import M4Board
import MachineBase
import RprocHost

/// The firmware's trace buffers, read with the emulator's own eyes: line by line, as they come.
///
/// Looking costs one comparison of memory as long as nothing was written.
final class TraceWatch {
    private let board: M4Board
    private let linux: RemoteProcessor
    private let events: EventStream<SystemEvent>
    /// Whether each line is an event. Off, the buffers are there to be read all the same.
    var isOn = true
    struct Trace: Equatable, Sendable {
        var address: PhysicalAddress
        var size: Int
    }
    struct State: Equatable, Sendable {
        var buffers: [TraceReader] = []
        var traces: [Trace] = []
        /// `stateChanges` when `traces` was made; while the state stays, so do they. nil while they may still move.
        var madeAt: UInt64?
        /// Crashes that have been recovered from.
        var crashes: UInt32 = 0
        var interval: UInt64?
    }
    var state = State()

    init(board: M4Board, linux: RemoteProcessor, events: EventStream<SystemEvent>) { (self.board, self.linux, self.events) = (board, linux, events) }

    /// Whether a line would reach anybody.
    var isHeard: Bool { isOn && events.isHeard }

    /// Looks at the buffers, and tells each line that has come.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    func refresh() -> Bool {
        guard isHeard else { return false }
        if state.madeAt != linux.stateChanges { find() }
        var hasNews = false
        for index in state.buffers.indices {
            var lines: [String] = []
            _ = board.withMemory(state.traces[index].address, count: state.traces[index].size) { bytes in
                if state.buffers[index].differs(from: bytes) { lines = state.buffers[index].take(bytes) }
            }
            for line in lines { events.publish(.trace(board.now, index: index, line: line)) }
            if !lines.isEmpty { hasNews = true }
        }
        return hasNews
    }

    /// Cycles of execution after which to look again, so that firmware that writes round a buffer is not there twice between two looks: a
    /// formatted character costs it more than the eight cycles that are reckoned with. Many buffers, or large ones, are looked at less often,
    /// or looking would take longer than execution. nil with nothing to watch.
    var interval: UInt64? { state.interval }

    private static func interval(_ traces: [Trace]) -> UInt64? {
        guard let smallest = traces.lazy.map(\.size).min() else { return nil }
        // No more than `mostBytes` are watched.
        let total = traces.reduce(0) { $0 &+ $1.size }
        return UInt64(max(max(256, min(smallest, mostBytes)) * 8, total / 4, min(traces.count, mostBytes) * 256))
    }

    /// Bytes of trace buffers that are watched, at most: a table may name the same memory any number of times.
    private static let mostBytes = 4 << 20

    private func find() {
        var left = Self.mostBytes
        state.traces = Array(linux.traceBuffers.prefix { trace in
            left &-= min(left &+ 1, trace.size)
            return left >= 0
        }.map { Trace(address: $0.address, size: $0.size) })
        // A recovery has loaded the firmware anew: the same text is said again.
        if state.crashes != linux.crashCount, linux.state == .running {
            state.crashes = linux.crashCount
            state.buffers = []
        }
        if !state.buffers.map(\.size).elementsEqual(state.traces.map(\.size)) { state.buffers = state.traces.map { TraceReader(size: $0.size) } }
        state.interval = Self.interval(state.traces)
        // Buffers are placed in the midst of a boot.
        state.madeAt = linux.state == .running || linux.state == .attached ? linux.stateChanges : nil
    }
}

extension MP1System {
    /// What a trace buffer holds up to its first NUL; nil when its address is in no memory.
    func traceText(_ trace: (address: PhysicalAddress, size: Int)) -> [UInt8]? {
        board.withMemory(trace.address, count: trace.size) { bytes in
            Array(bytes[..<(bytes.firstIndex(of: 0) ?? bytes.count)])
        }
    }

    /// The text of trace buffer `index`, as debugfs' trace file has it.
    public func trace(_ index: Int) -> String? {
        let traces = linux.traceBuffers
        guard index >= 0, index < traces.count else { return nil }
        return traceText(traces[index]).map { ForeignText.text($0) }
    }
}
