// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// `/sys/kernel/debug/remoteproc/remoteprocN` as text.
extension RemoteProcessor {
    /// How many `trace<k>` files there are.
    public var traceCount: Int { resources.traces.count }

    /// The bytes of `trace<k>`: the firmware's buffer up to its first NUL; nil when there is no such file.
    ///
    /// The kernel's excuse for a buffer that lies nowhere names no trace: `rproc_handle_trace` leaves its `trace_mem.name` empty.
    public func traceBytes(_ index: Int) -> [UInt8]? {
        guard index >= 0, index < resources.traces.count else { return nil }
        let trace = resources.traces[index]
        guard trace.length <= Self.traceLimit,
            let address = physicalAddress(DeviceAddress(trace.deviceAddress), count: UInt64(trace.length))
        else { return Array("Trace  not available\n".utf8) }
        do throws(Errno) {
            let bytes = try kernel.onBus("reading trace\(index)") { () throws(BusError) in
                try kernel.bus.readBytes(address, count: Int(trace.length))
            }
            return Array(bytes.prefix { $0 != 0 })
        } catch { return Array("Trace  not available\n".utf8) }
    }

    /// `trace<k>` as text.
    public func trace(_ index: Int) -> String? { traceBytes(index).map { ForeignText.text($0) } }

    private static var traceLimit: UInt32 { 1 << 24 }

    /// The table as `table_ptr` shows it now; nil when there is none.
    public var resourceTable: ResourceTable? { table.bytes().flatMap { ResourceTable($0) } }

    /// The table's trace buffers that lie in mapped memory, in its order: for a tool that looks at memory by itself, past the
    /// firewall.
    public var traceBuffers: [(address: PhysicalAddress, size: Int)] {
        resources.traces.compactMap { trace in
            guard let address = physicalAddress(DeviceAddress(trace.deviceAddress), count: UInt64(trace.length)) else { return nil }
            return (address, Int(trace.length))
        }
    }

    /// `resource_table`, read from where the table lies now.
    public var resourceTableText: String {
        guard let table = resourceTable else { return "No resource table found\n" }
        return table.debugfsText
    }

    /// `carveout_memories`. Kernel pointers are hidden as from a user without privileges.
    public var carveoutText: String {
        carveoutList.all.reduce(into: "") { text, carveout in
            // A pool for buffers has no DMA address here: it is no memory that the kernel maps.
            text += "Carveout memory entry:\n\tName: \(printable(carveout.name))\n\tVirtual address: 00000000\n"
            text += "\tDMA address: \(hex32(carveout.physicalAddress?.value ?? 0))\n\tDevice address: 0x\(hex(carveout.deviceAddress.value))\n"
            text += "\tLength: 0x\(hex(carveout.length)) Bytes\n\n"
        }
    }

    /// `echo NUMBER > crash`
    public func debugfsCrash(_ number: UInt32) { reportCrash(CrashType(number: number)) }
}

extension ResourceTable {
    /// As debugfs prints it.
    public var debugfsText: String { entries.reduce(into: "") { $0 += $1.debugfsText } }
}

extension ResourceEntry {
    var debugfsText: String {
        func memory(_ kind: String, _ m: MemoryResource) -> String {
            """
            Entry \(index) is of type \(kind)
              Device Address 0x\(hex(m.deviceAddress))
              Physical Address 0x\(hex(m.physicalAddress))
              Length 0x\(hex(m.length)) Bytes
              Flags 0x\(hex(m.flags))
              Reserved (should be zero) [\(Int32(bitPattern: m.reserved))]
              Name \(printable(m.name))


            """
        }
        switch content {
        case .carveout(let m): return memory("carveout", m)
        case .devmem(let m): return memory("devmem", m)
        case .trace(let t):
            return """
                Entry \(index) is of type trace
                  Device Address 0x\(hex(t.deviceAddress))
                  Length 0x\(hex(t.length)) Bytes
                  Reserved (should be zero) [\(Int32(bitPattern: t.reserved))]
                  Name \(printable(t.name))


                """
        case .vdev(let v):
            var text = """
                Entry \(index) is of type vdev
                  ID \(Int32(bitPattern: v.id))
                  Notify ID \(Int32(bitPattern: v.notifyID))
                  Device features 0x\(hex(v.deviceFeatures))
                  Guest features 0x\(hex(v.guestFeatures))
                  Config length 0x\(hex(v.configLength))
                  Status 0x\(hex(v.status))
                  Number of vrings \(v.vringCount)
                  Reserved (should be zero) [\(v.reserved[0])][\(v.reserved[1])]


                """
            for (i, ring) in v.vrings.enumerated() {
                text += """
                      Vring \(i)
                        Device Address 0x\(hex(ring.deviceAddress))
                        Alignment \(Int32(bitPattern: ring.alignment))
                        Number of buffers \(Int32(bitPattern: ring.count))
                        Notify ID \(Int32(bitPattern: ring.notifyID))
                        Physical Address 0x\(hex(ring.physicalAddress))


                    """
            }
            return text
        case .vendor, .unknown, .truncated:
            return "Unknown resource type found: \(Int32(bitPattern: type)) [hdr: 00000000]\n"
        }
    }
}
