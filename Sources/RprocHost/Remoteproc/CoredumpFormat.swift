// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase

/// A core dump as a file: the kernel's, or one with registers that GDB reads.
public enum CoredumpFormat {
    /// - Parameters:
    ///   - entry: the boot address.
    ///   - segments: bytes by their device addresses.
    ///   - isExtended: an Arm core; else the kernel's, of no machine.
    ///   - registers: makes notes of them, behind the segments.
    /// - Returns: an ELF32 core; nothing without segments.
    public static func image(entry: UInt32, _ segments: [(device: UInt32, bytes: [UInt8])], isExtended: Bool, registers: CoredumpExtension.Registers?) -> [UInt8] {
        guard !segments.isEmpty else { return [] }
        let note = registers.map { notes($0) } ?? []
        let control = registers?.controlSpace ?? []
        let headers = segments.count + (note.isEmpty ? 0 : 1) + (control.isEmpty ? 0 : 1)

        var out: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 1, 1, 1] + [UInt8](repeating: 0, count: 9)
        // ET_CORE; EM_NONE, which stm32_rproc does not change, or EM_ARM.
        for half in [UInt16(4), isExtended ? 40 : 0] { out.appendLittleEndian(half) }
        for word in [UInt32(1), entry, 52, 0, 0] { out.appendLittleEndian(word) }
        for half in [UInt16(52), 32, UInt16(truncatingIfNeeded: headers), 0, 0, 0] { out.appendLittleEndian(half) }
        var offset = UInt32(truncatingIfNeeded: 52 + 32 * headers)
        for segment in segments {
            let size = UInt32(truncatingIfNeeded: segment.bytes.count)
            for word in [1, offset, segment.device, segment.device, size, size, 7, 0] { out.appendLittleEndian(word) }
            offset = offset &+ size
        }
        if !control.isEmpty {
            let size = UInt32(truncatingIfNeeded: control.count)
            // Read-only: a look at registers.
            for word in [1, offset, controlSpaceStart, controlSpaceStart, size, size, 4, 0] { out.appendLittleEndian(word) }
            offset = offset &+ size
        }
        if !note.isEmpty {
            let size = UInt32(truncatingIfNeeded: note.count)
            for word in [4, offset, 0, 0, size, 0, 0, 4] { out.appendLittleEndian(word) }
        }
        for segment in segments { out += segment.bytes }
        return out + control + note
    }
    private static let controlSpaceStart: UInt32 = 0xE000_E000

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
}
