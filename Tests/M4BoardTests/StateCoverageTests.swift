// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import M4Board
import TestSupport
import Testing

/// Whatever of a board changes is in its state, or listed here with a reason.
@Suite struct StateCoverageTests {
    /// Properties of the board and of what it owns that no state has, by type and name.
    private static let outside: [String: String] = {
        var list: [String: String] = [:]
        func add(_ reason: String, _ names: String...) {
            for name in names.joined(separator: " ").split(separator: " ") { list[String(name)] = reason }
        }
        add("has a test of its own", "M4Board.soc")
        add("what the board is made of", "M4Board.configuration M4Board.registerBank MemoryBanks.banks")
        add("the host's", "M4Board.events M4Board.$__lazy_storage_$_stopper M4Board.registerReads Core.hostStop Core.breakpoints Core.watchpoints")
        add("the host's", "Core.watchpointsStart Core.haltsAtBKPT Core.faultPolicy m4_engine.interrupted m4_engine.breaks m4_engine.break_count")
        add("the host's", "m4_engine.break_capacity m4_engine.break_filter m4_engine.has_masked_breaks m4_engine.watched_capacity")
        add("wires", "M4Board.registerBus Core.onInterrupt Core.onDeepSleep Core.onHold Core.poll SystemControlSpace.core SystemControlSpace.onStimulus")
        add("wires", "SysTick.cycles SysTick.counter SysTick.expired EventQueue.handlers EventQueue.names EventQueue.onEarlier RTT.onText RTT.onProblem")
        add("wires", "Semihosting.onText Semihosting.onUnsupported SoCSignals.board SoCSignals.core RTT.core Outcome.listener Outcome.context m4_engine.uc m4_engine.regions")
        add("wires", "m4_engine.bus m4_engine.core m4_engine.page_permission m4_engine.shadows m4_engine.has_shadows m4_engine.io")
        add("made anew from the state", "Core.derived Hot.isMPUOn Outcome.next Outcome.nextPriority Outcome.activePriority Outcome.groupMask Head.next")
        add("made anew from the state", "m4_engine.pending_priority m4_engine.active_priority m4_engine.group_mask m4_engine.traps m4_engine.traps_built_in")
        add("made anew from the state", "m4_engine.fp_deferred m4_engine.fpu_for_privileged m4_engine.user_ports m4_engine.user_stir m4_engine.fp_manual")
        add("made anew from the state", "m4_engine.fp_default_status m4_engine.watched m4_engine.watched_count m4_engine.limit m4_engine.stop_requested")
        add("of translations and filled pages", "m4_engine.divided m4_engine.wide m4_engine.region_executes m4_engine.filled m4_engine.mixed_code m4_engine.counts m4_engine.uses_fpu")
        add("of translations and filled pages", "m4_engine.costs m4_engine.trap_hooks m4_engine.trap_hook_count")
        add("of one run", "Head.turn Entry.lastTurn m4_engine.deadline m4_engine.changing m4_engine.kept m4_engine.sign_changed m4_engine.first_block")
        add("of one run", "m4_engine.at_boundary m4_engine.resume_at m4_engine.stopped_before m4_engine.prepare_size m4_engine.stop m4_engine.stopped")
        add("of one run", "m4_engine.forgetting m4_engine.engine_error m4_engine.fault_address m4_engine.fault_exact m4_engine.fault_located")
        add("of one run", "m4_engine.fault_write m4_engine.fault_refusal m4_engine.abandoned m4_engine.break_kinds m4_engine.step_address")
        add("of one run", "m4_engine.is_step m4_engine.has_range m4_engine.range_first m4_engine.range_last")
        add("of one run", "m4_engine.watched_open m4_engine.next_block m4_engine.abandoned_at m4_engine.pristine m4_engine.scratch m4_engine.core_registers")
        add("of one look at a loop", "m4_idle_loop.touched m4_idle_loop.phase m4_idle_loop.period m4_idle_loop.step m4_idle_loop.begin m4_idle_loop.begin_extra")
        add("of one look at a loop", "m4_idle_loop.registers m4_idle_loop.words m4_idle_loop.values m4_idle_loop.word_count")
        return list
    }()

    /// Pointers to more than one.
    private static let counts = [
        "ExceptionController.enabled": 8, "ExceptionController.pending": 8, "ExceptionController.active": 8, "ExceptionController.level": 8,
        "ExceptionController.priorities": 256, "ExceptionEntries.entries": 512, "Head.entries": 16,
    ]

