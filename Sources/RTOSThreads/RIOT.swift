// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// RIOT: a table of threads by their numbers. Source: RIOT, core/include/thread.h, sched.h, core/sched.c.
struct RIOT: RTOS {
    private let program: any RTOSProgram
    private let table: (address: UInt32, size: UInt32)
    private let activeNumber: UInt32

    let name = "RIOT"

    init?(_ program: some RTOSProgram) {
        guard let table = program.symbol("sched_threads"), let active = program.address("sched_active_pid") else { return nil }
        self.program = program
        self.table = table
        activeNumber = active
    }

    /// `thread_t` begins so in all builds; each thread's number is checked.
    private var status: UInt32 { program.offset("status", of: "_thread") ?? 4 }
    private var priority: UInt32 { program.offset("priority", of: "_thread") ?? 5 }
    private var number: UInt32 { program.offset("pid", of: "_thread") ?? 6 }
    private var stackStart: UInt32? { program.offset("stack_start", of: "_thread") }
    private func nameOffset(_ memory: some RTOSMemory) -> UInt32? {
        // Of builds with DEVELHELP, which say so.
        program.offset("name", of: "_thread") ?? program.address("_tcb_name_offset").flatMap { memory.byte($0) }.map(UInt32.init)
    }

    func list(_ memory: some RTOSMemory) -> ThreadList {
        guard let active = memory.halfword(activeNumber).map({ Int16(bitPattern: $0) }), active > 0 else {
            return ThreadList(system: "RIOT", remark: "RIOT's scheduler has not started, or runs no thread at this moment")
        }
        let size = program.address("max_threads").flatMap { memory.byte($0) }.map(Int.init) ?? Int(table.size / 4)
        guard let slots = memory.words(table.address, min(max(1, size), mostThreads)), Int(active) < slots.count else {
            return ThreadList(system: "RIOT", remark: "RIOT's table of threads is not set up")
        }
        let nameOffset = nameOffset(memory)
        // While nothing is to run, the scheduler waits in PendSV's handler on the last thread's behalf, which is not switched out yet.
        let running = memory.byte(slots[Int(active)] &+ status).flatMap { 9...11 ~= $0 ? $0 : nil }
        var list = ThreadList(system: "RIOT")
        for (place, control) in slots.enumerated() where control != 0 {
            guard control & 3 == 0, let own = memory.halfword(control &+ number), own == UInt16(place), let word = memory.byte(control &+ status) else {
                list.remark = "not all of RIOT's threads are shown: `thread_t` is not laid out as usual, or the table is not set up"
                continue
            }
            let (state, detail) = place == Int(active) && running != nil ? (.running, "") : Self.state(word, running: running)
            list.threads.append(
                RTOSThread(
                    control: control, name: nameOffset.flatMap { memory.word(control &+ $0) }.flatMap { memory.text($0, limit: 64) } ?? "thread \(place)", state: state,
                    detail: detail, priority: memory.byte(control &+ priority).map(Int.init), stackStart: stackStart.flatMap { memory.word(control &+ $0) },
                    savedStack: memory.word(control)))
        }
        list.current = list.threads.contains { $0.control == slots[Int(active)] } ? slots[Int(active)] : nil
        if list.current == nil { return ThreadList(system: "RIOT", remark: list.remark ?? "RIOT's table of threads is not set up") }
        if SwitchCode.pushes(memory, program, handlers: ["isr_pendsv"]) == nil { list.remark = "registers of threads that are switched out are not known: isr_pendsv saves them in another way" }
        return list
    }

    func running(_ memory: some RTOSMemory) -> RTOSThread? {
        let list = list(memory)
        return list.threads.first { $0.control == list.current }
    }

    func context(_ memory: some RTOSMemory, of thread: RTOSThread) -> ThreadContext? {
        guard let stack = thread.savedStack, let pushes = SwitchCode.pushes(memory, program, handlers: ["isr_pendsv"]) else { return nil }
        return SwitchCode.context(memory, stack: stack, pushes)
    }

    /// States have other numbers in other versions. The running thread's tells which they are: "running" and "pending" are the last in all.
    private static func state(_ word: UInt8, running: UInt8?) -> (RTOSThread.State, String) {
        guard let running else { return (.unknown, "state \(word)") }
        if word == running &+ 1 || word == running { return (.ready, "") }
        var names: [(RTOSThread.State, String)] = [
            (.terminated, ""), (.terminated, "a zombie"), (.sleeping, ""), (.blocked, "mutex"), (.blocked, "receive"), (.blocked, "send"), (.blocked, "reply"),
            (.blocked, "any flag"), (.blocked, "all flags"), (.blocked, "mbox"), (.blocked, "condition"),
        ]
        switch running {
        case 11: break
        case 10: names.removeLast()
        case 9:
            names.removeLast()
            names.remove(at: 1)
        default: return (.unknown, "state \(word)")
        }
        return names.indices.contains(Int(word)) ? names[Int(word)] : (.unknown, "state \(word)")
    }
}
