// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MachineBase

extension SoCDescription {
    /// A chip that nobody makes: an STM32MP157 of which everything that a description tells is elsewhere. What takes a fact from anywhere but
    /// the description fails on it. firmware-samples/second-chip/ has the same addresses for firmware.
    public static let second: SoCDescription = {
        let map = SoCDescription.stm32mp157.registers.exchanging(
            [("IPCC", "DCMI"), ("RCC", "GPIOK"), ("PWR", "VREFBUF"), ("EXTI", "SAI4"), ("TAMP", "I2C4"), ("WWDG1", "TIM7")],
            interrupts: [("IPCC_RX1", "DFSDM1_FLT0"), ("IPCC_TX1", "DFSDM1_FLT1"), ("WWDG1", "CEC"), ("RCC", "SAI1")])
        let code: UInt32 = 0x1200_0000, alias: UInt32 = 0x3400_0000, retention: UInt32 = 0x3900_0000, external: UInt32 = 0xD000_0000
        return SoCDescription(
            name: "SECOND", family: "SECONDS", registers: map,
            memories: [
                ChipMemory("VECTORS", size: 0x2_0000, windows: [.init(device: 0, physical: retention)]),
                ChipMemory("SRAM", size: 0x5_0000, windows: [.init(device: code, physical: code), .init(device: alias, physical: alias)]),
            ],
            externalMemory: ChipMemory("SDRAM", size: 0x80_0000, windows: [.init(device: external, physical: external)]),
            coprocessor: Coprocessor(
                core: .cortexM4, priorityBits: 3, teeProcessor: 5, holdBoot: map.bits("RCC", "MP_APRSTCR", 1),
                reset: map.bits("RCC", "MP_BOOTCR", 1 << 4), standby: map.bits("PWR", "MPUCR", 1), secureControl: map.bits("RCC", "TZCR", 1),
                state: map.bits("TAMP", "BKP3R"), resourceTable: map.bits("TAMP", "BKP4R"), watchdogReset: EdgeLine(73, of: "EXTI", in: map)),
            mailbox: Mailbox(
                "IPCC", of: map, receive: "IPCC_RX1", transmit: "IPCC_TX1", channels: Mailbox.Channels(vq0: 4, vq1: 1, shutdown: 0, detach: 2)),
            wakeUpLines: WakeUpLines(
                configurable: [0x0001_FFFF, 0, 0x0000_0616], edges: (0..<16).map { WakeUpLines.Line($0, [map.line("EXTI\($0)")]) },
                direct: [WakeUpLines.Line(62, [map.line("IPCC_RX1"), map.line("IPCC_TX1")])]),
            dmaRequests: DMARequests([9: ["USART2_RX", "USART2_TX", "SPI1_RX", "SPI1_TX"]]),
            oscillators: Oscillators(lsi: 32_000, lse: 32_768, csi: 4_000_000, hse: 24_000_000, hsi: 48_000_000),
            kernelClocks: KernelClocks([
                .init(["USART2"], KernelClock(map.bits("RCC", "UART24CKSELR", 7), [.hsi, .hse])), .init(["TIM2"], KernelClock(nil, [.core])),
                .init(["WWDG1"], KernelClock(nil, [.bus(1)])),
            ]),
            usualClock: BootClock("slow", hertz: 48_000_000, settings: []), otherClocks: [], bootPins: BootPins(usual: 2, engineering: 3),
            reservedMemory: [
                ReservedMemory("vectors", retention, size: 0x2_0000, .firmware),
                ReservedMemory("code", code, size: 0x3_0000, .firmware),
                ReservedMemory("vdev0vring0", code + 0x3_0000, size: 0x1000, .shared),
                ReservedMemory("vdev0vring1", code + 0x3_1000, size: 0x1000, .shared),
                ReservedMemory("vdev0buffer", code + 0x3_2000, size: 0x4000, .shared),
            ],
            deviceTree: DeviceTreeNames(
                coprocessor: "second,core", secureCoprocessor: "second,core-tee", coprocessorBelowTEE: "second,core-below", mailbox: "second,mailbox",
                resetController: "second,resets", interruptControllerSuffix: "-lines", node: "core",
                nodeRange: PhysicalRange(start: PhysicalAddress(code), size: 0x3_0000)),
            interruptBlocks: [:])
    }()
}
