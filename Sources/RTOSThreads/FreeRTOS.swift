// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// FreeRTOS for one core: tasks are in lists by their states. Source: FreeRTOS-Kernel, tasks.c and list.h.
struct FreeRTOS: RTOS {
    /// Where things lie in `List_t`, `ListItem_t` and the task's control block.
    private struct Layout {
        var listSize: UInt32 = 20, count: UInt32 = 0, end: UInt32 = 8, endNext: UInt32 = 4
        var next: UInt32 = 4, owner: UInt32 = 12, container: UInt32 = 16
        var stateItem: UInt32 = 4, eventItem: UInt32 = 24, priority: UInt32 = 44, stack: UInt32 = 48, name: UInt32 = 52
        var nameSize: UInt32 = 64
        /// It comes from debug information.
        var isTold = false
    }
    private let program: any RTOSProgram
    private let layout: Layout?
    private let currentTask: UInt32
    private let ready: (address: UInt32, size: UInt32)?
    private let handlers = ["xPortPendSVHandler", "PendSV_Handler", "vPortPendSVHandler"]

    let name = "FreeRTOS"

    /// nil for firmware without it.
    init?(_ program: some RTOSProgram) {
        guard let current = program.address("pxCurrentTCB") ?? program.address("pxCurrentTCBs") else { return nil }
        self.program = program
        currentTask = current
        ready = program.symbol("pxReadyTasksLists")
        layout = Self.told(program) ?? Self.usual(program)
    }

    private static func told(_ program: some RTOSProgram) -> Layout? {
        let item = "xLIST_ITEM", task = program.size(of: "tskTaskControlBlock") != nil ? "tskTaskControlBlock" : "tskTCB"
        guard let listSize = program.size(of: "xLIST"), let count = program.offset("uxNumberOfItems", of: "xLIST"),
            let end = program.offset("xListEnd", of: "xLIST"), let next = program.offset("pxNext", of: item), let owner = program.offset("pvOwner", of: item),
            let stateItem = program.offset("xStateListItem", of: task), let eventItem = program.offset("xEventListItem", of: task),
            let priority = program.offset("uxPriority", of: task), let stack = program.offset("pxStack", of: task), let name = program.member("pcTaskName", of: task)
        else { return nil }
        let container = program.offset("pxContainer", of: item) ?? program.offset("pvContainer", of: item) ?? owner + 4
        return Layout(
            listSize: listSize, count: count, end: end, endNext: program.offset("pxNext", of: "xMINI_LIST_ITEM") ?? next, next: next, owner: owner,
            container: container, stateItem: stateItem, eventItem: eventItem, priority: priority, stack: stack, name: name.offset,
            nameSize: max(1, name.size), isTold: true)
    }

    /// Without debug information: a list of 20 bytes has no integrity checks, and small end items. What the control block begins with is checked with
    /// each task.
    private static func usual(_ program: some RTOSProgram) -> Layout? {
        let lists = ["xPendingReadyList", "xDelayedTaskList1", "xSuspendedTaskList"].compactMap { program.symbol($0)?.size }.filter { $0 > 0 }
        return !lists.isEmpty && lists.allSatisfy { $0 == 20 } ? Layout() : nil
    }

