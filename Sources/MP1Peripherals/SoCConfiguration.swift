import MachineBase

/// What the boot chain has decided before the Cortex-M4 runs.
public struct SoCConfiguration: Equatable, Sendable {
    /// Where the M4's clock comes from, and the rest of RCC with it.
    public enum MCUClock: String, CaseIterable, Equatable, Sendable {
        /// PLL3, 208.877930 MHz, with the bus dividers and kernel clocks that TF-A sets from ST's device trees for the DK and EV boards.
        case pll3
        /// HSI, 64 MHz, all dividers and selections as after a reset: a boot chain that left the clocks alone.
        case hsi

        public var coreClock: CoreClock {
            switch self {
            case .hsi: CoreClock(hertz: 64_000_000)
            case .pll3: CoreClock(hertz: 208_877_930)
            }
        }
    }

    public var mcuClock: MCUClock
    /// BOOT[2:0] as SYSCFG_BOOTR shows them: 5 is boot from SD card; 4 is engineering boot, in which firmware sets up clocks.
    public var bootPins: UInt32
    /// RCC_TZCR.TZEN: hold boot and the MCU reset obey secure writes only.
    public var isRCCSecure: Bool

    public init(mcuClock: MCUClock = .pll3, bootPins: UInt32 = 5, isRCCSecure: Bool = true) {
        self.mcuClock = mcuClock
        self.bootPins = bootPins & 7
        self.isRCCSecure = isRCCSecure
    }
}
