import Foundation
import MachineBase
import RprocHost

/// The firmware's trace buffers, read with the emulator's own eyes: line by line, as they come.
///
/// Looking costs one comparison of memory as long as nothing was written.
struct TraceWatch {
    fileprivate struct Buffer {
        /// What the buffer held at the last look.
        var last: [UInt8]
        /// Where the firmware goes on writing: there is no NUL before it, and what is after it is older.
        var position = 0
        /// What came since the last newline.
        var unfinished: [UInt8] = []
        /// A line that is longer is shown in pieces.
        static let longestLine = 4096
    }
    private var buffers: [Buffer] = []
    private var traces: [(address: PhysicalAddress, size: Int)] = []
    /// `stateChanges` when `traces` was made; while the state stays, so do they. nil while they may still move.
    private var madeAt: UInt64?
    /// Crashes that have been recovered from.
    private var crashes: UInt32 = 0

    /// Looks at the buffers, and tells each line that has come.
    ///
    /// - Returns: whether there was one.
    @discardableResult
    mutating func refresh(_ system: MP1System) -> Bool {
        guard system.watchesTraces, system.onEvent != nil else { return false }
        if madeAt != system.linux.stateChanges { find(system.linux) }
        var hasNews = false
        for index in buffers.indices {
            var lines: [String] = []
            _ = system.board.withMemory(traces[index].address, count: traces[index].size) { bytes in
                if buffers[index].differs(from: bytes) { lines = buffers[index].take(bytes) }
            }
            for line in lines { system.onEvent?(.trace(system.now, index: index, line: line)) }
            if !lines.isEmpty { hasNews = true }
        }
        return hasNews
    }

    /// Cycles of execution after which to look again, so that firmware that writes round a buffer is not there twice between two looks: a
    /// formatted character costs it more than the eight cycles that are reckoned with. Many buffers, or large ones, are looked at less often,
    /// or looking would take longer than execution. nil with nothing to watch.
    private(set) var interval: UInt64?

    private static func interval(_ traces: [(address: PhysicalAddress, size: Int)]) -> UInt64? {
        guard let smallest = traces.lazy.map(\.size).min() else { return nil }
        // No more than `mostBytes` are watched.
        let total = traces.reduce(0) { $0 &+ $1.size }
        return UInt64(max(max(256, min(smallest, mostBytes)) * 8, total / 4, min(traces.count, mostBytes) * 256))
    }

    /// Bytes of trace buffers that are watched, at most: a table may name the same memory any number of times.
    private static let mostBytes = 4 << 20

    private mutating func find(_ linux: RemoteProcessor) {
        var left = Self.mostBytes
        traces = Array(linux.traceBuffers.prefix { trace in
            left &-= min(left &+ 1, trace.size)
            return left >= 0
        })
        // A recovery has loaded the firmware anew: the same text is said again.
        if crashes != linux.crashCount, linux.state == .running {
            crashes = linux.crashCount
            buffers = []
        }
        if !buffers.map(\.last.count).elementsEqual(traces.map(\.size)) { buffers = traces.map { Buffer(last: [UInt8](repeating: 0, count: $0.size)) } }
        interval = Self.interval(traces)
        // Buffers are placed in the midst of a boot.
        madeAt = linux.state == .running || linux.state == .attached ? linux.stateChanges : nil
    }
}

extension TraceWatch.Buffer {
    fileprivate func differs(from bytes: UnsafeRawBufferPointer) -> Bool {
        guard let now = bytes.baseAddress, bytes.count == last.count else { return false }
        return memcmp(now, last, bytes.count) != 0
    }

    /// The lines that are whole with what is new in `bytes`, which are as many as `last`.
    ///
    /// Nothing says where the firmware writes: the new is what differs from the last look, from `position` on, and from the
    /// buffer's beginning once the firmware has gone back to it. New text whose last bytes are what lay there before is only seen
    /// with the next.
    fileprivate mutating func take(_ bytes: UnsafeRawBufferPointer) -> [String] {
        guard let now = bytes.baseAddress else { return [] }
        let tail = position..<bytes.count, head = 0..<position
        let tailEnd = endOfChange(now, tail), headEnd = endOfChange(now, head)
        let nul = Self.offset(of: 0, in: bytes, from: position, to: bytes.count) ?? bytes.count
        var lines: [String] = []
        if headEnd == 0 {
            position = min(nul, tailEnd)
            add(bytes[tail.lowerBound..<position], to: &lines)
        } else {
            if tailEnd > position { add(bytes[position..<nul], to: &lines) }
            position = Self.offset(of: 0, in: bytes, from: 0, to: headEnd) ?? headEnd
            // The buffer was cleared.
            if position == 0 { unfinished = [] }
            add(bytes[..<position], to: &lines)
        }
        last.withUnsafeMutableBytes { last in
            guard let last = last.baseAddress else { return }
            memcpy(last + tail.lowerBound, now + tail.lowerBound, tailEnd - tail.lowerBound)
            memcpy(last, now, headEnd)
        }
        return lines
    }

    /// The offset behind the last byte in `range` that is not as it was; the range's beginning when all are.
    private func endOfChange(_ now: UnsafeRawPointer, _ range: Range<Int>) -> Int {
        last.withUnsafeBytes { last in
            guard let last = last.baseAddress else { return range.lowerBound }
            var end = range.upperBound
            while end - range.lowerBound >= 64, memcmp(now + end - 64, last + end - 64, 64) == 0 { end -= 64 }
            while end > range.lowerBound, now.load(fromByteOffset: end - 1, as: UInt8.self) == last.load(fromByteOffset: end - 1, as: UInt8.self) { end -= 1 }
            return end
        }
    }

    private mutating func add(_ bytes: Slice<UnsafeRawBufferPointer>, to lines: inout [String]) {
        for byte in bytes {
            if byte != 0x0A { unfinished.append(byte) }
            guard byte == 0x0A || unfinished.count == Self.longestLine else { continue }
            if unfinished.last == 0x0D { unfinished.removeLast() }
            lines.append(String(decoding: unfinished, as: UTF8.self))
            unfinished.removeAll(keepingCapacity: true)
        }
    }

    private static func offset(of byte: Int32, in bytes: UnsafeRawBufferPointer, from start: Int, to end: Int) -> Int? {
        guard start < end, let base = bytes.baseAddress, let found = memchr(base + start, byte, end - start) else { return nil }
        return UnsafeRawPointer(found) - base
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
        return traceText(traces[index]).map { String(decoding: $0, as: UTF8.self) }
    }
}
