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
        let segments = coredumpSegments
        guard !segments.isEmpty else { return [] }
        let note = more?.registers.map { Self.notes($0) } ?? []
        let control = more?.registers?.controlSpace ?? []
        let headers = segments.count + (note.isEmpty ? 0 : 1) + (control.isEmpty ? 0 : 1)

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
        if !control.isEmpty {
            let size = UInt32(truncatingIfNeeded: control.count)
            // Read-only: a look at registers.
            for word in [1, offset, Self.controlSpaceStart, Self.controlSpaceStart, size, size, 4, 0] { out.appendLittleEndian(word) }
            offset = offset &+ size
        }
        if !note.isEmpty {
            let size = UInt32(truncatingIfNeeded: note.count)
            for word in [4, offset, 0, 0, size, 0, 0, 4] { out.appendLittleEndian(word) }
        }
        for segment in segments { out += bytes(of: segment, more) }
        return out + control + note
    }
    private static let controlSpaceStart: UInt32 = 0xE000_E000

    /// Bytes of the kernel's image.
    private var coredumpSize: Int { coredumpSegments.reduce(52) { $0 + 32 + Int($1.size) } }

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
    private static func status(_ registers: CoredumpExtension.Registers) -> [UInt8] {
        var out: [UInt8] = []
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

    /// `struct user_vfp` of 32-bit Arm: D0 to D31, of which an M4 has 16, and FPSCR.
    private static func floatingPoint(_ registers: CoredumpExtension.Registers) -> [UInt8] {
        var out: [UInt8] = []
        for index in 0..<64 { out.appendLittleEndian(index < registers.s.count ? registers.s[index] : 0) }
        out.appendLittleEndian(registers.fpscr)
        return out
    }

    /// Tells GDB 12 and later that this is an M-profile core, and one with an FPU; without it GDB reads no register of the FPU from
    /// the core, whatever the ELF file says. Source: GDB's manual, "ARM Features".
    private static func targetDescription(hasFPU: Bool) -> [UInt8] {
        var text = "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\"><architecture>arm</architecture>"
        text += "<feature name=\"org.gnu.gdb.arm.m-profile\">"
        for index in 0..<13 { text += "<reg name=\"r\(index)\" bitsize=\"32\"/>" }
        text += "<reg name=\"sp\" bitsize=\"32\" type=\"data_ptr\"/><reg name=\"lr\" bitsize=\"32\"/>"
        text += "<reg name=\"pc\" bitsize=\"32\" type=\"code_ptr\"/><reg name=\"xpsr\" bitsize=\"32\" regnum=\"25\"/></feature>"
        if hasFPU {
            text += "<feature name=\"org.gnu.gdb.arm.vfp\">"
            for index in 0..<16 { text += "<reg name=\"d\(index)\" bitsize=\"64\" type=\"ieee_double\"/>" }
            text += "<reg name=\"fpscr\" bitsize=\"32\" type=\"int\" group=\"float\"/></feature>"
        }
        return Array(text.utf8) + Array("</target>".utf8) + [0]
    }

    /// NT_PRSTATUS, NT_ARM_VFP and NT_GDB_TDESC: what GDB reads of a core.
    private static func notes(_ registers: CoredumpExtension.Registers) -> [UInt8] {
        var out: [UInt8] = []
        func pad() { while out.count % 4 != 0 { out.append(0) } }
        let hasFPU = !registers.s.isEmpty
        var notes = [("CORE", UInt32(1), status(registers))]
        if hasFPU { notes.append(("LINUX", 0x400, floatingPoint(registers))) }
        notes.append(("GDB", 0xFF00_0000, targetDescription(hasFPU: hasFPU)))
        for (owner, type, content) in notes {
            for word in [UInt32(owner.utf8.count + 1), UInt32(content.count), type] { out.appendLittleEndian(word) }
            out += Array(owner.utf8) + [0]
            pad()
            out += content
            pad()
        }
        return out
    }

    /// The recovery's coredump step: `enabled` copies and goes on, `inline` waits for its reader.
    /// - Returns: whether the recovery has to wait for `freeCoredump()`.
    func takeCoredump() -> Bool {
        guard coredump != .disabled, carveouts.contains(where: { if case .region = $0.origin { true } else { false } }) else { return false }
        coredumpDue?()
        guard coredumpTaken != nil || inlineCoredump != nil else {
            // Nobody reads: devcoredump throws it away after five minutes, for which only an inline dump keeps the recovery waiting.
            if coredump == .inline { if coredumpDue == nil { letPass(configuration.timing.coredumpTimeout) } else { noteInlineRead(upTo: coredumpSize) } }
            return false
        }
        let image = coredumpImage()
        coredumpTaken?(image)
        guard coredump == .inline else { return false }
        if let inlineCoredump { return inlineCoredump(image) }
        noteInlineRead(upTo: image.count)
        return false
    }

    /// A read of an inline dump has come to its end, at `offset`.
    public func noteInlineRead(upTo offset: Int) { info("Ramdump done, \(offset) bytes read") }

    /// An inline dump is gone, as by a write to its `data`: the recovery that waits for that goes on as soon as time does.
    public func freeCoredump() {
        guard waitsForCoredump else { return }
        work.queue(.restOfRecovery, at: platform.now)
        arrangeWork()
    }
}
