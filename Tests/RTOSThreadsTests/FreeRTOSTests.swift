// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import RTOSThreads
import Testing

@Suite struct FreeRTOSTests {
    private static let lists: UInt32 = 0x1000_0000, tasks: UInt32 = 0x1000_1000, stacks: UInt32 = 0x1000_4000
    private func control(_ n: UInt32) -> UInt32 { Self.tasks + n * 0x100 }

    /// Three priorities; task 0 runs, 1 is ready, 2 waits until a time, 3 for ever in a queue, 4 is suspended, 5 is deleted.
    private func firmware(scheduler: UInt32 = 1) -> Firmware {
        let firmware = Firmware()
        firmware.clear(Self.lists, 0x4000)
        firmware.clear(Self.stacks, 0x2000)
        firmware.handler("xPortPendSVHandler", 0x400)
        firmware.variable("pxCurrentTCB", Self.lists + 0x400, [control(0)])
        firmware.variable("xSchedulerRunning", Self.lists + 0x404, [scheduler])
        firmware.variable("uxCurrentNumberOfTasks", Self.lists + 0x408, [6])
        firmware.symbols["pxReadyTasksLists"] = (Self.lists, 60)
        let names = ["xDelayedTaskList1", "xDelayedTaskList2", "xPendingReadyList", "xSuspendedTaskList", "xTasksWaitingTermination"]
        for (index, name) in names.enumerated() { firmware.symbols[name] = (Self.lists + 60 + UInt32(index) * 20, 20) }
        list(firmware, 0, [])
        list(firmware, 1, [0, 1])
        list(firmware, 2, [])
        list(firmware, 3, [2])
        list(firmware, 4, [])
        list(firmware, 5, [])
        list(firmware, 6, [3, 4])
        list(firmware, 7, [5])
        for n in 0..<6 as Range<UInt32> {
            let stack = firmware.switchedOut(top: Self.stacks + n * 0x400 + 0x3F8, seed: n * 0x1000, pc: 0x800 + n * 2, usesFPU: n == 2)
            firmware.words(control(n), [stack])
            firmware.words(control(n) + 4 + 12, [control(n)])
            firmware.words(control(n) + 24 + 12, [control(n), n == 3 ? 0x1000_3000 : 0])
            firmware.words(control(n) + 44, [n % 3, Self.stacks + n * 0x400])
            firmware.text(control(n) + 52, "task\(n)", size: 16)
        }
        return firmware
    }

    private func list(_ firmware: Firmware, _ number: UInt32, _ members: [UInt32]) {
        let list = Self.lists + number * 20, end = list + 8
        let items = members.map { control($0) + 4 }
        firmware.words(list, [UInt32(items.count), end, .max, items.first ?? end, items.last ?? end])
        for (index, item) in items.enumerated() {
            firmware.words(item, [0, index + 1 < items.count ? items[index + 1] : end, index > 0 ? items[index - 1] : end, item - 4, list])
        }
    }

    @Test func `Tasks have their names, states and priorities`() {
        let firmware = firmware()
        let list = ThreadFinder(firmware, firmware).list
        #expect(list.system == "FreeRTOS" && list.current == control(0) && list.remark == nil)
        #expect(list.threads.map(\.name) == (0..<6).map { "task\($0)" })
        #expect(list.threads.map(\.state) == [.running, .ready, .blocked, .blocked, .suspended, .terminated])
        #expect(list.threads.map(\.priority) == [0, 1, 2, 0, 1, 2])
        #expect(list.threads[2].summary == "blocked (until a time), priority 2" && list.threads[3].summary == "blocked, priority 0")
        #expect(list.threads[1].stackStart == Self.stacks + 0x400)
    }

    @Test func `A task that is switched out has its registers, with the FPU's`() throws {
        let firmware = firmware()
        let finder = ThreadFinder(firmware, firmware)
        #expect(finder.context(of: control(0)) == nil, "the running one's are the core's")
        let plain = try #require(finder.context(of: control(1)))
        #expect(plain.r[0] == 0x1000 && plain.r[3] == 0x1003 && plain.r[4] == 0x1004 && plain.r[11] == 0x100B && plain.r[12] == 0x100C)
        #expect(plain.r[14] == 0x100E && plain.r[15] == 0x802 && plain.r[13] == Self.stacks + 0x7F8 && plain.xpsr == 0x0100_0000)
        #expect(plain.s.allSatisfy { $0 == nil } && plain.fpscr == nil)
        let floating = try #require(finder.context(of: control(2)))
        #expect(floating.r[4] == 0x2004 && floating.r[15] == 0x804 && floating.r[13] == Self.stacks + 0xBF8)
        #expect(floating.s[0] == 0x2064 && floating.s[15] == 0x2064 + 15 && floating.s[16] == 0x2064 + 16 && floating.s[31] == 0x2064 + 31)
        #expect(floating.fpscr == 0x0300_0000)
    }

