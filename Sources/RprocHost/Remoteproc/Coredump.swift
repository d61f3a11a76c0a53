import MachineBase

extension RemoteProcessor {
    /// The core dump that the kernel offers in /sys/class/devcoredump: an ELF32 core with one PT_LOAD a segment and no notes.
    ///
    /// Segments are the mapped memory regions, then trace buffers that do not begin at one. What the bus refuses is 0xFF,
    /// as the kernel fills what it cannot map. Source: Linux `remoteproc_coredump.c`.
    public func coredumpImage() -> [UInt8] {
        var segments: [(device: UInt32, physical: PhysicalAddress?, size: UInt32)] = []
        for carveout in carveouts {
            if case .region = carveout.origin {
                segments.append((carveout.deviceAddress.value, carveout.physicalAddress, carveout.length))
            }
        }
        for trace in traces where !segments.contains(where: { $0.device == trace.deviceAddress }) {
            // A trace that no region holds has no bytes to copy; its length is the firmware's word.
            let physical = physicalAddress(DeviceAddress(trace.deviceAddress), count: UInt64(trace.length))
            if physical != nil { segments.append((trace.deviceAddress, physical, trace.length)) }
        }
        guard !segments.isEmpty else { return [] }

        var out: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
        for half in [UInt16(4), 0] { out.appendLittleEndian(half) }
        for word in [UInt32(1), bootAddress, 52, 0, 0] { out.appendLittleEndian(word) }
        for half in [UInt16(52), 32, UInt16(segments.count), 0, 0, 0] { out.appendLittleEndian(half) }
        var offset = UInt32(52 + 32 * segments.count)
        for segment in segments {
            for word in [1, offset, segment.device, segment.device, segment.size, segment.size, 7, 0] { out.appendLittleEndian(word) }
            offset = offset &+ segment.size
        }
        for segment in segments {
            var bytes: [UInt8]?
            if let physical = segment.physical {
                do throws(Errno) {
                    bytes = try onBus("core dump") { () throws(BusError) in try bus.readBytes(physical, count: Int(segment.size)) }
                } catch {}
            }
            if bytes == nil { error("invalid copy request for segment \(hex32(segment.device)) with offset 0 and size \(segment.size))") }
            out += bytes ?? [UInt8](repeating: 0xFF, count: Int(segment.size))
        }
        return out
    }
}
