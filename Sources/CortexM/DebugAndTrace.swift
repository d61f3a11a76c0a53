// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

/// The debug hardware that firmware itself can use: DEMCR and DFSR, DWT, ITM, FPB. Halting debug is absent: DHCSR reads 0.
/// Source: ARMv7-M ARM, C1.6 to C1.11.
public struct DebugAndTrace: Equatable, Sendable {
    var itm = InstrumentationTrace()
    var dwt = DataWatchpointTrace()
    var fpb = FlashPatch()
    /// DEMCR without MON_PEND, which is the DebugMonitor exception's pending state.
    private(set) var exceptionMonitor: UInt32 = 0
    /// DFSR.
    var faults: UInt32 = 0

    /// Bits of DFSR.
    public enum Event: UInt32, Sendable {
        /// A single step's end, or a request by MON_REQ's user.
        case halted = 0
        case breakpoint = 1
        case watchpoint = 2
        case vectorCatch = 3
        case external = 4
    }

    /// Groups of eight stimulus ports that unprivileged code may use: ITM_TPR inverted.
    public var unprivilegedPorts: UInt32 { itm.unprivilegedPorts }

    init() {}
    mutating func reset() {
        itm.reset(); dwt.reset(); fpb.reset()
        exceptionMonitor = 0
        faults = 0
    }

    /// DEMCR.TRCENA: without it ITM and DWT do nothing.
    var tracing: Bool { exceptionMonitor & 1 << 24 != 0 }
    var monitorIsEnabled: Bool { exceptionMonitor & 1 << 16 != 0 }
    public var monitorSteps: Bool { exceptionMonitor & (1 << 18 | 1 << 16) == 1 << 18 | 1 << 16 }
    static let monitorPending: UInt32 = 1 << 17

    mutating func setExceptionMonitor(_ value: UInt32, now: UInt64) {
        let traced = tracing
        dwt.setTracing(value & 1 << 24 != 0, was: traced, now: now)
        exceptionMonitor = value & 0x010D_07F1
    }

    /// `address` from 0xE0000000 to 0xE0002FFF.
    mutating func read(_ address: UInt32, _ core: (any CoreControl)?) -> UInt32 {
        let offset = address & 0xFFF
        switch address >> 12 & 3 {
        case 0: return itm.read(offset, tracing: tracing, privileged: core?.isPrivileged ?? true)
        case 1: return dwt.read(offset, now: core?.cycles ?? 0, tracing: tracing) { core?.sampledPC ?? 0xFFFF_FFFF }
        default: return fpb.read(offset)
        }
    }

    /// What `read` would give to privileged code. Reading can clear a flag, here it does not.
    func look(at address: UInt32, _ core: (any CoreControl)?) -> UInt32 {
        if address >> 12 & 3 == 0 { return itm.read(address & 0xFFF, tracing: tracing, privileged: true) }
        var copy = self
        return copy.read(address, core)
    }

    /// What a write asks the owner for: it is told after this value is at rest.
    enum Effect { case none, changed, stimulus(port: Int) }

    mutating func write(_ address: UInt32, _ value: UInt32, _ core: (any CoreControl)?) -> Effect {
        let offset = address & 0xFFF
        switch address >> 12 & 3 {
        case 0: return itm.write(offset, value, tracing: tracing, privileged: core?.isPrivileged ?? true).map { .stimulus(port: $0) } ?? .none
        case 1: return dwt.write(offset, value, now: core?.cycles ?? 0, tracing: tracing) ? .changed : .none
        default: return fpb.write(offset, value) ? .changed : .none
        }
    }
}

extension SystemControlSpace {
    /// A write to ITM, DWT or FPB.
    func writeDebug(_ address: UInt32, _ value: UInt32, size: UInt32) {
        switch debug.write(address, value, core) {
        case .none: break
        case .changed: core?.debugChanged()
        case .stimulus(let port):
            onStimulus?(port, value, Int(size))
        }
    }
}

// What the core asks.
extension SystemControlSpace {
    /// Whether a debug event may take the DebugMonitor exception at execution priority `current`.
    public func monitorTakes(at current: Int32) -> Bool {
        debug.monitorIsEnabled && exceptions.groupPriority(.debugMonitor) < current
    }
    /// Whether MON_STEP asks for a DebugMonitor behind the next instruction, at execution priority `current`.
    public func monitorSteps(at current: Int32) -> Bool { debug.monitorSteps && exceptions.groupPriority(.debugMonitor) < current }

    /// Records a debug event in DFSR.
    public func note(_ event: DebugAndTrace.Event) { debug.faults |= 1 << event.rawValue }

    /// Addresses of the FPB's breakpoints.
    public var patchedBreakpoints: [UInt32] { debug.fpb.breakpoints }
    /// Instruction addresses that DWT comparators match, and the bits of them that do not count.
    public var matchedInstructions: [(address: UInt32, ignored: UInt32)] { debug.tracing ? debug.dwt.instructionMatches : [] }
    /// Data addresses that DWT comparators look at, first and last.
    public var watchedRanges: [(first: UInt32, last: UInt32)] { debug.tracing ? debug.dwt.watchedRanges : [] }

    /// Tells the DWT of an instruction; true when that is a debug event.
    public func matchInstruction(_ address: UInt32) -> Bool { debug.tracing && debug.dwt.matchInstruction(address) }
    /// Tells the DWT of a data access; true when that is a debug event.
    public func matchAccess(_ address: UInt32, count: UInt32, isWrite: Bool, value: UInt32?) -> Bool {
        debug.tracing && debug.dwt.matchAccess(address, count: count, isWrite: isWrite, value: value)
    }
}
