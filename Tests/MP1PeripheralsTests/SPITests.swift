// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MP1Peripherals
import Testing

/// SPI4 on HSI: at 64 MHz and with MBR 0, a frame of eight bits takes 16 cycles.
@Suite struct SPITests {
    private static let master: UInt32 = 1 << 22, softwareSelect: UInt32 = 1 << 26, outputSelect: UInt32 = 1 << 29
    private static let enable: UInt32 = 1, start: UInt32 = 1 << 9, internalSelect: UInt32 = 1 << 12
    private static let rxp: UInt32 = 1, txp: UInt32 = 1 << 1, eot: UInt32 = 1 << 3, txtf: UInt32 = 1 << 4, ovr: UInt32 = 1 << 6
    private static let susp: UInt32 = 1 << 11, txc: UInt32 = 1 << 12

    /// Frames of `bits` bits, `length` of them or without end, the SPI on and its clock running.
    private func started(_ device: SPIDevice?, by selection: SPIDevice.Selection = .always, bits: UInt32 = 8, length: UInt32, more: UInt32 = 0) -> TestSoC {
        let chip = TestSoC()
        chip["RCC.SPI45CKSELR"] = 2
        if let device { chip.soc.spi(4)?.attach(device, selectedBy: selection) }
        chip["SPI4.CFG1"] = bits - 1
        chip["SPI4.CFG2"] = Self.master | Self.softwareSelect
        begin(chip, length: length, more: more)
        return chip
    }

    private func begin(_ chip: TestSoC, length: UInt32, more: UInt32 = 0) {
        chip["SPI4.CR2"] = length
        chip["SPI4.CR1"] = Self.enable | Self.internalSelect | more
        chip["SPI4.CR1"] |= Self.start
    }

    private func send(_ chip: TestSoC, _ value: UInt32, width: Int = 1) { chip.soc.write(chip.address("SPI4.TXDR"), value, width: width) }
    private func received(_ chip: TestSoC, width: Int = 1) -> UInt32 { chip.soc.read(chip.address("SPI4.RXDR"), width: width) }

    @Test func `A transfer of three frames ends with EOT, and each takes its time`() {
        let chip = started(SPILoopback(), length: 3)
        #expect(chip["SPI4.SR"] & (Self.rxp | Self.txp | Self.eot | Self.txtf | Self.txc) == Self.txp)
        for byte: UInt32 in [0x11, 0x22, 0x33] { send(chip, byte) }
        #expect(chip["SPI4.SR"] & (Self.txtf | Self.txp) == Self.txtf)
        chip.host.run(to: 15)
        #expect(chip["SPI4.SR"] & Self.rxp == 0)
        chip.host.run(to: 16)
        #expect(chip["SPI4.SR"] & Self.rxp != 0)
        #expect(chip["SPI4.SR"] >> 16 == 2)
        chip.host.run(to: 47)
        #expect(chip["SPI4.SR"] & Self.eot == 0)
        chip.host.run(to: 48)
        #expect(chip["SPI4.SR"] & (Self.eot | Self.txc) == Self.eot | Self.txc)
        #expect(chip["SPI4.CR1"] & Self.start == 0)
        #expect((0..<3).map { _ in received(chip) } == [0x11, 0x22, 0x33])
        #expect(chip["SPI4.SR"] & Self.rxp == 0)
        chip["SPI4.IFCR"] = Self.eot | Self.txtf
        #expect(chip["SPI4.SR"] & (Self.eot | Self.txtf) == 0)
    }

    @Test(arguments: [false, true])
    func `A master on a bus without a device is told of, once`(_ hasDevice: Bool) {
        let chip = started(hasDevice ? SPILoopback() : nil, length: 2)
        for _ in 0..<2 {
            for byte: UInt32 in [0x11, 0x22] { send(chip, byte) }
            chip.host.run(to: chip.host.nowCycles + 100)
            #expect((0..<2).map { _ in received(chip) } == (hasDevice ? [0x11, 0x22] : [0, 0]))
            chip["SPI4.CR1"] = 0
            begin(chip, length: 2)
        }
        #expect(chip.host.features.map(\.description) == (hasDevice ? [] : ["SPI4: device on the bus (CR1.CSTART = 1 at 0x44005000) is not modelled: what comes in is 0"]))
    }

