import Chips
import MachineBase

/// Random number generator (RM0436, RNG). Its numbers are pseudo-random from a fixed seed, so that a run repeats itself; each is
/// ready at once, and no seed or clock error ever happens.
public final class RNG: RegisterBlock {
    private enum Offset {
        static let cr: UInt32 = 0x00
        static let sr: UInt32 = 0x04
        static let dr: UInt32 = 0x08
    }
    private static let enable: UInt32 = 1 << 2
    private static let interruptEnable: UInt32 = 1 << 3

    private let interrupt: Int
    private let seed: UInt64
    private var random: SplitMix64

    init(_ name: String, seed: UInt64, on interconnect: Interconnect) {
        interrupt = interconnect.chip.registers.line(name)
        self.seed = seed
        random = SplitMix64(state: seed)
        super.init(index: Self.index(name, on: interconnect), on: interconnect)
    }

    override class var plainRegisters: [Range<UInt32>] { [0x00..<0x0C] }

    override func read(_ offset: UInt32, by initiator: Initiator) -> UInt32 {
        let isOn = self[Offset.cr] & Self.enable != 0
        switch offset {
        case Offset.sr: return isOn ? 1 : 0  // DRDY
        case Offset.dr: return isOn ? next() : 0
        default: return readStored(offset, by: initiator)
        }
    }

    override func write(_ offset: UInt32, _ value: UInt32, lanes: UInt32, by initiator: Initiator) {
        guard offset != Offset.sr else { return }  // its error flags are never set
        writeStored(offset, value, lanes: lanes, by: initiator)
        update()
    }

    override func reset(_ kind: SoC.Reset) {
        super.reset(kind)
        if kind == .powerOn { random.state = seed }
        if isTouched { update() }
    }

    /// The generator's upper half; never zero, for firmware takes a zero from DR as "not ready" (RM0436, RNG).
    private func next() -> UInt32 {
        let number = UInt32(truncatingIfNeeded: random.next() >> 32)
        return number == 0 ? 0x6A09_E667 : number
    }

    private func update() {
        let both = Self.enable | Self.interruptEnable
        interconnect.drive(interrupt, self[Offset.cr] & both == both)
    }
}
