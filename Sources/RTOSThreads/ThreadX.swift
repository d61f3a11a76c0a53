// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// ThreadX: the thread that runs, and no others. Source: Eclipse ThreadX, common/inc/tx_api.h.
struct ThreadX: RTOS {
    private let currentPointer: UInt32

    let name = "ThreadX"

    init?(_ program: some RTOSProgram) {
        guard let pointer = program.address("_tx_thread_current_ptr") else { return nil }
        currentPointer = pointer
    }

    /// `TX_THREAD_STRUCT`: id, run count, stack pointer, stack start; the name behind six more words.
    func list(_ memory: some RTOSMemory) -> ThreadList {
        guard let control = memory.word(currentPointer), control != 0, control & 3 == 0 else {
            return ThreadList(system: "ThreadX", remark: "ThreadX runs no thread at this moment")
        }
        var thread = RTOSThread(control: control, name: nil, state: .running)
        let remark = "ThreadX: only the thread that runs is shown"
        // TX_THREAD_ID
        guard memory.word(control) == 0x5448_5244 else { return ThreadList(system: "ThreadX", threads: [thread], current: control, remark: remark) }
        thread.savedStack = memory.word(control &+ 8)
        thread.stackStart = memory.word(control &+ 12)
        thread.name = memory.word(control &+ 40).flatMap { memory.text($0, limit: 32) }
        return ThreadList(system: "ThreadX", threads: [thread], current: control, remark: remark)
    }

    func running(_ memory: some RTOSMemory) -> RTOSThread? { list(memory).threads.first }

    func context(_ memory: some RTOSMemory, of thread: RTOSThread) -> ThreadContext? { nil }
}
