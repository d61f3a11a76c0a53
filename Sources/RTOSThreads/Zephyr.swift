// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// Zephyr: a list of all threads, in builds with CONFIG_THREAD_MONITOR. Where things lie is in a table of the firmware's (CONFIG_DEBUG_THREAD_INFO), or
/// in its debug information. Source: Zephyr, subsys/debug/thread_info.c, include/zephyr/kernel_structs.h, arch/arm/core/cortex_m/swap_helper.S.
struct Zephyr: RTOS {
    private struct Layout {
        /// From `_kernel`.
        var current: UInt32, threads: UInt32
        /// From a thread.
        var next: UInt32, state: UInt32, priority: UInt32, processStack: UInt32
        var name: UInt32?, nameSize: UInt32 = 64
        /// S16 to S31, and the low byte of EXC_RETURN.
        var highFPU: UInt32?, exceptionReturn: UInt32?
        var stackStart: UInt32?
    }
    private let program: any RTOSProgram
    private let kernel: UInt32

    let name = "Zephyr"

    init?(_ program: some RTOSProgram) {
        guard let kernel = program.address("_kernel"), program.symbol("z_arm_pendsv") != nil else { return nil }
        self.program = program
        self.kernel = kernel
    }

    private static let absent = UInt32.max

    private func layout(_ memory: some RTOSMemory) -> Layout? { table(memory) ?? told() }

    /// `_kernel_thread_info_offsets`, version 1.
    private func table(_ memory: some RTOSMemory) -> Layout? {
        guard let symbol = program.symbol("_kernel_thread_info_offsets") else { return nil }
        let told = program.address("_kernel_thread_info_num_offsets").flatMap { memory.word($0) } ?? symbol.size / 4
        guard 9...64 ~= told, let offsets = memory.words(symbol.address, Int(told)), offsets[0] <= 1 else { return nil }
        func offset(_ index: Int) -> UInt32? { index < offsets.count && offsets[index] != Self.absent ? offsets[index] : nil }
        guard let current = offset(1), let threads = offset(2), let next = offset(4), let state = offset(5), let priority = offset(7), let stack = offset(8) else { return nil }
        var layout = Layout(current: current, threads: threads, next: next, state: state, priority: priority, processStack: stack)
        layout.name = offset(9)
        if let arch = offset(10), let high = offset(11) {
            layout.highFPU = arch &+ high
            // Behind them where the debug information does not say it: the word whose second byte it is.
            layout.exceptionReturn = (program.offset("mode", of: "_thread_arch").map { arch &+ $0 } ?? arch &+ high &+ 64) &+ 1
        }
        complete(&layout)
        return layout
    }

    private func told() -> Layout? {
        let kernel = "z_kernel", thread = "k_thread", base = "_thread_base"
        guard let current = program.offset("current", of: "_cpu"), let threads = program.offset("threads", of: kernel),
            let next = program.offset("next_thread", of: thread), let state = program.offset("thread_state", of: base),
            let priority = program.offset("prio", of: base), let saved = program.offset("callee_saved", of: thread), let stack = program.offset("psp", of: "_callee_saved")
        else { return nil }
        var layout = Layout(current: current, threads: threads, next: next, state: state, priority: priority, processStack: saved &+ stack)
        layout.name = program.offset("name", of: thread)
        if let arch = program.offset("arch", of: thread), let high = program.offset("preempt_float", of: "_thread_arch"), let mode = program.offset("mode", of: "_thread_arch") {
            layout.highFPU = arch &+ high
            layout.exceptionReturn = arch &+ mode &+ 1
        }
        complete(&layout)
        return layout
    }

    private func complete(_ layout: inout Layout) {
        if let size = program.member("name", of: "k_thread")?.size, size > 0 { layout.nameSize = size }
        if let info = program.offset("stack_info", of: "k_thread"), let start = program.offset("start", of: "_thread_stack_info") { layout.stackStart = info &+ start }
    }

