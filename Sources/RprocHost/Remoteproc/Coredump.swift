// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

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
        /// S0 to S31 as bits; none where they are not known.
        public var s: [UInt32]
        public var fpscr: UInt32
        /// The system control space, which begins at 0xE000E000; empty where it is not known. GDB 13 and later ask it (FPCCR, FPCAR) how an
        /// exception's frame with the FPU's registers is laid out, and go no further without.
        public var controlSpace: [UInt8]
        public init(r: [UInt32], xpsr: UInt32, signal: UInt16 = 6, s: [UInt32] = [], fpscr: UInt32 = 0, controlSpace: [UInt8] = []) {
            self.r = r; self.xpsr = xpsr; self.signal = signal; self.s = s; self.fpscr = fpscr; self.controlSpace = controlSpace
        }
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
    /// - Parameter more: makes it an Arm core with the system control space and the notes NT_PRSTATUS, NT_ARM_VFP and NT_GDB_TDESC behind the
    ///   kernel's program headers.
    public func coredumpImage(_ more: CoredumpExtension? = nil) -> [UInt8] {
        CoredumpFormat.image(entry: bootAddress, coredumpSegments.map { ($0.device, bytes(of: $0, more)) }, isExtended: more != nil, registers: more?.registers)
    }

    /// Bytes of the kernel's image.
    private var coredumpSize: Int { coredumpSegments.reduce(52) { $0 + 32 + Int($1.size) } }

    private var coredumpSegments: [Segment] {
        var segments: [Segment] = []
        for carveout in carveoutList.all {
            if case .region = carveout.origin {
                segments.append(Segment(device: carveout.deviceAddress.value, physical: carveout.physicalAddress, size: carveout.length))
            }
        }
        for trace in resources.traces where !segments.contains(where: { $0.device == trace.deviceAddress }) {
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
                return try kernel.onBus("core dump") { () throws(BusError) in try kernel.bus.readBytes(physical, count: Int(segment.size)) }
            } catch {}
        }
        kernel.error("invalid copy request for segment \(hex32(segment.device)) with offset 0 and size \(segment.size))")
        return [UInt8](repeating: 0xFF, count: Int(segment.size))
    }

    /// The recovery's coredump step: `enabled` copies and goes on, `inline` waits for its reader.
    /// - Returns: whether the recovery has to wait for `freeCoredump()`.
    func takeCoredump() -> Bool {
        guard coredump != .disabled, carveoutList.all.contains(where: { if case .region = $0.origin { true } else { false } }) else { return false }
        events.publish(.coredumpDue)
        guard let coredumpTaken else {
            // Nobody reads: devcoredump throws it away after five minutes, for which only an inline dump keeps the recovery waiting.
            if coredump == .inline { if readsCoredumpWhenDue { noteInlineRead(upTo: coredumpSize) } else { kernel.letPass(configuration.timing.coredumpTimeout) } }
            return false
        }
        let image = coredumpImage(), use = coredumpTaken(image)
        guard coredump == .inline else { return false }
        if use == .read { noteInlineRead(upTo: image.count) }
        return use == .kept
    }

    /// A read of an inline dump has come to its end, at `offset`.
    public func noteInlineRead(upTo offset: Int) { kernel.info("Ramdump done, \(offset) bytes read") }

    /// An inline dump is gone, as by a write to its `data`: the recovery that waits for that goes on as soon as time does.
    public func freeCoredump() {
        if work.waitsForCoredump { work.schedule(.restOfRecovery, at: kernel.now) }
    }
}
