// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase

/// The thread that an RTOS has under way, as far as its symbols and well-known structures tell.
struct RTOSThread: CustomStringConvertible {
    var system: String
    /// nil when it is not where the structure has it.
    var name: String?
    var control: UInt32
    /// Of its stack; nil when unknown.
    var stackStart: UInt32?
    /// Stack pointer at the last switch.
    var savedStack: UInt32?
    /// Whether the stack's lowest word still has what the RTOS fills stacks with; nil when it does not fill them, or that is unknown.
    var hasUntouchedEnd: Bool?

    var description: String { "\(system)'s thread \(name.map { "'\($0)'" } ?? "at \(hex32(control)), whose name is not known")" }

    /// Why it is an overflow with this stack pointer, or might be; nil when nothing says so.
    func overflow(_ stackPointer: UInt32) -> String? {
        guard let start = stackStart else { return "where its stack begins is not known, so whether it overflowed is not, either" }
        for pointer in [stackPointer, savedStack ?? stackPointer] where pointer < start && start - pointer < 0x1_0000 {
            return "stack overflow: its stack pointer \(hex32(pointer)) is \(start - pointer) bytes below the beginning of its stack, \(hex32(start))"
        }
        if hasUntouchedEnd == false { return "stack overflow, most likely: its stack from \(hex32(start)) on was used to the last word" }
        return nil
    }

    /// nil without one of the known RTOSes, and before its first thread.
    static func current(_ board: M4Board, _ symbols: FirmwareSymbols) -> RTOSThread? {
        freeRTOS(board, symbols) ?? threadX(board, symbols) ?? zephyr(board, symbols)
    }

    private static func word(_ board: M4Board, _ address: UInt32) -> UInt32? { board.memoryWord(at: address) }

    /// Printable, up to a NUL.
    private static func text(_ board: M4Board, _ address: UInt32, _ limit: UInt32) -> String? {
        let found = MemoryText(board, at: address, limit: limit)
        return found.isWhole && !found.text.isEmpty ? found.text : nil
    }

    /// `tskTCB` without the MPU wrappers: pxTopOfStack, two list items of 20 bytes, priority, pxStack, the name.
    private static func freeRTOS(_ board: M4Board, _ symbols: FirmwareSymbols) -> RTOSThread? {
        guard let pointer = symbols["pxCurrentTCB"]?.address ?? symbols["pxCurrentTCBs"]?.address, let control = word(board, pointer), control != 0 else { return nil }
        var thread = RTOSThread(system: "FreeRTOS", control: control)
        thread.savedStack = word(board, control)
        // Without a name the structure is another than this.
        guard let name = text(board, control &+ 52, 16), let start = word(board, control &+ 48) else { return thread }
        thread.name = name
        thread.stackStart = start
        // tskSTACK_FILL_BYTE. What was filled has some of it left, unless all was used: a stack that never was has none at all.
        if let first = word(board, start) {
            let anyLeft = (0..<64).contains { word(board, start &+ UInt32($0) &* 4) == 0xA5A5_A5A5 }
            thread.hasUntouchedEnd = first == 0xA5A5_A5A5 ? true : anyLeft ? false : nil
        }
        return thread
    }

    /// `TX_THREAD_STRUCT`: id, run count, stack pointer, stack start; the name behind eight more words.
    private static func threadX(_ board: M4Board, _ symbols: FirmwareSymbols) -> RTOSThread? {
        guard let pointer = symbols["_tx_thread_current_ptr"]?.address, let control = word(board, pointer), control != 0 else { return nil }
        var thread = RTOSThread(system: "ThreadX", control: control)
        guard word(board, control) == 0x5448_5244 else { return thread }
        thread.savedStack = word(board, control &+ 8)
        thread.stackStart = word(board, control &+ 12)
        if let name = word(board, control &+ 40) { thread.name = text(board, name, 32) }
        if let start = thread.stackStart, let first = word(board, start) { thread.hasUntouchedEnd = first == 0xEFEF_EFEF }
        return thread
    }

    /// `_kernel.cpus[0].current`, behind `nested` and `irq_stack`. Where a thread keeps its stack's bounds and name depends on the build's
    /// configuration; threads that are made at compile time have a symbol.
    private static func zephyr(_ board: M4Board, _ symbols: FirmwareSymbols) -> RTOSThread? {
        guard let kernel = symbols["_kernel"]?.address, symbols["z_arm_pendsv"] != nil, let control = word(board, kernel &+ 8), control != 0 else { return nil }
        var thread = RTOSThread(system: "Zephyr", control: control)
        if let object = symbols.object(at: control) {
            thread.name = object.hasPrefix("_k_thread_obj_") ? String(object.dropFirst("_k_thread_obj_".count)) : object
        }
        return thread
    }
}
