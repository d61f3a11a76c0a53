// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import Testing

@Suite struct RegisterMapTests {
    private let map = SoCDescription.stm32mp157.registers

    @Test func `Addresses have RM0436's names`() {
        #expect(map.location(at: 0x5000_010C)?.description == "RCC.MP_GCR")
        #expect(map.location(at: 0x4C00_1018)?.description == "IPCC.C2SCR")
        #expect(map.location(at: 0x5400_4014)?.description == "GPIOZ.ODR")
        #expect(map.location(at: 0x5C00_A148)?.description == "TAMP.BKP18R")
        #expect(map.location(at: 0x5000_D0C0)?.description == "EXTI.C2IMR1")
        #expect(map.location(at: 0x4001_001C)?.description == "UART4.ISR")
        #expect(map.location(at: 0x4000_0018)?.description == "TIM2.CCMR1")
        // Three blocks share a page.
        #expect(map.location(at: 0x4800_3008)?.description == "ADC1.CR")
        #expect(map.location(at: 0x4800_3108)?.description == "ADC2.CR")
        #expect(map.location(at: 0x4800_3308)?.description == "ADC12_COMMON.CCR")
    }

    @Test func `A byte inside a register belongs to it and a reserved word has only an offset`() {
        #expect(map.location(at: 0x5000_010E)?.description == "RCC.MP_GCR")
        #expect(map.location(at: 0x5000_0004)?.description == "RCC+0x4")
        #expect(map.location(at: 0x4000_B800)?.description == "SPI2+0x800")
    }

    @Test func `Nothing is where no block decodes`() {
        for address: UInt32 in [0x3FFF_FFFC, 0x4001_A000, 0x4300_0000, 0x5FFF_FFFC, 0x6000_0000, 0xE000_E100, 0, .max] {
            #expect(map.location(at: address) == nil)
        }
    }

    private func fields(_ block: String, _ register: String) -> [RegisterMap.Field] {
        guard let peripheral = map.peripheral(named: block), let address = map.address(block, register) else { return [] }
        return map.fields(of: peripheral, at: address - peripheral.base)
    }

    @Test func `A register has its fields by their lowest bits, and one with two layouts those of both`() {
        #expect(fields("WWDG1", "CFR").map { "\($0.name) \($0.bit)+\($0.width)" } == ["W 0+7", "EWI 9+1", "WDGTB 11+3"])
        #expect(fields("WWDG1", "CFR").map(\.mask) == [0x7F, 0x200, 0x3800])
        #expect(fields("CRC1", "DR").map(\.mask) == [.max])
        #expect(fields("PWR", "CR2").filter { !$0.isReadOnly }.map(\.name) == ["BREN", "RREN", "MONEN"])
        #expect(["CC4S", "IC4F", "OC4M", "OC4PE"].allSatisfy(fields("TIM1", "CCMR2").map(\.name).contains))
        #expect(!fields("TIM13", "CCMR1").map(\.name).contains("OC2M"))
        #expect(fields("DMA2", "S7CR").contains { $0.name == "TRBUFF" && $0.bit == 20 })
        // Shared with its neighbour's, and of memory none.
        #expect(fields("GPIOB", "MODER") == fields("GPIOC", "MODER"))
        #expect(map.peripheral(named: "SRAMCAN").map { map.fields(of: $0, at: 0) } == [])
    }

    @Test func `Fields lie inside of their registers`() {
        for peripheral in map.peripherals {
            for register in map.registers(of: peripheral) {
                let fields = map.fields(of: peripheral, at: register.offset)
                #expect(fields.allSatisfy { $0.bit + $0.width <= 32 && !$0.name.isEmpty }, "\(peripheral.name).\(register.name)")
                #expect(fields.map(\.bit) == fields.map(\.bit).sorted(), "\(peripheral.name).\(register.name)")
            }
        }
    }

    @Test func `Timers have the registers of the reference manual, not all of the description's`() {
        func has(_ block: String, _ register: String) -> Bool { map.address(block, register) != nil }
        #expect(["TIM16", "TIM17"].allSatisfy { has($0, "CCMR1") })
        #expect((2...5).allSatisfy { has("TIM\($0)", "TISEL") && has("TIM\($0)", "AF1") && !has("TIM\($0)", "BDTR") && !has("TIM\($0)", "RCR") })
        #expect((6...7).allSatisfy { !has("TIM\($0)", "CCMR1") && !has("TIM\($0)", "SMCR") })
        // ST's drivers read it before they stop a counter.
        let basic = map.peripheral(named: "TIM6").map { map.registers(of: $0) } ?? []
        #expect(basic.first { $0.name == "CCER" }?.access == .readOnly)
    }

    @Test func `Every register is found by its address and by its name`() {
        var count = 0
        for peripheral in map.peripherals {
            for register in map.registers(of: peripheral) {
                let address = peripheral.base + register.offset
                let location = map.location(at: address)
                #expect(location?.peripheral == peripheral.name)
                #expect(location?.register == register.name)
                #expect(location?.offset == register.offset)
                if map.registers(of: peripheral).filter({ $0.name == register.name }).count == 1 {
                    #expect(map.address(of: "\(peripheral.name).\(register.name)") == address)
                }
                count += 1
            }
        }
        #expect(count > 4000)
    }

    @Test func `Blocks are sorted, lie in the M4's peripheral region and do not overlap`() {
        let peripherals = map.peripherals
        for (here, after) in zip(peripherals, peripherals.dropFirst()) {
            #expect(UInt64(here.base) + UInt64(here.size) <= UInt64(after.base))
        }
        #expect(peripherals.allSatisfy { $0.base >= 0x4000_0000 && $0.base + ($0.size - 1) <= 0x5FFF_FFFF })
    }

    @Test func `Names may be written as ST's headers write them`() {
        #expect(map.address(of: "RCC_MP_GCR") == 0x5000_010C)
        #expect(map.address(of: "GPIOA.BSRR") == 0x5000_2018)
        #expect(map.address(of: "GPIOA.NOPE") == nil)
        #expect(map.address(of: "") == nil)
    }

    @Test func `Interrupt lines have the names of ST's vector table`() {
        #expect(map.interruptName(0) == "WWDG1")
        #expect(map.interruptName(103) == "IPCC_RX1")
        #expect(map.interruptName(125) == "HSEM_IT2")
        #expect(map.interruptName(81) == "FPU")
        #expect(map.interruptName(52) == "UART4")
        #expect(map.interruptName(99) == nil)
        #expect(map.interruptName(150) == nil)
        #expect(map.interruptName(-1) == nil)
        #expect(map.interrupt(named: "TIM6") == 54)
    }
}
