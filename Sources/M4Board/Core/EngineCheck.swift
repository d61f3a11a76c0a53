// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn

/// What the board relies on and the interface of the system's library does not promise, tried once a process on an engine of its own.
/// The engine of scripts/build-engine is what it was built to be.
enum EngineCheck {
    /// What was found out on the way.
    struct Findings {
        /// `m4_engine.exclusive_offset`.
        let exclusiveOffset: Int
        /// `m4_engine.fp_context_offset`.
        let fpContextOffset: Int
    }
    private static let outcome: Result<Findings, BoardError> = Result { () throws(BoardError) in try check() }

    static func run() throws(BoardError) -> Findings {
        m4_engine_is_own() ? Findings(exclusiveOffset: 0, fpContextOffset: 0) : try outcome.get()
    }

    /// Code at 0: `movs r0, #0; cmp r0, #0; it eq; ldreq r1, [r2]; svc #1; wfi; 0xDEFF; ldrex r1, [r2]; wfi;
    /// vmrs r3, fpscr; wfi`, a literal at 0x800.
    private static let program: [UInt16] = [0x2000, 0x2800, 0xBF08, 0x6811, 0xDF01, 0xBF30, 0xDEFF, 0xE852, 0x1F00, 0xBF30, 0xEEF1, 0x3A10, 0xBF30]

    private static func check() throws(BoardError) -> Findings {
        guard m4_library_version() >> 8 == m4_header_version() >> 8 else {
            throw .wrongEngine(loaded: Engine.libraryVersion, builtFor: Engine.headerVersion)
        }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 4096)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
        let fetched = UnsafeMutablePointer<UInt8>.allocate(capacity: 4)
        fetched.initialize(repeating: 0, count: 4)
        defer { memory.deallocate(); fetched.deallocate() }
        for (i, halfword) in program.enumerated() { memory.storeBytes(of: halfword, toByteOffset: i * 2, as: UInt16.self) }
        memory.storeBytes(of: 0x1234_5678, toByteOffset: 0x800, as: UInt32.self)

        let engine = try Engine()
        let all = UInt32(M4_READ.rawValue | M4_WRITE.rawValue | M4_EXECUTE.rawValue)
        let bytes = memory.assumingMemoryBound(to: UInt8.self)
        try engine.add(m4_region(start: 0, size: 4096, physical: 0, permissions: all, host: bytes, fetched: fetched))
        try engine.add(m4_region(start: 0x3000_0000, size: 4096, physical: 0, permissions: all, host: bytes, fetched: fetched))
        try engine.arm()
        engine.raw.pointee.deadline = .max

        engine.setR(13, 0x400); engine.setR(2, 0x3000_0800)
        try expect(m4_engine_run(engine.raw, 1), M4_STOP_SVC, "an SVC comes back as one")
        try expect(engine.r(1) == 0x1234_5678, "a load through an alias inside an IT block")
        try expect(engine.r(15) == 10 && engine.raw.pointee.cycles == 5, "PC and the instruction count after an SVC")
        try expect(engine.xpsr & 0x0600_FC00 == 0, "no IT state is left after a page fill")
        engine.write(UC_ARM_REG_IPSR, 11)
        engine.setR(13, 0x300)
        engine.write(UC_ARM_REG_IPSR, 0)
        engine.write(UC_ARM_REG_CONTROL, 2)
        engine.setR(13, 0x200)
        engine.write(UC_ARM_REG_CONTROL, 0)
        try expect(engine.r(13) == 0x300 && engine.read(UC_ARM_REG_PSP) == 0x200, "IPSR and CONTROL bank the stack pointer")
        engine.modeChanged()
        try expect(m4_engine_run(engine.raw, 11), M4_STOP_WFI, "a WFI ends a run")
        try expect(engine.r(15) == 12 && engine.raw.pointee.cycles == 6, "PC and the instruction count after a WFI")
        try expect(m4_engine_run(engine.raw, 13), M4_STOP_UNDEFINED, "an undefined instruction is one")
        try expect(engine.r(15) == 12 && engine.raw.pointee.cycles == 6, "an undefined instruction has not retired")
        try expect(engine.control & 4 == 0, "the core is a Cortex-M4")
        engine.setR(2, 0x804)
        try expect(m4_engine_run(engine.raw, 15), M4_STOP_WFI, "a LDREX runs")
        let offset = m4_engine_locate_exclusive(engine.raw, 0x804)
        try expect(offset != 0, "the exclusive monitor is found")
        let context = m4_engine_locate_fp_context(engine.raw)
        try expect(context != 0, "FPCCR is found")
        engine.raw.pointee.fp_context_offset = context
        m4_engine_set_fp_context(engine.raw, false, 0x0340_0000)
        try expect(m4_engine_run(engine.raw, 21), M4_STOP_WFI, "a VMRS runs")
        try expect(engine.control & 4 == 0 && engine.r(3) == 0, "no context of the FPU begins while ASPEN is clear")
        m4_engine_set_fp_context(engine.raw, true, 0x0340_0000)
        try expect(m4_engine_run(engine.raw, 21), M4_STOP_WFI, "a VMRS runs again")
        try expect(engine.control & 4 != 0 && engine.r(3) == 0x0340_0000, "a context of the FPU begins as FPDSCR says")
        return Findings(exclusiveOffset: offset, fpContextOffset: context)
    }

    private static func expect(_ stop: m4_stop, _ wanted: m4_stop, _ what: String) throws(BoardError) {
        guard stop == wanted else { throw .engineCheck("\(what): stop \(stop.rawValue), expected \(wanted.rawValue)") }
    }
    private static func expect(_ holds: Bool, _ what: String) throws(BoardError) {
        guard holds else { throw .engineCheck(what) }
    }
}