    @Test func `An access to the FIFOs holds as many frames as it is wide`() {
        let chip = started(SPILoopback(), length: 6)
        send(chip, 0x4433_2211, width: 4)
        send(chip, 0x6655, width: 2)
        chip.host.run(to: 6 * 16)
        #expect(chip["SPI4.SR"] >> 13 & 7 == 4 | 2)  // RXWNE, and two frames beyond a word
        #expect(received(chip, width: 4) == 0x4433_2211)
        #expect(chip["SPI4.SR"] >> 13 & 7 == 2)
        #expect(received(chip, width: 2) == 0x6655)
    }

    @Test func `Frames of sixteen bits and LSB first`() {
        let chip = TestSoC()
        chip["RCC.SPI45CKSELR"] = 2
        let device = Recorder()
        chip.soc.spi(4)?.attach(device)
        chip["SPI4.CFG1"] = 15
        chip["SPI4.CFG2"] = Self.master | Self.softwareSelect | 1 << 23
        begin(chip, length: 1)
        send(chip, 0x8001, width: 2)
        chip.host.run(to: 31)
        #expect(device.frames.isEmpty)
        chip.host.run(to: 32)
        #expect(device.frames == [0x8001])
        #expect(received(chip, width: 2) == 0x000F)  // 0xF000, backwards
    }

    @Test func `A pin selects a register file, whose command ends with it`() {
        let file = SPIRegisterFile([0x10, 0x11, 0x12])
        let chip = started(file, by: .pin(.e, 11), length: 0)
        chip["GPIOE.BSRR"] = 1 << 11
        chip["GPIOE.MODER"] = 0xFFFF_FFFF & ~(3 << 22) | 1 << 22
        func command(_ bytes: [UInt32]) -> [UInt32] {
            chip["GPIOE.BSRR"] = 1 << 27
            defer { chip["GPIOE.BSRR"] = 1 << 11 }
            return bytes.map { byte in
                send(chip, byte)
                chip.host.run(to: chip.host.nowCycles + 16)
                return received(chip)
            }
        }
        #expect(command([0x81, 0, 0]) == [0, 0x11, 0x12])
        #expect(command([0x05, 0xAB, 0xCD]) == [0, 0, 0])
        #expect(file.registers[5...6] == [0xAB, 0xCD])
        send(chip, 0x80)
        chip.host.run(to: chip.host.nowCycles + 16)
        send(chip, 0)
        chip.host.run(to: chip.host.nowCycles + 16)
        #expect([received(chip), received(chip)] == [0, 0])  // nobody is selected
    }

    @Test func `NSS reaches what hangs at its pin while the pin has that function`() {
        let chip = TestSoC()
        chip["RCC.SPI45CKSELR"] = 2
        let device = Recorder()
        chip.soc.spi(4)?.attach(device, selectedBy: .pin(.e, 11))
        chip["GPIOE.MODER"] = 2 << 22
        chip["GPIOE.AFRH"] = 5 << 12
        chip["SPI4.CFG1"] = 7
        chip["SPI4.CFG2"] = Self.master | Self.outputSelect
        begin(chip, length: 1)
        #expect(chip["GPIOE.IDR"] & 1 << 11 == 0)
        #expect(device.selections == [true])
        send(chip, 0x42)
        chip.host.run(to: 16)
        #expect(device.selections == [true, false])
        #expect(device.frames == [0x42])
        #expect(chip["GPIOE.IDR"] & 1 << 11 != 0)
        // The next one begins while the pin is TIM1_CH2.
        chip["SPI4.CR1"] = 0
        #expect(chip["GPIOE.IDR"] & 1 << 11 == 0)
        chip["GPIOE.AFRH"] = 1 << 12
        begin(chip, length: 1)
        send(chip, 0x43)
        chip.host.run(to: 100)
        #expect(device.frames == [0x42])
        // An alternate function that no block drives leaves the pin to its pull.
        chip["GPIOE.PUPDR"] = 1 << 22
        #expect(chip["GPIOE.IDR"] & 1 << 11 != 0)
    }

