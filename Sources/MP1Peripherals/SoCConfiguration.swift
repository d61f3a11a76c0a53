import MachineBase

/// What the boot chain has decided before the Cortex-M4 runs.
public struct SoCConfiguration: Equatable, Sendable {
    /// Where RCC says that the M4's clock comes from.
    public enum MCUClock: Equatable, Sendable {
        /// HSI, 64 MHz: RCC after a boot that left the MCU clock alone.
        case hsi
        /// PLL3 from a 24 MHz HSE, 208.877930 MHz: ST's device trees for the DK and EV boards.
        case pll3

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

    public init(mcuClock: MCUClock = .hsi, bootPins: UInt32 = 5, isRCCSecure: Bool = true) {
        self.mcuClock = mcuClock
        self.bootPins = bootPins & 7
        self.isRCCSecure = isRCCSecure
    }
}
