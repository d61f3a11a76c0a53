// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

/// Random number generator (RM0436, RNG). Its numbers are pseudo-random from a fixed seed, so that a run repeats itself; each is
/// ready at once, and no seed or clock error ever happens.
public final class RNG: RegisterBlock {
    private let interrupt: Int
    private let seed: UInt64

    struct State: BlockState {
        /// Of the generator of pseudo-random numbers.
        var random: UInt64
    }
    private var state: State
    override var ownState: any BlockState { get { state } set { state = newValue as? State ?? state } }

    init(_ name: String, seed: UInt64, on interconnect: Interconnect) {
        interrupt = interconnect.chip.registers.line(name)
        self.seed = seed
        state = State(random: seed)
        super.init(index: Self.index(name, on: interconnect), on: interconnect)
    }

    override var map: BlockMap { Self.map }
    private static let map = BlockMap(
        onRead: [SR.self, DR.self], onWrite: [CR.self, SR.self], acting: [CR.RNGEN, CR.IE, SR.all],
        // No clock error happens, looked for or not.
        holding: [CR.CED])

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        let isOn = has(CR.RNGEN)
        switch offset {
        case SR.offset: return isOn ? SR.DRDY.mask : 0
        case DR.offset: return isOn ? next() : 0
        default: return readStored(offset, by: initiator)
        }
    }

    override func peek(_ offset: UInt32) -> UInt32 { withoutTrace { read(offset, by: .cortexM4) } }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        guard offset != SR.offset else { return }  // its error flags are never set
        writeStored(offset, value, lanes: lanes, by: initiator)
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        if kind == .powerOn { state.random = seed }
        if isTouched { update() }
    }

    /// The generator's upper half; never zero, for firmware takes a zero from DR as "not ready" (RM0436, RNG).
    private func next() -> UInt32 {
        var random = SplitMix64(state: state.random)
        let number = UInt32(truncatingIfNeeded: random.next() >> 32)
        state.random = random.state
        return number == 0 ? 0x6A09_E667 : number
    }

    private func update() {
        interconnect.drive(interrupt, has(CR.RNGEN) && has(CR.IE))
    }
}