    /// By SSIOP and AFCNTR: whether NSS is high while the SPI is off, on, in a transfer, and off again. Off, the pin has its pull.
    @Test(arguments: [(false, false, [false, true, false, false]), (true, false, [false, false, true, false]),
        (false, true, [true, true, false, true]), (true, true, [false, false, true, false])])
    func `NSS is active at SSIOP's level, and driven by an SPI that is off with AFCNTR`(activeHigh: Bool, keeps: Bool, levels: [Bool]) {
        let chip = TestSoC()
        chip["RCC.SPI45CKSELR"] = 2
        chip["GPIOE.MODER"] = 2 << 22
        chip["GPIOE.AFRH"] = 5 << 12
        chip["SPI4.CFG1"] = 7
        chip["SPI4.CFG2"] = Self.master | Self.outputSelect | (activeHigh ? 1 << 28 : 0) | (keeps ? 1 << 31 : 0)
        var seen = [chip["GPIOE.IDR"] & 1 << 11 != 0]
        chip["SPI4.CR1"] = 1
        seen.append(chip["GPIOE.IDR"] & 1 << 11 != 0)
        begin(chip, length: 1)
        seen.append(chip["GPIOE.IDR"] & 1 << 11 != 0)
        chip["SPI4.CR1"] = 0
        seen.append(chip["GPIOE.IDR"] & 1 << 11 != 0)
        #expect(seen == levels)
    }

    @Test func `NSS is low from the start of a transfer to its end`() {
        let chip = TestSoC()
        chip["RCC.SPI45CKSELR"] = 2
        let device = Recorder()
        chip.soc.spi(4)?.attach(device, selectedBy: .nss)
        chip["SPI4.CFG1"] = 7
        chip["SPI4.CFG2"] = Self.master | Self.outputSelect
        begin(chip, length: 2)
        #expect(device.selections == [true])
        send(chip, 1)
        send(chip, 2)
        chip.host.run(to: 32)
        #expect(device.selections == [true, false])
        #expect(device.frames == [1, 2])
    }

    @Test func `Frames that nobody reads are an overrun, unless MASRX stops the clock`() {
        for masrx: UInt32 in [0, 1 << 8] {
            let chip = started(SPILoopback(), length: 12, more: masrx)
            for byte in 0..<8 as Range<UInt32> { send(chip, byte) }
            chip.host.run(to: 8 * 16)
            for byte in 8..<12 as Range<UInt32> { send(chip, byte) }
            chip.host.run(to: 12 * 16)
            #expect(chip["SPI4.SR"] & Self.ovr == (masrx == 0 ? Self.ovr : 0))
            #expect(chip["SPI4.SR"] & Self.eot == (masrx == 0 ? Self.eot : 0))
            #expect((0..<8).map { _ in received(chip) } == Array(0..<8))
            chip.host.run(to: 24 * 16)
            #expect(chip["SPI4.SR"] & Self.eot == Self.eot)
            #expect(chip["SPI4.SR"] & Self.rxp == (masrx == 0 ? 0 : Self.rxp))
        }
    }

    @Test func `A transfer without a length is suspended between frames`() {
        let chip = started(SPILoopback(), length: 0)
        send(chip, 1)
        send(chip, 2)
        chip.host.run(to: 8)
        chip["SPI4.CR1"] |= 1 << 10
        chip.host.run(to: 100)
        #expect(chip["SPI4.SR"] & Self.susp != 0)
        #expect(chip["SPI4.CR1"] & Self.start == 0)
        #expect(received(chip) == 1)
        #expect(chip["SPI4.SR"] & Self.rxp == 0)
    }

