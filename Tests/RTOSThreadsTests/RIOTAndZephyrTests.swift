// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import RTOSThreads
import Testing

@Suite struct RIOTTests {
    private static let base: UInt32 = 0x1000_0000

    /// Threads 1 to 3 in a table of eight; 2 runs.
    private func firmware(running: UInt8 = 11) -> Firmware {
        let firmware = Firmware()
        firmware.clear(Self.base, 0x2000)
        firmware.handler("isr_pendsv", 0x400)
        firmware.variable("sched_threads", Self.base, [0] + (1...3).map { Self.base + $0 * 0x100 } + [0, 0, 0, 0])
        firmware.variable("sched_active_pid", Self.base + 0x40, [2])
        firmware.variable("max_threads", Self.base + 0x44, [8])
        firmware.variable("_tcb_name_offset", Self.base + 0x48, [36])
        for (n, state) in zip(1...3 as ClosedRange<UInt32>, [3, running, running + 1] as [UInt8]) {
            let stack = firmware.switchedOut(top: Self.base + 0x1000 + n * 0x200, seed: n << 12, pc: 0x900 + n * 2, usesFPU: false)
            firmware.words(Self.base + n * 0x100, [stack, UInt32(state) | (n + 6) << 8 | n << 16])
            firmware.words(Self.base + n * 0x100 + 36, [Self.base + 0x800 + n * 16])
            firmware.text(Self.base + 0x800 + n * 16, "riot\(n)", size: 16)
        }
        return firmware
    }

    @Test func `Threads have their names, states, priorities and registers`() throws {
        let firmware = firmware()
        let finder = ThreadFinder(firmware, firmware)
        #expect(finder.list.system == "RIOT" && finder.list.remark == nil && finder.list.current == Self.base + 0x200)
        #expect(finder.list.threads.map(\.name) == ["riot1", "riot2", "riot3"] && finder.list.threads.map(\.priority) == [7, 8, 9])
        #expect(finder.list.threads.map(\.summary) == ["blocked (mutex), priority 7", "running, priority 8", "ready, priority 9"])
        let context = try #require(finder.context(of: Self.base + 0x300))
        #expect(context.r[15] == 0x906 && context.r[4] == 0x3004 && context.r[13] == Self.base + 0x1600)
        #expect(finder.running?.thread.name == "riot2")
    }

    @Test func `States of older versions have other numbers`() {
        // Without zombies and conditions: mutex is 2.
        let firmware = firmware(running: 9)
        firmware.words(Self.base + 0x104, [2 | 7 << 8 | 1 << 16])
        #expect(ThreadFinder(firmware, firmware).list.threads[0].summary == "blocked (mutex), priority 7")
    }

    @Test func `While the scheduler waits, the last thread is the one whose registers are the core's`() {
        let firmware = firmware()
        firmware.words(Self.base + 0x204, [4 | 8 << 8 | 2 << 16])
        let list = ThreadFinder(firmware, firmware).list
        #expect(list.current == Self.base + 0x200 && list.threads[1].summary == "unknown (state 4), priority 8")
    }

    @Test func `A table of something else is none`() {
        let firmware = firmware()
        firmware.words(Self.base + 0x40, [0])
        #expect(ThreadFinder(firmware, firmware).list.threads.isEmpty)
        firmware.words(Self.base + 0x40, [0xFFFF])
        #expect(ThreadFinder(firmware, firmware).list.threads.isEmpty)
        firmware.words(Self.base + 0x40, [2])
        firmware.words(Self.base + 0x204, [11])
        let list = ThreadFinder(firmware, firmware).list
        #expect(list.threads.isEmpty && list.remark?.contains("thread_t") == true)
    }
}

@Suite struct ZephyrTests {
    private static let base: UInt32 = 0x1000_0000
    private func control(_ n: UInt32) -> UInt32 { Self.base + 0x100 + n * 0x100 }

    /// Four threads in a list; the second runs, the third uses the FPU.
    private func firmware() -> Firmware {
        let firmware = Firmware()
        firmware.clear(Self.base, 0x2000)
        firmware.symbols["_kernel"] = (Self.base, 64)
        firmware.symbols["z_arm_pendsv"] = (0x400, 0)
        firmware.words(Self.base, [0, 0, control(1)])
        firmware.words(Self.base + 40, [control(0)])
        // version, current, threads, entry, next, state, options, priority, stack pointer, name, arch, S16 and on, -
        firmware.variable("_kernel_thread_info_offsets", 0x800, [1, 8, 40, 0x60, 0x64, 13, 12, 14, 0x50, 0x70, 0x90, 8, .max])
        firmware.variable("_kernel_thread_info_num_offsets", 0x840, [13])
        for (n, state) in [0x00, 0x80, 0x02, 0x10].enumerated() {
            let at = control(UInt32(n)), stack = Self.base + 0x1000 + UInt32(n) * 0x100
            firmware.words(at + 12, [UInt32(state) << 8 | UInt32(UInt8(bitPattern: Int8(n - 1))) << 16])
            firmware.words(at + 0x30, (4...11).map { UInt32(n) << 12 | $0 } + [stack])
            firmware.words(at + 0x64, [n < 3 ? control(UInt32(n) + 1) : 0])
            firmware.text(at + 0x70, "z\(n)", size: 32)
            firmware.words(at + 0x98, (16..<32).map { UInt32(n) << 12 | $0 } + [n == 2 ? 0xED00 : 0xFD00])
            firmware.words(stack, [1, 2, 3, 4, 12, 14, 0xA00, 0x0100_0000] + (0..<16).map { $0 } + [7, 0])
        }
        return firmware
    }

    @Test func `Threads have their names, states, priorities and registers`() throws {
        let firmware = firmware()
        let finder = ThreadFinder(firmware, firmware)
        #expect(finder.list.system == "Zephyr" && finder.list.remark == nil && finder.list.current == control(1))
        #expect(finder.list.threads.map(\.name) == ["z0", "z1", "z2", "z3"] && finder.list.threads.map(\.priority) == [-1, 0, 1, 2])
        #expect(finder.list.threads.map(\.state) == [.ready, .running, .blocked, .suspended])
        let plain = try #require(finder.context(of: control(3))), floating = try #require(finder.context(of: control(2)))
        #expect(plain.r == [1, 2, 3, 4] + (4...11).map { 3 << 12 | $0 } + [12, Self.base + 0x1320, 14, 0xA00] && plain.s[0] == nil)
        #expect(floating.r[13] == Self.base + 0x1268 && floating.s[1] == 1 && floating.s[16] == 2 << 12 | 16 && floating.fpscr == 7)
    }

    @Test func `A list that is a ring ends`() {
        let firmware = firmware()
        firmware.words(control(3) + 0x64, [control(0)])
        let list = ThreadFinder(firmware, firmware).list
        #expect(list.threads.count == 4 && list.remark != nil)
    }

    @Test func `Without a table and debug information a sentence says what to build with`() {
        let firmware = firmware()
        firmware.symbols["_kernel_thread_info_offsets"] = nil
        let finder = ThreadFinder(firmware, firmware)
        #expect(finder.list.threads.isEmpty && finder.list.remark?.contains("CONFIG_DEBUG_THREAD_INFO") == true)
        firmware.objects[control(1)] = "_k_thread_obj_blinky"
        #expect(finder.running?.thread.name == "blinky")
    }

    @Test func `Start-up's own thread is none`() {
        let firmware = firmware()
        firmware.words(control(1) + 12, [1 << 8])
        #expect(ThreadFinder(firmware, firmware).list.threads.isEmpty)
    }
}
