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
        /// Bytes of it that were shown.
        var shown = 0
    }
    private var buffers: [Buffer] = []
    private var traces: [(address: PhysicalAddress, size: Int)] = []
    /// `stateChanges` when `traces` was made; while the state stays, so do they. nil while they may still move.
    private var madeAt: UInt64?
    /// Crashes that have been recovered from.
    private var crashes: UInt32 = 0

    mutating func refresh(_ system: MP1System) {
        guard system.onEvent != nil else { return }
        if madeAt != system.linux.stateChanges { find(system.linux) }
        for index in buffers.indices {
            var lines: [String] = []
            _ = system.board.withMemory(traces[index].address, count: traces[index].size) { bytes in
                if buffers[index].differs(from: bytes) { lines = buffers[index].take(bytes) }
            }
            for line in lines { system.onEvent?(.trace(system.now, index: index, line: line)) }
        }
    }

    private mutating func find(_ linux: RemoteProcessor) {
        traces = linux.traceBuffers
        // A recovery has loaded the firmware anew: the same text is said again.
        if crashes != linux.crashCount, linux.state == .running {
            crashes = linux.crashCount
            buffers = []
        }
        if !buffers.map(\.last.count).elementsEqual(traces.map(\.size)) { buffers = traces.map { Buffer(last: [UInt8](repeating: 0, count: $0.size)) } }
        // Buffers are placed in the midst of a boot.
        madeAt = linux.state == .running || linux.state == .attached ? linux.stateChanges : nil
    }
}

extension TraceWatch.Buffer {
    fileprivate func differs(from bytes: UnsafeRawBufferPointer) -> Bool {
        guard let now = bytes.baseAddress, bytes.count == last.count else { return false }
        return memcmp(now, last, bytes.count) != 0
    }

    /// The whole lines that are new in `bytes`, which are as many as `last`.
    fileprivate mutating func take(_ bytes: UnsafeRawBufferPointer) -> [String] {
        guard let now = bytes.baseAddress else { return [] }
        var end = Self.offset(of: 0, in: bytes, from: 0, to: bytes.count) ?? bytes.count
        // What was shown has changed: the firmware has gone back to the buffer's beginning. New is what differs.
        if end < shown || memcmp(now, last, shown) != 0 {
            shown = 0
            var changed = bytes.count
            last.withUnsafeBytes { last in
                guard let last = last.baseAddress else { return }
                while changed >= 64, memcmp(now + changed - 64, last + changed - 64, 64) == 0 { changed -= 64 }
            }
            while changed > 0, bytes[changed - 1] == last[changed - 1] { changed -= 1 }
            end = min(end, changed)
        }
        last.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
        var lines: [String] = []
        while let newline = Self.offset(of: 0x0A, in: bytes, from: shown, to: end) {
            let last = newline > shown && bytes[newline - 1] == 0x0D ? newline - 1 : newline
            lines.append(String(decoding: bytes[shown..<last], as: UTF8.self))
            shown = newline + 1
        }
        return lines
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
