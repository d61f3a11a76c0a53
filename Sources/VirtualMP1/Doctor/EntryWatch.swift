// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import M4Board
import MachineBase

/// Which functions of interest were called, when, and from where: breakpoints that nobody else sees.
///
/// At a function's first instruction LR is its caller, for certain. Each function is watched until its first call, and those that firmware
/// ends in, or begins rpmsg with, until they have returned, too.
final class EntryWatch {
    struct Entry {
        var function: String
        var time: VirtualTime
        var registers: CoreRegisters
        /// Of the RTOS that was under way; nil in a handler, and before the first thread.
        var thread: RunningThread?
        /// Where it returns to.
        var returnAddress: UInt32 { registers.r[14] }
        /// The exception that it is the handler of, or that a handler's last jump has left to it: its end is the exception's.
        var handles: ExceptionNumber? { registers.r[14] >= 0xFF00_0000 && registers.exception.value != 0 ? registers.exception : nil }
    }

    /// Where rpmsg begins: OpenAMP as ST's projects call it, open-amp itself, rpmsg-lite.
    static let starts = ["MX_OPENAMP_Init", "OPENAMP_Init", "rpmsg_init_vdev", "rpmsg_lite_remote_init"]
    /// What makes an endpoint.
    static let endpoints = ["OPENAMP_create_endpoint", "VIRT_UART_Init", "rpmsg_create_ept", "rpmsg_lite_create_ept"]
    /// What firmware calls when it cannot go on: HAL's, newlib's, FreeRTOS', Zephyr's, ThreadX'.
    static let ends = [
        "Error_Handler", "_Error_Handler", "assert_failed", "__assert_func", "vAssertCalled", "vApplicationStackOverflowHook",
        "vApplicationMallocFailedHook", "z_fatal_error", "z_arm_fatal_error", "k_sys_fatal_error_handler", "arch_system_halt",
        "abort", "__stack_chk_fail", "panic", "_exit",
    ]
    private static let watched = ["main"] + starts + endpoints + ends

    private let board: M4Board
    private let symbols: FirmwareSymbols
    private var armed: [(address: UInt32, function: String)] = []
    /// Functions that may return: where to, with the stack pointer as it was at their entry.
    private var returns: [(address: UInt32, stack: UInt32, function: String, entry: UInt32)] = []
    private var calls: [Entry] = []
    /// When main came back.
    private(set) var mainReturned: VirtualTime?
    /// Those of `starts` that came back.
    private var completed: Set<String> = []
    /// Functions that return are watched again, so often, and those that are handlers of exceptions as well.
    private var patience = 16, handlerPatience = 16

    init(_ board: M4Board, _ symbols: FirmwareSymbols) {
        self.board = board; self.symbols = symbols
        armed = Array(symbols.functions(Self.watched).prefix(32))
        arm()
    }

    /// Its first call; of a function of `ends` the last one, while it has not returned.
    func entry(_ function: String) -> Entry? { calls.first { $0.function == function } }
    /// Whether this one of `starts` has come back from its first call.
    func hasReturned(_ function: String) -> Bool { completed.contains(function) }
    /// The function of `ends` that was called first and has not come back.
    func end() -> Entry? {
        // Of a handler's, the exception has to be under way still.
        let under = board.handlersUnderWay()
        return calls.first { entry in
            Self.ends.contains(entry.function) && (entry.handles.map { number in under.contains { $0.number == number && $0.since <= entry.time } } ?? true)
        }
    }
    /// The first of these that was called.
    func first(of functions: [String]) -> Entry? { calls.first { functions.contains($0.function) } }

    /// A breakpoint was hit.
    /// - Returns: whether it was one of these.
    func hit(_ report: HaltReport, at time: VirtualTime) -> Bool {
        guard case .breakpoint = report.cause else { return false }
        var isMine = false
        // A return may be an entry, too.
        for index in returns.indices.reversed() where returns[index].address == report.pc {
            isMine = true
            guard report.registers.r[13] >= returns[index].stack else { continue }
            let back = returns.remove(at: index)
            if back.function == "main" {
                mainReturned = time
                continue
            }
            if Self.starts.contains(back.function) {
                completed.insert(back.function)
                continue
            }
            calls.removeAll { $0.function == back.function }
            if patience > 0 { armed.append((back.entry, back.function)) }
            patience -= 1
        }
        if let index = armed.firstIndex(where: { $0.address == report.pc }) {
            isMine = true
            let (address, function) = armed.remove(at: index)
            let isThread = report.registers.exception.value == 0 && report.registers.control & 2 != 0
            let entry = Entry(
                function: function, time: time, registers: report.registers, thread: isThread ? RunningThread.current(board, symbols) : nil)
            if entry.handles != nil, Self.ends.contains(function) {
                // The latest counts: where it returns to is no instruction.
                calls.removeAll { $0.function == function && $0.handles != nil }
                if handlerPatience > 0 { armed.append((address, function)) }
                handlerPatience -= 1
            }
            calls.append(entry)
            // A thread's main may return: others go on.
            let mayReturn = function == "main" && !isThread || Self.ends.contains(function) || Self.starts.contains(function)
            if mayReturn, board.call(returningTo: entry.returnAddress) != nil {
                returns.append((entry.returnAddress & ~1, entry.registers.r[13], function, address))
            }
        }
        if isMine { arm() }
        return isMine
    }

    private func arm() {
        let addresses = Set(armed.map(\.address) + returns.map(\.address))
        do throws(BoardError) { try board.core.setBreakpoints(addresses.sorted()) } catch {}
    }
}
