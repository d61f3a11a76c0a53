import MachineBase

/// What a core dump can hold beyond the kernel's, so that a debugger has more to show.
public struct CoredumpExtension {
    /// The core at the moment of the crash, as GDB's `arm-none` target has them in an NT_PRSTATUS note.
    public struct Registers: Equatable, Sendable {
        /// R0 to R15.
        public var r: [UInt32]
        public var xpsr: UInt32
        /// POSIX's number of what GDB calls the program's end: 11 for a bad access, 6 when none fits.
        public var signal: UInt16
        public init(r: [UInt32], xpsr: UInt32, signal: UInt16 = 6) { self.r = r; self.xpsr = xpsr; self.signal = signal }
    }
    public var registers: Registers?
    /// Reads memory past the firewall; nil for what Linux itself reads.
    public var read: ((PhysicalAddress, _ count: Int) -> [UInt8]?)?
    public init(registers: Registers? = nil, read: ((PhysicalAddress, _ count: Int) -> [UInt8]?)? = nil) {
        self.registers = registers; self.read = read
    }
}

extension RemoteProcessor {
    private struct Segment {
        var device: UInt32
        var physical: PhysicalAddress?
        var size: UInt32
    }

    /// The core dump that the kernel offers in /sys/class/devcoredump: an ELF32 core with one PT_LOAD a segment and no notes.
    ///
    /// Segments are the mapped memory regions, then trace buffers that do not begin at one. What the bus refuses is 0xFF,
    /// as the kernel fills what it cannot map. Source: Linux `remoteproc_coredump.c`.
    ///
    /// - Parameter more: makes it an Arm core with an NT_PRSTATUS note behind the kernel's program headers.
    public func coredumpImage(_ more: CoredumpExtension? = nil) -> [UInt8] {
        let segments = coredumpSegments
        guard !segments.isEmpty else { return [] }
        let note = more?.registers.map { Self.statusNote($0) } ?? []
        let headers = segments.count + (note.isEmpty ? 0 : 1)

        var out: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
        // ET_CORE; EM_NONE, which stm32_rproc does not change, or EM_ARM.
        for half in [UInt16(4), more == nil ? 0 : 40] { out.appendLittleEndian(half) }
        for word in [UInt32(1), bootAddress, 52, 0, 0] { out.appendLittleEndian(word) }
        for half in [UInt16(52), 32, UInt16(truncatingIfNeeded: headers), 0, 0, 0] { out.appendLittleEndian(half) }
        var offset = UInt32(truncatingIfNeeded: 52 + 32 * headers)
        for segment in segments {
            for word in [1, offset, segment.device, segment.device, segment.size, segment.size, 7, 0] { out.appendLittleEndian(word) }
            offset = offset &+ segment.size
        }
        if !note.isEmpty {
            let size = UInt32(truncatingIfNeeded: note.count)
            for word in [4, offset, 0, 0, size, 0, 0, 4] { out.appendLittleEndian(word) }
        }
        for segment in segments { out += bytes(of: segment, more) }
        return out + note
    }

    private var coredumpSegments: [Segment] {
        var segments: [Segment] = []
        for carveout in carveouts {
            if case .region = carveout.origin {
                segments.append(Segment(device: carveout.deviceAddress.value, physical: carveout.physicalAddress, size: carveout.length))
            }
        }
        for trace in traces where !segments.contains(where: { $0.device == trace.deviceAddress }) {
            // A trace that no region holds has no bytes to copy; its length is the firmware's word.
            let physical = physicalAddress(DeviceAddress(trace.deviceAddress), count: UInt64(trace.length))
            if physical != nil { segments.append(Segment(device: trace.deviceAddress, physical: physical, size: trace.length)) }
        }
        return segments
    }

    private func bytes(of segment: Segment, _ more: CoredumpExtension?) -> [UInt8] {
        if let physical = segment.physical {
            if let read = more?.read, let bytes = read(physical, Int(segment.size)), bytes.count == Int(segment.size) { return bytes }
            do throws(Errno) {
                return try onBus("core dump") { () throws(BusError) in try bus.readBytes(physical, count: Int(segment.size)) }
            } catch {}
        }
        error("invalid copy request for segment \(hex32(segment.device)) with offset 0 and size \(segment.size))")
        return [UInt8](repeating: 0xFF, count: Int(segment.size))
    }

    /// `struct elf_prstatus` of 32-bit Arm, 148 bytes: of it the signal, a process number, and the registers are filled in.
    private static func statusNote(_ registers: CoredumpExtension.Registers) -> [UInt8] {
        var out: [UInt8] = []
        // namesz, descsz, NT_PRSTATUS, "CORE"
        for word in [UInt32(5), 148, 1] { out.appendLittleEndian(word) }
        out += Array("CORE".utf8) + [0, 0, 0, 0]
        for word in [UInt32(registers.signal), 0, 0] { out.appendLittleEndian(word) }
        for half in [registers.signal, 0] { out.appendLittleEndian(half) }
        // Pending and held signals; process 1, its parent, group and session.
        for word in [UInt32(0), 0, 1, 0, 0, 0] { out.appendLittleEndian(word) }
        out += [UInt8](repeating: 0, count: 32)
        for index in 0..<16 { out.appendLittleEndian(index < registers.r.count ? registers.r[index] : 0) }
        // CPSR's place, ORIG_r0, and whether floating-point registers follow.
        for word in [registers.xpsr, 0, 0] { out.appendLittleEndian(word) }
        return out
    }

    /// The recovery's coredump step: `enabled` copies and goes on, `inline` waits for its reader.
    func takeCoredump() {
        guard coredump != .disabled, carveouts.contains(where: { if case .region = $0.origin { true } else { false } }) else { return }
        guard let coredumpTaken else {
            // Nobody reads: devcoredump throws it away after five minutes, for which only an inline dump keeps the recovery waiting.
            if coredump == .inline { letPass(configuration.timing.coredumpTimeout) }
            return
        }
        let image = coredumpImage(coredumpExtension?())
        coredumpTaken(image)
        if coredump == .inline { info("Ramdump done, \(image.count) bytes read") }
    }
}
