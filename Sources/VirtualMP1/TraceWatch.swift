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

    mutating func refresh(_ system: MP1System) {
        guard system.onEvent != nil else { return }
        let traces = system.linux.traceBuffers
        if !buffers.map(\.last.count).elementsEqual(traces.map(\.size)) { buffers = traces.map { Buffer(last: [UInt8](repeating: 0, count: $0.size)) } }
        for (index, trace) in traces.enumerated() {
            var lines: [String] = []
            _ = system.board.withMemory(trace.address, count: trace.size) { bytes in
                if let now = bytes.baseAddress, trace.size == buffers[index].last.count, memcmp(now, buffers[index].last, trace.size) != 0 {
                    lines = buffers[index].take(bytes)
                }
            }
            for line in lines { system.onEvent?(.trace(system.now, index: index, line: line)) }
        }
    }
}

extension TraceWatch.Buffer {
    /// The whole lines that are new in `bytes`.
    fileprivate mutating func take(_ bytes: UnsafeRawBufferPointer) -> [String] {
        var end = bytes.firstIndex(of: 0) ?? bytes.count
        // What was shown has changed: the firmware has gone back to the buffer's beginning. New is what differs.
        if end < shown || !zip(bytes[..<shown], last).allSatisfy({ $0 == $1 }) {
            shown = 0
            end = min(end, (bytes.indices.last { bytes[$0] != last[$0] } ?? -1) + 1)
        }
        last.withUnsafeMutableBytes { $0.copyMemory(from: bytes) }
        var lines: [String] = []
        while shown < end, let newline = bytes[shown..<end].firstIndex(of: 0x0A) {
            var line = bytes[shown..<newline]
            if line.last == 0x0D { line = line.dropLast() }
            lines.append(String(decoding: line, as: UTF8.self))
            shown = newline + 1
        }
        return lines
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
