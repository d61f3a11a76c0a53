// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM
import MachineBase

// Breakpoints, watchpoints and single steps: the host's, and those that firmware asks DWT, FPB and DEMCR for.
// Source: ARMv7-M ARM, C1.4 and C1.6.
extension Core {
    /// Stops runs with `.breakpoint` before an instruction at one of `addresses` executes, in an IT block, too. Any number of them: what they cost is
    /// some microseconds where one comes or goes, and a look each time that code comes to one; all other code runs as without them.
    ///
    /// With the system's libunicorn one in an IT block is its IT instruction's, and each block of code is looked at while there are any.
    public func setBreakpoints(_ addresses: [UInt32]) throws(BoardError) {
        let wanted = addresses.map { $0 & ~1 }
        guard wanted != breakpoints else { return }
        breakpoints = wanted
        debugChanged()
    }

    /// Stops runs with `.watchpoint` behind a load or store that touches one of `watchpoints`.
    ///
    /// Each access to a page of 1 KiB with a watchpoint costs some microseconds; everything else costs nothing. Seen are the
    /// instructions' accesses: not exception stacking, not DMA, not the other processor.
    ///
    /// - Parameter start: the instruction from whose first execution since reset on they are in force; nil for all the time.
    /// - Throws: `BoardError.configuration` with the system's libunicorn, which cannot.
    public func setWatchpoints(_ watchpoints: [Watchpoint], from start: UInt32? = nil) throws(BoardError) {
        guard watchpoints.isEmpty || M4_OWN_ENGINE != 0 else {
            throw .configuration("watchpoints need the engine of engine/; this is the system's libunicorn \(Engine.libraryVersion)")
        }
        self.watchpoints = watchpoints
        watchpointsStart = start.map { $0 & ~1 }
        own.pointee.watches = start == nil
        debugChanged()
    }

    /// A register write that changed them may still be under way.
    public func debugChanged() {
        derived.pointee.debugStale = true
        interrupt()
    }

    /// Brings the engine in line with breakpoints and watchpoints. Not while it runs.
    func updateDebug() {
        derived.pointee.debugStale = false
        let raw = engine.raw
        steps = scs.debug.monitorSteps
        let begin = own.pointee.watches ? [] : [watchpointsStart].compactMap { $0 }
        var breaks = (breakpoints + begin).map { m4_break(address: $0, ignored: 0, kinds: Self.hostBreak) }
        breaks += scs.patchedBreakpoints.map { m4_break(address: $0, ignored: 0, kinds: Self.patchBreak) }
        breaks += scs.matchedInstructions.map { m4_break(address: $0.address, ignored: $0.ignored, kinds: Self.matchBreak) }
        breaks += (derived.pointee.rangeStep?.interruption).map { [m4_break(address: $0.pc, ignored: 0, kinds: Self.stepBreak)] } ?? []
        let error = m4_engine_set_breaks(raw, breaks, UInt32(breaks.count))
        var pages = watchpointsInForce.flatMap { watchpoint in
            aliases(of: watchpoint.address).map { m4_watched(first: $0, last: $0.addingReportingOverflow(watchpoint.last &- watchpoint.address).partialValue) }
        }
        pages += scs.watchedRanges.map { m4_watched(first: $0.first, last: $0.last) }
        let other = m4_engine_set_watched(raw, pages, UInt32(pages.count))
        if error != UC_ERR_OK || other != UC_ERR_OK { pendingStop = .engine("no memory for breakpoints and watchpoints") }
    }

    private var watchpointsInForce: [Watchpoint] { own.pointee.watches ? watchpoints : [] }

    /// All device addresses of the byte at `address`.
    private func aliases(of address: UInt32) -> [UInt32] {
        guard let home = m4_engine_region(engine.raw, address), home.pointee.host != nil else { return [address] }
        let offset = address &- home.pointee.start
        return regions.filter { $0.host == home.pointee.host }.map { $0.start &+ offset }
    }
    /// One address for all aliases of a byte.
    private func canonical(_ address: UInt32) -> UInt32 {
        guard let region = m4_engine_region(engine.raw, address), region.pointee.host != nil else { return address }
        return region.pointee.physical &+ (address &- region.pointee.start)
    }
    private var regions: [m4_region] {
        withUnsafeBytes(of: &engine.raw.pointee.regions) { Array($0.bindMemory(to: m4_region.self).prefix(Int(engine.raw.pointee.region_count))) }
    }

