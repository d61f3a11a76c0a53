// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CSTM32MP157
import MachineBase

extension SoCDescription {
    /// The STM32MP157 with its Cortex-M4. Source: RM0436; ST's device trees for Linux, OP-TEE and TF-A.
    public static let stm32mp157: SoCDescription = {
        let map = RegisterMap(stm32mp157_registers())
        return SoCDescription(
            name: "STM32MP157", family: "STM32MP15", registers: map,
            memories: [STM32MP15Memory.retram, STM32MP15Memory.mcusram], externalMemory: STM32MP15Memory.ddr,
            coprocessor: Coprocessor(
                core: .cortexM4, priorityBits: 4,
                teeProcessor: 0,  // STM32_M4_RPROC_ID
                holdBoot: map.bits("RCC", "MP_GCR", 1),  // BOOT_MCU
                reset: map.bits("RCC", "MP_GRSTCSETR", 1 << 1),  // MCURST
                standby: map.bits("PWR", "MCUCR", 1),  // PDDS
                secureControl: map.bits("RCC", "TZCR", 1),  // TZEN
                state: map.bits("TAMP", "BKP18R"), resourceTable: map.bits("TAMP", "BKP17R"),
                watchdogReset: EdgeLine(68, of: "EXTI", in: map)),
            mailbox: Mailbox(
                "IPCC", of: map, receive: "IPCC_RX1", transmit: "IPCC_TX1", channels: Mailbox.Channels(vq0: 0, vq1: 1, shutdown: 2, detach: 3)),
            wakeUpLines: .stm32mp15(map), dmaRequests: .stm32mp15,
            oscillators: STM32MP15Clocks.oscillators, kernelClocks: .stm32mp15(map), usualClock: .pll3, otherClocks: [.hsi],
            bootPins: BootPins(usual: 5, engineering: 4),  // 5: from the SD card
            reservedMemory: STM32MP15Memory.reserved,
            deviceTree: DeviceTreeNames(
                coprocessor: "st,stm32mp1-m4", secureCoprocessor: "st,stm32mp1-m4-tee", coprocessorBelowTEE: "st,stm32mp15-m4-tee",
                mailbox: "st,stm32mp1-ipcc", resetController: "st,stm32mp1-rcc", interruptControllerSuffix: "-exti", node: "m4",
                nodeRange: STM32MP15Memory.nodeRange),
            // RM0436's vector table and memory map name these otherwise.
            interruptBlocks: ["DAC": ["DAC1"], "OTG": ["USB_OTG"], "ETH1": ["ETH_MAC", "ETH_MTL", "ETH_DMA"]])
    }()
}

extension WakeUpLines {
    /// Source: RM0436, EXTI and NVIC.
    static func stm32mp15(_ map: RegisterMap) -> WakeUpLines {
        WakeUpLines(
            configurable: [0x0001_FFFF, 0, 0x0000_0616],  // 0-16, 65, 66, 68, 73, 74
            edges: (0..<16).map { Line($0, [map.line("EXTI\($0)")]) } + [
                Line(16, [map.line("PVD_AVD")]), Line(66, [map.line("MPU_SEV")]),
            ],
            direct: [
                Line(47, [map.line("LPTIM1")]), Line(48, [map.line("LPTIM2")]), Line(50, [map.line("LPTIM3")]), Line(52, [map.line("LPTIM4")]),
                Line(53, [map.line("LPTIM5")]), Line(62, [map.line("IPCC_RX1"), map.line("IPCC_TX1")]), Line(64, [map.line("HSEM_IT2")]),
            ])
    }
}
