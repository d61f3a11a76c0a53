import MachineBase
import RprocHost

/// The firmware's trace buffers, read with the emulator's own eyes: line by line, as they come.
struct TraceWatch {
    /// Bytes of each buffer that were shown.
    private var shown: [Int] = []

    mutating func refresh(_ system: MP1System) {
        guard system.onEvent != nil else { return }
        let traces = system.linux.traceBuffers
        if shown.count != traces.count { shown = Array(repeating: 0, count: traces.count) }
        for (index, trace) in traces.enumerated() {
            guard let text = system.traceText(trace) else { continue }
            // A buffer that was cleared, by a restart for one, is read from its beginning.
            if text.count < shown[index] { shown[index] = 0 }
            while let end = text[shown[index]...].firstIndex(of: 0x0A) {
                let line = String(decoding: text[shown[index]..<end], as: UTF8.self)
                shown[index] = end + 1
                system.onEvent?(.trace(system.now, index: index, line: line.hasSuffix("\r") ? String(line.dropLast()) : line))
            }
        }
    }
}

extension MP1System {
    /// What a trace buffer holds up to its first NUL; nil when its address is in no memory.
    func traceText(_ trace: (address: PhysicalAddress, size: Int)) -> [UInt8]? {
        board.withMemory(trace.address, count: trace.size) { bytes in
            Array(bytes.prefix { $0 != 0 })
        }
    }

    /// The text of trace buffer `index`, as debugfs' trace file has it.
    public func trace(_ index: Int) -> String? {
        let traces = linux.traceBuffers
        guard index >= 0, index < traces.count else { return nil }
        return traceText(traces[index]).map { String(decoding: $0, as: UTF8.self) }
    }
}
