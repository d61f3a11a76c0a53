import MachineBase

extension RemoteProcessor {
    /// The table's trace buffers that lie in mapped memory, in its order: for a tool that looks at memory by itself, past the
    /// firewall.
    public var traceBuffers: [(address: PhysicalAddress, size: Int)] {
        traces.compactMap { trace in
            guard let address = physicalAddress(DeviceAddress(trace.deviceAddress), count: UInt64(trace.length)) else { return nil }
            return (address, Int(trace.length))
        }
    }
}
