// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import MachineBase
import RTOSThreads

/// The thread that an RTOS has under way, as far as its symbols and well-known structures tell.
struct RunningThread: CustomStringConvertible {
    let system: String
    let thread: RTOSThread
    /// Whether the stack's lowest word still has what the RTOS fills stacks with; nil when it does not fill them, or that is unknown.
    let hasUntouchedEnd: Bool?

    var description: String { "\(system)'s thread \(thread.name.map { "'\($0)'" } ?? "at \(hex32(thread.control)), whose name is not known")" }

    /// Why it is an overflow with this stack pointer, or might be; nil when nothing says so.
    func overflow(_ stackPointer: UInt32) -> String? {
        guard let start = thread.stackStart else { return "where its stack begins is not known, so whether it overflowed is not, either" }
        for pointer in [stackPointer, thread.savedStack ?? stackPointer] where pointer < start && start - pointer < 0x1_0000 {
            return "stack overflow: its stack pointer \(hex32(pointer)) is \(start - pointer) bytes below the beginning of its stack, \(hex32(start))"
        }
        if hasUntouchedEnd == false { return "stack overflow, most likely: its stack from \(hex32(start)) on was used to the last word" }
        return nil
    }

    /// nil without one of the known RTOSes, and before its first thread.
    static func current(_ board: M4Board, _ symbols: FirmwareSymbols) -> RunningThread? {
        guard let (system, thread) = ThreadFinder(board, FirmwareProgram(symbols)).running else { return nil }
        return RunningThread(system: system, thread: thread, hasUntouchedEnd: untouchedEnd(board, system, thread))
    }

    private static func untouchedEnd(_ board: M4Board, _ system: String, _ thread: RTOSThread) -> Bool? {
        guard let start = thread.stackStart, let first = board.memoryWord(at: start) else { return nil }
        switch system {
        case "FreeRTOS":
            // tskSTACK_FILL_BYTE. What was filled has some of it left, unless all was used: a stack that never was has none at all.
            let anyLeft = (0..<64).contains { board.memoryWord(at: start &+ UInt32($0) &* 4) == 0xA5A5_A5A5 }
            return first == 0xA5A5_A5A5 ? true : anyLeft ? false : nil
        case "ThreadX": return first == 0xEFEF_EFEF
        default: return nil
        }
    }
}