    @Test func `A port without an FPU keeps no link`() throws {
        let firmware = firmware()
        firmware.handler("xPortPendSVHandler", 0x400, savesLink: false)
        let stack = Self.stacks + 0x1800
        firmware.words(stack, (4...11).map { $0 } + [0, 1, 2, 3, 12, 14, 0x900, 0x0100_0200])
        firmware.words(control(1), [stack])
        let context = try #require(ThreadFinder(firmware, firmware).context(of: control(1)))
        // Bit 9 of the stacked xPSR is a word of padding.
        #expect(context.r == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, stack + 68, 14, 0x900] && context.xpsr == 0x0100_0000)
    }

    @Test func `Another handler's frames are not guessed`() {
        let firmware = firmware()
        firmware.halfwords(0x400, [UInt16](repeating: 0xBF00, count: 20))
        let finder = ThreadFinder(firmware, firmware)
        #expect(finder.list.threads.count == 6 && finder.list.remark?.contains("PendSV") == true)
        #expect(finder.context(of: control(1)) == nil)
    }

    @Test(arguments: [0, 2, 0xA5A5_A5A5] as [UInt32]) func `Before the scheduler has started there is one thread`(_ running: UInt32) {
        let firmware = firmware(scheduler: running)
        let list = ThreadFinder(firmware, firmware).list
        #expect(list.threads.isEmpty && list.current == nil && list.remark == "FreeRTOS' scheduler has not started")
    }

    @Test func `Memory that is no list ends a walk`() {
        for seed in 0..<200 as Range<UInt32> {
            let firmware = firmware()
            var random = seed &* 2_654_435_761 &+ 1
            for address in stride(from: Self.lists, to: Self.lists + 0x400, by: 4) {
                random = random &* 1_664_525 &+ 1_013_904_223
                // Some words point into the lists and the tasks, where rings are made of them.
                firmware.words(address, [random >> 28 < 8 ? random : Self.lists + (random >> 8 & 0x1FFC)])
            }
            let before = firmware.reads
            _ = ThreadFinder(firmware, firmware).list
            #expect(firmware.reads - before < 20_000)
        }
        let ring = firmware()
        // A list whose last item leads back to its first, with a count that is too great.
        ring.words(Self.lists + 20, [250])
        ring.words(control(1) + 4 + 4, [control(0) + 4])
        let list = ThreadFinder(ring, ring).list
        #expect(list.threads.count == 6 && list.remark != nil)
    }

    @Test func `Debug information says where things lie`() {
        let firmware = firmware()
        // Integrity checks and another order: nothing is as usual.
        firmware.symbols["xSuspendedTaskList"]?.size = 28
        #expect(ThreadFinder(firmware, firmware).list.remark?.contains("-g") == true)
        firmware.sizes = ["xLIST": 20, "tskTaskControlBlock": 100]
        for (name, place) in [
            "xLIST.uxNumberOfItems": 0, "xLIST.xListEnd": 8, "xLIST_ITEM.pxNext": 4, "xLIST_ITEM.pvOwner": 12, "xLIST_ITEM.pxContainer": 16, "xMINI_LIST_ITEM.pxNext": 4,
            "tskTaskControlBlock.xStateListItem": 4, "tskTaskControlBlock.xEventListItem": 24, "tskTaskControlBlock.uxPriority": 44, "tskTaskControlBlock.pxStack": 48,
        ] as [String: UInt32] { firmware.members[name] = (place, 4) }
        firmware.members["tskTaskControlBlock.pcTaskName"] = (52, 16)
        #expect(ThreadFinder(firmware, firmware).list.threads.map(\.name) == (0..<6).map { "task\($0)" })
    }

    @Test func `What was found is kept until it is forgotten`() {
        let firmware = firmware()
        let finder = ThreadFinder(firmware, firmware)
        _ = finder.list
        let reads = firmware.reads
        _ = finder.list
        #expect(firmware.reads == reads)
        firmware.words(Self.lists + 0x400, [control(1)])
        #expect(finder.list.current == control(0))
        finder.forget()
        #expect(finder.list.current == control(1))
    }

    @Test func `Firmware without an RTOS has none`() {
        let firmware = Firmware()
        let finder = ThreadFinder(firmware, firmware)
        #expect(finder.list == ThreadList(system: nil) && finder.running == nil && finder.context(of: 0x100) == nil)
    }
}