    /// Firmware that leaves something in as many places as it can.
    private func busy() throws -> Bench {
        let bench = try Bench(rtt: .scan)
        try bench.handler(15, Thumb.count(Bench.results), Thumb.bxLR)
        try bench.handler(11, Thumb.count(Bench.results + 4), Thumb.bxLR)
        try bench.handler(3, Thumb.undefined)
        let mpu = Thumb.poke(0xE000_ED9C, 0x1000_9810) + Thumb.poke(0xE000_EDA0, 3 << 24 | 9 << 1 | 1) + Thumb.poke(0xE000_ED94, 5)
        let faults = Thumb.poke(PPB.shcsr, PPB.faultsOn) + Thumb.poke(0xE000_ED38, 0x1234)
        let debug = Thumb.poke(0xE000_EDFC, 1 << 24) + Thumb.poke(0xE000_0E80, 1) + Thumb.poke(0xE000_0E00, 1) + Thumb.poke(0xE000_1000, 1)
            + Thumb.poke(0xE000_1020, 0x7000) + Thumb.poke(0xE000_2008, 0x7001)
        let system = Thumb.poke(PPB.scr, 1 << 4) + Thumb.poke(PPB.ccr, 1 << 9 | 1 << 4) + Thumb.poke(PPB.vtor, 0) + Thumb.poke(PPB.cpacr, 0xF << 20)
            + Thumb.poke(0xE000_EF3C, 1 << 22) + Thumb.poke(0xE000_E008, 1)
        let interrupts = Thumb.poke(PPB.ipr0, 0x40) + Thumb.poke(PPB.ispr0, 8) + Thumb.poke(PPB.aircr, 0x05FA_0300)
        let tick = Thumb.poke(PPB.systRVR, 499) + Thumb.poke(PPB.systCVR, 0) + Thumb.poke(PPB.systCSR, 7)
        // A run ends between two blocks: an ISB ends one.
        for part in [mpu, faults, debug, system, interrupts, tick] { try bench.program(part, Thumb.isb) }
        try bench.program(Thumb.load(0, Bench.results), [0xE850, 0x1F00], Thumb.sev, Thumb.svc(1), Thumb.wfi)
        try bench.program(Thumb.load(0, 0x99), Thumb.semihosting, Thumb.wfi, Thumb.cpsidF, Thumb.undefined)
        return bench
    }

    @Test func `What changes as a board runs is restored, to the last field`() throws {
        let bench = try busy()
        bench.board.rtt.send([1, 2, 3])
        // Before nearly all that it sets up, and behind.
        for cycles in [20, 100] as [UInt64] {
            bench.run(cycles: cycles)
            let saved = bench.board.state, before = contents(of: bench.board)
            bench.board.rtt.send([4])
            for _ in 0..<5 { bench.run(cycles: 3_000) }
            bench.board.setHoldBoot(released: false)
            let changed = contents(of: bench.board)
            for part in ["own", "engine/raw/history", "engine/raw/cycles", "scs/exceptions", "scs/sysTick", "scs/faults", "semihosting", "entered"].map({ "core/" + $0 }) + ["eventQueue", "rtt", "signals"] {
                #expect(changed.keys.contains { $0.hasPrefix(part) && before[$0] != changed[$0] }, "nothing changed in \(part)")
            }
            bench.board.state = saved
            expect(bench.board, before)
            // And it comes to another board, but for where things lie on the host.
            let other = try busy()
            other.board.state = saved
            expect(other.board, before.filter { !$1.hasPrefix("0x") })
        }
    }

    private func expect(_ board: M4Board, _ wanted: [String: String], _ location: SourceLocation = #_sourceLocation) {
        let found = contents(of: board)
        for (path, value) in wanted { #expect(found[path] == value, "\(path) is not restored", sourceLocation: location) }
        for path in found.keys where wanted[path] == nil && !(found[path] ?? "").hasPrefix("0x") { Issue.record("\(path) is new", sourceLocation: location) }
    }

    @Test func `A field that is left out of a state is found`() {
        final class Forgetful {
            struct State { var kept = 0 }
            let own = UnsafeMutablePointer<State>.allocate(capacity: 1)
            var leftOut = 0
            init() { own.initialize(to: State()) }
            deinit { own.deallocate() }
        }
        let part = Forgetful()
        let before = contents(of: part)
        #expect(before == ["own/kept": "0", "leftOut": "0"])
        part.own.pointee.kept = 1
        part.leftOut = 1
        #expect(contents(of: part) == ["own/kept": "1", "leftOut": "1"])
    }

    @Test func `What is listed as outside of the state is there`() throws {
        var seen: Set<String> = []
        _ = contents(of: try busy().board) { seen.insert($0) }
        #expect(Self.outside.keys.filter { !seen.contains($0) }.sorted() == [])
    }

    // MARK: Looking

    private func contents(of object: AnyObject, _ name: (String) -> Void = { _ in }) -> [String: String] {
        Contents(outside: Set(Self.outside.keys), counts: Self.counts.mapValues { count in { _ in count } }).of(object, name)
    }
}