    func list(_ memory: some RTOSMemory) -> ThreadList {
        guard let layout else {
            return ThreadList(system: "FreeRTOS", remark: "FreeRTOS' tasks are not shown: its lists are not laid out as usual, and the ELF has no debug information of them (-g)")
        }
        // Before the scheduler runs there is one thread, main's, whatever memory holds: it may not have been cleared yet.
        if let running = program.address("xSchedulerRunning"), memory.word(running) != 1 {
            return ThreadList(system: "FreeRTOS", remark: "FreeRTOS' scheduler has not started")
        }
        guard let current = memory.word(currentTask), current != 0, current & 3 == 0, owns(memory, current, layout) else {
            return ThreadList(system: "FreeRTOS", remark: "FreeRTOS has no task yet")
        }
        var tasks: [UInt32: RTOSThread] = [:]
        var isWhole = true
        func add(_ list: UInt32, _ state: RTOSThread.State, _ detail: String = "") {
            isWhole = walk(memory, list, layout) { control in
                if tasks[control] == nil { tasks[control] = task(memory, control, layout, state, detail) }
                return tasks.count < mostThreads
            } && isWhole
        }
        if let ready, ready.size >= layout.listSize, layout.listSize > 0 {
            for number in 0..<min(ready.size / layout.listSize, 256) { add(ready.address &+ number &* layout.listSize, .ready) }
        }
        // The running task is in the list of ready ones, where it cannot be told from these.
        for name in ["xDelayedTaskList1", "xDelayedTaskList2"] { if let list = program.address(name) { add(list, .blocked, "until a time") } }
        if let list = program.address("xPendingReadyList") { add(list, .ready) }
        if let list = program.address("xSuspendedTaskList") { add(list, .suspended) }
        if let list = program.address("xTasksWaitingTermination") { add(list, .terminated) }
        var own = tasks[current] ?? task(memory, current, layout, .running, "")
        own.state = .running
        own.detail = ""
        tasks[current] = own
        let wanted = program.address("uxCurrentNumberOfTasks").flatMap { memory.word($0) }
        var remark: String?
        if !isWhole || wanted.map({ tasks.count < min(Int($0), mostThreads) }) == true { remark = "not all of FreeRTOS' tasks are in its lists at this moment" }
        if SwitchCode.pushes(memory, program, handlers: handlers) == nil { remark = "registers of tasks that are switched out are not known: PendSV's handler saves them in another way" }
        return ThreadList(system: "FreeRTOS", threads: tasks.values.sorted { $0.control < $1.control }, current: current, remark: remark)
    }

    func context(_ memory: some RTOSMemory, of thread: RTOSThread) -> ThreadContext? {
        guard let stack = thread.savedStack, let pushes = SwitchCode.pushes(memory, program, handlers: handlers) else { return nil }
        return SwitchCode.context(memory, stack: stack, pushes)
    }

    func running(_ memory: some RTOSMemory) -> RTOSThread? {
        guard let control = memory.word(currentTask), control != 0 else { return nil }
        var thread = task(memory, control, layout ?? Layout(), .running, "")
        thread.detail = ""
        // Without a name the structure is another than this.
        if thread.name == nil { (thread.stackStart, thread.priority) = (nil, nil) }
        return thread
    }

    /// Whether the control block's item of a list says that it belongs to it.
    private func owns(_ memory: some RTOSMemory, _ control: UInt32, _ layout: Layout) -> Bool {
        memory.word(control &+ layout.stateItem &+ layout.owner) == control && memory.word(control &+ layout.eventItem &+ layout.owner) == control
    }

    /// Calls `body` with each task of a list until it answers false. False when the list is none.
    private func walk(_ memory: some RTOSMemory, _ list: UInt32, _ layout: Layout, _ body: (UInt32) -> Bool) -> Bool {
        guard let count = memory.word(list &+ layout.count), count <= mostThreads else { return false }
        let end = list &+ layout.end
        guard count > 0, var item = memory.word(end &+ layout.endNext) else { return true }
        for _ in 0..<count {
            guard item != end, item & 3 == 0, let owner = memory.word(item &+ layout.owner), owner == item &- layout.stateItem || owner == item &- layout.eventItem,
                owns(memory, owner, layout)
            else { return false }
            guard body(owner), let next = memory.word(item &+ layout.next) else { return false }
            item = next
        }
        return item == end
    }

    private func task(_ memory: some RTOSMemory, _ control: UInt32, _ layout: Layout, _ state: RTOSThread.State, _ detail: String) -> RTOSThread {
        var thread = RTOSThread(
            control: control, name: memory.text(control &+ layout.name, limit: Int(min(layout.nameSize, 256))), state: state, detail: detail,
            priority: memory.word(control &+ layout.priority).flatMap { $0 < 256 ? Int($0) : nil }, stackStart: memory.word(control &+ layout.stack),
            savedStack: memory.word(control))
        // In a list of what somebody waits for: blocked for ever is kept among the suspended ones, and a time-out is one way out of two.
        if let waits = memory.word(control &+ layout.eventItem &+ layout.container), waits != 0 {
            if state == .suspended { (thread.state, thread.detail) = (.blocked, "") }
            if state == .blocked { thread.detail = "with a time-out" }
        }
        return thread
    }
}