    // MARK: Breakpoints

    static let hostBreak = UInt32(M4_BREAK_HOST.rawValue), patchBreak = UInt32(M4_BREAK_PATCH.rawValue)
    private static let matchBreak = UInt32(M4_BREAK_MATCH.rawValue)
    /// Where an exception's handlers come back to code that is stepped through.
    private static let stepBreak = UInt32(M4_BREAK_STEP.rawValue)
    /// For an instruction that is executed once more after its breakpoints have had their say.
    static let everyBreak = hostBreak | patchBreak | matchBreak | stepBreak

    /// The engine stopped at an instruction of `m4_engine.breaks`, or where a step ends.
    func breakHit() {
        let raw = engine.raw
        let kinds = raw.pointee.break_kinds
        let address = nextPC & ~1
        if kinds & Self.hostBreak != 0 {
            let begins = address == watchpointsStart && !own.pointee.watches
            if begins {
                own.pointee.watches = true
                updateDebug()
            }
            pass(address, kinds: Self.hostBreak)
            if begins, !breakpoints.contains(address) { return }
            pendingStop = .breakpoint(haltReport(.breakpoint))
            return
        }
        if kinds & Self.stepBreak != 0 {
            interruptedCodeReached(at: address)
            pass(address, kinds: Self.stepBreak)
            return
        }
        if kinds & Self.patchBreak != 0 {
            if scs.monitorTakes(at: m4_engine_execution_priority(raw)) {
                scs.note(.breakpoint)
                enter(.debugMonitor, returnTo: nextPC)
            } else {
                // Nobody takes it: only a BKPT becomes a HardFault.
                pass(address, kinds: Self.patchBreak)
            }
            return
        }
        if kinds & Self.matchBreak != 0 {
            // The instruction executes, and the exception follows.
            for address in unit(at: address) where scs.matchInstruction(address) { own.pointee.dataMatch = true; wantsStep = true }
            pass(address, kinds: Self.matchBreak)
        }
    }

    /// Lets the instruction at `address` execute once in spite of breakpoints of `kinds`, and of all that come after them.
    func pass(_ address: UInt32, kinds: UInt32) {
        let raw = engine.raw
        // Nothing would take it back: a breakpoint that is set here later would let its first hit pass. The system's library looks at an IT block as a whole.
        guard m4_engine_is_own() ? m4_breaks_at(raw, address) != 0 : raw.pointee.break_count > 0 else { return }
        let before = raw.pointee.pass_address == address ? raw.pointee.pass_kinds : 0
        raw.pointee.pass_address = address
        raw.pointee.pass_kinds = before | kinds
    }

    /// A BKPT that is no semihosting call.
    func breakpointInstruction(_ number: UInt8) {
        let address = nextPC & ~1
        if haltsAtBKPT {
            if own.pointee.passedBKPT == address {
                // Going on from one goes behind it.
                own.pointee.passedBKPT = nil
                nextPC = nextPC &+ 2
                engine.raw.pointee.cycles &+= 1
                return
            }
            own.pointee.passedBKPT = address
            pendingStop = .breakpoint(haltReport(.instruction(number)))
            return
        }
        if scs.monitorTakes(at: m4_engine_execution_priority(engine.raw)) {
            scs.note(.breakpoint)
            enter(.debugMonitor, returnTo: nextPC)
        } else {
            raise(.debugEvent, at: nextPC)
        }
    }

    // MARK: Steps and watched accesses

    /// The engine refused an access to a watched page: the instruction is to be executed by itself, with the page open.
    func watchedFault() {
        let pc = nextPC & ~1
        let access = instruction(at: pc)?.access(pc: pc, register: engine.r)
        // Those that the access touches: there may be many.
        let first = access.map { canonical($0.address) }
        let touched = watchpointsInForce.filter { watchpoint in
            guard let access, let first else { return false }
            var home = watchpoint
            home.address = canonical(watchpoint.address)
            return (access.isWrite ? watchpoint.writes : watchpoint.reads) && home.covers(first, access.count)
        }
        own.pointee.watched = Watched(pc: pc, access: access, touched: touched, before: touched.map(bytes(of:)))
        wantsStep = true
        pass(pc, kinds: Self.everyBreak)
    }

