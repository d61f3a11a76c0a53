// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import RTOSThreads
import VirtualMP1

/// The threads of the firmware's RTOS as a client of the debugger has them: numbered, with registers of their own while they are switched out.
final class MachineThreads {
    private let board: M4Board
    private let finder: ThreadFinder<M4Board>
    /// Numbers by control block: a thread keeps its own for as long as the server lives. 1 is the core, where no thread is known.
    private var numbers: [UInt32: UInt32] = [:]
    private var controls: [UInt32: UInt32] = [:]
    private var next: UInt32 = 2
    private var found: DebugThreads?

    init(_ board: M4Board, _ program: some RTOSProgram) {
        self.board = board
        finder = ThreadFinder(board, program)
    }

    /// The core has run, or memory has been written.
    func forget() {
        finder.forget()
        found = nil
    }

    /// Why not all threads are shown, for a person; nil where nothing is missing.
    var remark: String? { finder.list.remark }

    var threads: DebugThreads {
        if let found { return found }
        let list = finder.list
        var threads = DebugThreads.one
        if let current = list.current, !list.threads.isEmpty {
            threads = DebugThreads(
                list.threads.map { DebugThread(number(of: $0.control), name: $0.name ?? "thread", detail: $0.summary) }, current: number(of: current))
        }
        found = threads
        return threads
    }

    private func number(of control: UInt32) -> UInt32 {
        if let known = numbers[control] { return known }
        // Firmware that makes threads for ever: old numbers go.
        if numbers.count > 65536 { (numbers, controls) = ([:], [:]) }
        let number = next
        next = next == .max ? 2 : next + 1
        numbers[control] = number
        controls[number] = control
        return number
    }

    /// nil where it is not known. Of the current thread the core's own.
    func register(_ register: DebugRegister, of thread: UInt32) -> UInt64? {
        if thread == threads.current { return board.register(register) }
        guard let control = controls[thread], let context = finder.context(of: control) else { return nil }
        switch register {
        case .r(let n): return context.r.indices.contains(n) ? context.r[n].map(UInt64.init) : nil
        case .xpsr: return UInt64(context.xpsr)
        case .psp: return context.r[13].map(UInt64.init)
        case .msp: return board.register(.msp)
        case .d(let n):
            guard 0..<16 ~= n, let low = context.s[2 * n], let high = context.s[2 * n + 1] else { return nil }
            return UInt64(high) << 32 | UInt64(low)
        case .fpscr: return context.fpscr.map(UInt64.init)
        // They are the core's, and what they will be when the thread goes on is the RTOS' to say.
        case .primask, .basepri, .faultmask, .control: return nil
        }
    }
}
