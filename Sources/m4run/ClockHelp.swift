import ArgumentParser
import MP1Peripherals

extension SoCConfiguration.MCUClock: ExpressibleByArgument {}

/// What `--mcu-clock` is, for the commands that have it.
enum ClockHelp {
    static let text: ArgumentHelp = """
        What the boot loader made the M4's clock: pll3 (208.878 MHz, with the bus and kernel clocks of ST's device trees for TF-A) or \
        hsi (64 MHz, clocks as after a reset).
        """
}