    /// Prepares the run of one instruction. Answers whether DEMCR.MON_STEP asks for it.
    func beginStep() -> Bool {
        let raw = engine.raw
        let pc = nextPC & ~1
        if m4_engine_is_own() {
            raw.pointee.is_step = true
        } else {
            raw.pointee.step_address = unit(at: pc).last.flatMap { last in instruction(at: last).map { last &+ $0.size } } ?? UInt32(M4_NOWHERE)
        }
        raw.pointee.deadline = raw.pointee.cycles &+ 1
        raw.pointee.watched_open = own.pointee.watched != nil
        wantsStep = false
        return steps && scs.monitorSteps(at: m4_engine_execution_priority(raw))
    }

    /// What executes between two stops: the instruction at `address`; with the system's libunicorn, which does not stop inside of an IT block, those of
    /// its IT block behind it, too.
    private func unit(at address: UInt32) -> [UInt32] {
        guard !m4_engine_is_own() else { return [address] }
        var addresses = [address], last = address
        var state = engine.itState
        while let instruction = instruction(at: last), addresses.count < 6 {
            state = instruction.itState(after: state)
            guard state != 0 else { break }
            last = last &+ instruction.size
            addresses.append(last)
        }
        return addresses
    }

    /// Closes what `beginStep` opened; the stop has not been handled yet.
    func endStep() {
        let raw = engine.raw
        m4_engine_end_step(raw)
        guard raw.pointee.watched_open else { return }
        raw.pointee.watched_open = false
        m4_engine_flush_permissions(raw)
    }

    /// What follows from the step, its stop handled. `executed`: an instruction has retired.
    func concludeStep(executed: Bool, monitored: Bool) {
        if let step = own.pointee.watched, executed || wantsStep == false {
            own.pointee.watched = nil
            if executed { judge(step) }
        }
        guard executed else { return }
        let current = m4_engine_execution_priority(engine.raw)
        if own.pointee.dataMatch {
            own.pointee.dataMatch = false
            if scs.monitorTakes(at: current) {
                scs.note(.watchpoint)
                scs.exceptions.setPending(.debugMonitor)
            }
        }
        if monitored {
            scs.note(.halted)
            scs.exceptions.setPending(.debugMonitor)
        }
    }

    /// Whether a watched access is one that someone waits for.
    private func judge(_ step: Watched) {
        guard let access = step.access else { return }
        if scs.matchAccess(access.address, count: access.count, isWrite: access.isWrite, value: value(access)) { own.pointee.dataMatch = true }
        for (watchpoint, old) in zip(step.touched, step.before) {
            let hit = WatchedAccess(
                pc: step.pc, address: access.address, count: access.count, isWrite: access.isWrite, watched: watchpoint.address,
                width: watchpoint.count, old: old, new: bytes(of: watchpoint))
            if let value = watchpoint.value, hit.new != value { continue }
            pendingStop = pendingStop ?? .watchpoint(haltReport(.access(hit)))
            return
        }
    }

    /// Up to eight bytes of memory at a watchpoint, little-endian.
    private func bytes(of watchpoint: Watchpoint) -> UInt64? {
        let count = min(8, watchpoint.count)
        guard let bytes = engine.memory(watchpoint.address, count: count) else { return nil }
        return (0..<Int(count)).reduce(0) { $0 | UInt64(bytes[$1]) << UInt64($1 * 8) }
    }
    private func value(_ access: ThumbInstruction.Access) -> UInt32? {
        guard access.count <= 4, let bytes = engine.memory(access.address, count: access.count) else { return nil }
        return (0..<Int(access.count)).reduce(0) { $0 | UInt32(bytes[$1]) << UInt32($1 * 8) }
    }

    // MARK: Reports

    private func haltReport(_ cause: HaltReport.Cause) -> HaltReport {
        HaltReport(
            cause: cause, registers: registers, history: history, cycle: cycles, retired: retired)
    }

    /// What DWT_PCSR shows: the start of the block under way.
    public var sampledPC: UInt32 { m4_block_address(engine.raw) }
}

extension Core {
    /// An instruction that accesses a watched page, before it is executed by itself.
    struct Watched: Equatable, Sendable {
        let pc: UInt32
        let access: ThumbInstruction.Access?
        /// The watchpoints that it touches, and their bytes.
        let touched: [Watchpoint]
        let before: [UInt64?]
    }
}
