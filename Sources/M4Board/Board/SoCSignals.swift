// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import MP1Peripherals
import MachineBase

/// The wires from the SoC's peripherals: interrupts to the core, hold boot and resets, memory for DMA; what it tells goes on to the board's events.
final class SoCSignals: SoCHost {
    let core: Core
    private let stopsAtUnmodelled: Bool
    /// Owns this and clears this when it goes. Not weak: that costs each access.
    unowned(unsafe) var board: M4Board?
    /// What of it changes.
    struct State: Equatable, Sendable {
        var bootReleased = false
        /// Waits for the end of the access that asked for it.
        var pendingReset: ResetRequest?
        var unmodelledStop: UnmodelledAccess?
    }
    var state = State()

    init(core: Core, eventQueue: EventQueue, clock: CoreClock, stopsAtUnmodelled: Bool) {
        self.core = core
        self.stopsAtUnmodelled = stopsAtUnmodelled
        super.init(coreClock: clock, eventQueue: eventQueue)
    }

    override var nowCycles: UInt64 { core.cycles }
    override func setInterrupt(_ irq: Int, level: Bool) { core.scs.exceptions.setLine(irq, level: level) }
    override func eventSignalled() { core.eventRegister = true }

    // MARK: DMA

    override func dmaRead(_ address: UInt32, width: Int) -> UInt32? {
        guard let board else { return nil }
        var value: UInt32 = 0
        let read = withUnsafeMutableBytes(of: &value) { bytes in
            (try? board.read(PhysicalAddress(address), into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<min(4, width)]), secure: false)) != nil
        }
        return read ? UInt32(littleEndian: value) : nil
    }

    override func dmaWrite(_ address: UInt32, _ value: UInt32, width: Int) -> Bool {
        guard let board else { return false }
        return withUnsafeBytes(of: value.littleEndian) { bytes in
            (try? board.write(PhysicalAddress(address), from: UnsafeRawBufferPointer(rebasing: bytes[..<min(4, width)]), secure: false)) != nil
        }
    }

    // MARK: Reset

    override func holdBootChanged(released: Bool) {
        state.bootReleased = released
        if released && core.phase == .held { core.release() }
    }

    /// The access that asked is still under way: the reset follows it.
    override func resetRequested(_ request: ResetRequest) {
        state.pendingReset = request
        core.interrupt()
    }

    override func watchdogReset() {
        resetMCU(watchdog: true)
        if let board { board.events.publish(.watchdogReset) }
    }

    /// Carries out the reset that a register write has asked for; false when there was none.
    @discardableResult
    func settleReset() -> Bool {
        guard let request = state.pendingReset else { return false }
        state.pendingReset = nil
        switch request {
        case .mcu: resetMCU(watchdog: false)
        case .system:
            core.hold()
            state.bootReleased = false
            board?.soc.reset()
        }
        return true
    }

    /// The core goes through reset and starts again only where hold boot is released.
    func resetMCU(watchdog: Bool) {
        core.hold()
        board?.soc.resetMCUDomain(cause: watchdog ? .watchdog : .mcu)
        if state.bootReleased { core.release() }
    }

    // MARK: What the world is told

    override func report(_ event: SoCEvent) {
        guard let board else { return }
        if case .unsupported(let feature) = event { board.unsupportedFeatures.append(feature) }
        board.events.publish(.soc(event))
        if case .unmodelled(let access) = event, stopsAtUnmodelled, state.unmodelledStop == nil {
            state.unmodelledStop = access
            core.requestStop()
        }
    }
}