    func list(_ memory: some RTOSMemory) -> ThreadList {
        guard let layout = layout(memory) else {
            return ThreadList(system: "Zephyr", remark: "Zephyr's threads are not shown: build it with CONFIG_DEBUG_THREAD_INFO=y, or with CONFIG_THREAD_MONITOR=y and debug information")
        }
        guard let current = memory.word(kernel &+ layout.current), current != 0, current & 3 == 0 else {
            return ThreadList(system: "Zephyr", remark: "Zephyr's scheduler has not started")
        }
        // The thread that start-up pretends to be.
        if let state = memory.byte(current &+ layout.state), state & 1 != 0 { return ThreadList(system: "Zephyr", remark: "Zephyr's scheduler has not started") }
        var list = ThreadList(system: "Zephyr", current: current)
        var seen: Set<UInt32> = [], at = memory.word(kernel &+ layout.threads) ?? 0
        while at != 0, seen.count < mostThreads {
            guard at & 3 == 0, seen.insert(at).inserted, let thread = thread(memory, at, layout, isCurrent: at == current), let next = memory.word(at &+ layout.next) else {
                list.remark = "Zephyr's list of threads is not whole at this moment"
                break
            }
            list.threads.append(thread)
            at = next
        }
        if !seen.contains(current) {
            guard let thread = thread(memory, current, layout, isCurrent: true) else { return ThreadList(system: "Zephyr", remark: "Zephyr's scheduler has not started") }
            list.threads.append(thread)
            list.remark = list.remark ?? "Zephyr's list of threads lacks the one that runs"
        }
        list.threads.sort { $0.control < $1.control }
        return list
    }

    /// `_kernel.cpus[0].current`, behind `nested` and `irq_stack`. Where a thread keeps its name and its stack's bounds depends on the build.
    func running(_ memory: some RTOSMemory) -> RTOSThread? {
        let layout = layout(memory)
        guard let control = memory.word(kernel &+ (layout?.current ?? 8)), control != 0 else { return nil }
        if let layout { return thread(memory, control, layout, isCurrent: true) }
        return RTOSThread(control: control, name: Self.symbolic(program.object(at: control)), state: .running)
    }

    private func thread(_ memory: some RTOSMemory, _ control: UInt32, _ layout: Layout, isCurrent: Bool) -> RTOSThread? {
        guard let state = memory.byte(control &+ layout.state), let priority = memory.byte(control &+ layout.priority) else { return nil }
        let name = layout.name.flatMap { memory.text(control &+ $0, limit: Int(min(layout.nameSize, 256))) } ?? Self.symbolic(program.object(at: control))
        return RTOSThread(
            control: control, name: name, state: isCurrent ? .running : Self.state(state), priority: Int(Int8(bitPattern: priority)),
            stackStart: layout.stackStart.flatMap { memory.word(control &+ $0) }, savedStack: memory.word(control &+ layout.processStack))
    }

    /// Threads that are made at compile time have a symbol.
    static func symbolic(_ object: String?) -> String? {
        guard let object else { return nil }
        let prefix = "_k_thread_obj_"
        return object.hasPrefix(prefix) ? String(object.dropFirst(prefix.count)) : object
    }

    private static func state(_ bits: UInt8) -> RTOSThread.State {
        if bits & 0x28 != 0 { return .terminated }  // dead, aborting
        if bits & 0x02 != 0 { return .blocked }
        if bits & 0x10 != 0 { return .suspended }
        // In newer versions asleep, in older ones not started yet.
        if bits & 0x04 != 0 { return .sleeping }
        return .ready
    }

    func context(_ memory: some RTOSMemory, of thread: RTOSThread) -> ThreadContext? {
        guard let layout = layout(memory), let stack = thread.savedStack, let saved = memory.words(thread.control &+ layout.processStack &- 32, 8) else { return nil }
        // Without sharing of the FPU no frame has its registers.
        let low = layout.exceptionReturn.flatMap { memory.byte(thread.control &+ $0) }
        let extended = layout.highFPU != nil && low.map { $0 & 0xEF == 0xED && $0 & 0x10 == 0 } == true
        let high = extended ? layout.highFPU.flatMap { memory.words(thread.control &+ $0, 16) } : nil
        return ExceptionFrame(memory, at: stack, extended: extended)?.context(saved, high: high)
    }
}