    @Test func `Flags interrupt where they are enabled`() {
        let chip = started(SPILoopback(), length: 1)
        #expect(chip.host.interrupts.isEmpty)
        chip["SPI4.IER"] = 1 << 3
        #expect(chip.host.interrupts.isEmpty)
        send(chip, 1)
        chip.host.run(to: 16)
        #expect(chip.host.interrupts == [84])
        chip["SPI4.IFCR"] = Self.eot
        #expect(chip.host.interrupts.isEmpty)
        chip["SPI4.IER"] = 1
        #expect(chip.host.interrupts == [84])
        _ = received(chip)
        #expect(chip.host.interrupts.isEmpty)
    }

    @Test func `Two streams feed the SPI and empty it`() {
        let chip = TestSoC()
        chip["RCC.SPI45CKSELR"] = 2
        chip.soc.spi(4)?.attach(SPILoopback())
        for i in 0..<64 { chip.host.memory[i] = UInt8(i) }
        chip["DMAMUX1.C8CR"] = 83  // SPI4_RX
        chip["DMAMUX1.C9CR"] = 84  // SPI4_TX
        chip["SPI4.CFG1"] = 7 | 1 << 14
        chip["SPI4.CFG2"] = Self.master | Self.softwareSelect
        chip["DMA2.S0NDTR"] = 64
        chip["DMA2.S0PAR"] = chip.address("SPI4.RXDR")
        chip["DMA2.S0M0AR"] = 0x1000_0100
        chip["DMA2.S0CR"] = 1 << 10 | 1
        chip["DMA2.S1NDTR"] = 64
        chip["DMA2.S1PAR"] = chip.address("SPI4.TXDR")
        chip["DMA2.S1M0AR"] = 0x1000_0000
        chip["DMA2.S1CR"] = 1 << 6 | 1 << 10 | 1
        chip["SPI4.CFG1"] |= 1 << 15
        begin(chip, length: 64)
        chip.host.run(to: 65 * 16)
        #expect(Array(chip.host.memory[0x100..<0x140]) == (0..<64).map { UInt8($0) })
        #expect(chip["SPI4.SR"] & (Self.eot | Self.ovr) == Self.eot)
        #expect(chip["DMA2.LISR"] & (1 << 5 | 1 << 11) == 1 << 5 | 1 << 11)
        #expect(chip.host.features.isEmpty)
    }

    @Test func `A receiver takes frames from a device without sending any`() {
        let chip = TestSoC()
        chip["RCC.SPI45CKSELR"] = 2
        chip.soc.spi(4)?.attach(Recorder())
        chip["SPI4.CFG1"] = 7
        chip["SPI4.CFG2"] = Self.master | Self.softwareSelect | 2 << 17
        begin(chip, length: 2)
        chip.host.run(to: 32)
        #expect([received(chip), received(chip)] == [0xF0, 0xF0])
        #expect(chip["SPI4.SR"] & Self.eot != 0)
    }

    @Test func `What the model lacks is a finding when it is switched on`() {
        let chip = TestSoC()
        chip["SPI1.CFG1"] = 7 | 1 << 22
        chip["SPI1.CR1"] = 1
        #expect(chip.host.features.map(\.feature) == ["slave mode", "CRC"])
        #expect(chip.host.reports.isEmpty)
    }

    @Test func `Switched off it forgets its frames`() {
        let chip = started(SPILoopback(), length: 0)
        send(chip, 1)
        chip.host.run(to: 16)
        chip["SPI4.CR1"] = Self.internalSelect
        #expect(chip["SPI4.SR"] == Self.txp | Self.txc)
        #expect(received(chip) == 0)
        #expect(chip.host.eventQueue.pending.isEmpty)
    }

    /// Answers 0xF000 in sixteen bits, 0xF0 in eight, and remembers.
    private final class Recorder: SPIDevice {
        var frames: [UInt32] = []
        var selections: [Bool] = []
        override func select(_ isSelected: Bool) { selections.append(isSelected) }
        override func exchange(_ frame: UInt32, bits: Int) -> UInt32 {
            frames.append(frame)
            return 0xF << UInt32(bits - 4)
        }
    }
}
