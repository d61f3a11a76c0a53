// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Chips
import MP1Peripherals
import MachineBase

/// A host that remembers what the SoC told it, with a clock that the test moves.
final class TestHost: SoCHost {
    init(coreClock: CoreClock) { super.init(coreClock: coreClock, eventQueue: EventQueue()) }
    private var cycles: UInt64 = 0
    override var nowCycles: UInt64 {
        get { cycles }
        set { cycles = newValue }
    }

    var interrupts: Set<Int> = []
    var interruptChanges: [Int] = []
    var applicationInterrupts: Set<ApplicationProcessorInterrupt> = []
    var holdBoot: [Bool] = []
    var resets: [ResetRequest] = []
    var watchdogResets = 0
    var events = 0
    var reports: [UnmodelledAccess] = []
    var features: [UnsupportedFeature] = []
    var pins: [String] = []
    var transmitted: [UART.Instance: [UInt16]] = [:]

    /// 64 KiB of memory at 0x10000000.
    var memory = [UInt8](repeating: 0, count: 0x1_0000)

    override func dmaRead(_ address: UInt32, width: Int) -> UInt32? {
        guard address >= 0x1000_0000, address < 0x1001_0000 - UInt32(width) + 1 else { return nil }
        return (0..<width).reduce(0) { $0 | UInt32(memory[Int(address - 0x1000_0000) + $1]) << UInt32($1 * 8) }
    }
    override func dmaWrite(_ address: UInt32, _ value: UInt32, width: Int) -> Bool {
        guard address >= 0x1000_0000, address < 0x1001_0000 - UInt32(width) + 1 else { return false }
        for i in 0..<width { memory[Int(address - 0x1000_0000) + i] = UInt8(truncatingIfNeeded: value >> UInt32(i * 8)) }
        return true
    }

    override func setInterrupt(_ irq: Int, level: Bool) {
        interruptChanges.append(irq)
        if level { interrupts.insert(irq) } else { interrupts.remove(irq) }
    }
    override func holdBootChanged(released: Bool) { holdBoot.append(released) }
    override func resetRequested(_ request: ResetRequest) { resets.append(request) }
    override func watchdogReset() { watchdogResets += 1 }
    override func eventSignalled() { events += 1 }
    override func report(_ event: SoCEvent) {
        switch event {
        case .applicationProcessorInterrupt(let line, true): applicationInterrupts.insert(line)
        case .applicationProcessorInterrupt(let line, false): applicationInterrupts.remove(line)
        case .unmodelled(let access): reports.append(access)
        case .unsupported(let feature): features.append(feature)
        case .transmitted(let uart, let character): transmitted[uart, default: []].append(character)
        case .outputs(let port, let levels, let changed):
            for pin in 0..<16 where changed >> UInt16(pin) & 1 != 0 { pins.append("P\(port.letter)\(pin)=\(levels >> UInt16(pin) & 1)") }
        }
    }

    /// Moves the clock to `cycle`, stopping at every event as a machine does.
    func run(to cycle: UInt64) {
        while eventQueue.next <= cycle {
            nowCycles = max(nowCycles, eventQueue.next)
            eventQueue.run(upTo: nowCycles)
        }
        nowCycles = cycle
    }
}

/// An SoC on a test host, with registers by name; at 64 MHz with all dividers at one unless told.
struct TestSoC {
    let host: TestHost
    let soc: SoC

    init(_ configuration: SoCConfiguration = SoCConfiguration(mcuClock: .hsi), of chip: SoCDescription = .stm32mp157) {
        host = TestHost(coreClock: configuration.mcuClock.coreClock)
        soc = SoC(chip, host: host, configuration: configuration)
    }

    /// A 32-bit register by its name, as the Cortex-M4 accesses it.
    subscript(_ register: String) -> UInt32 {
        get { soc.read(address(register), width: 4) }
        nonmutating set { soc.write(address(register), newValue, width: 4) }
    }
    subscript(_ register: String, by initiator: Initiator) -> UInt32 {
        get { soc.read(address(register), width: 4, by: initiator) }
        nonmutating set { soc.write(address(register), newValue, width: 4, by: initiator) }
    }
    /// No register is at all ones: a misspelt name fails the expectation that uses it.
    func address(_ register: String) -> UInt32 { SoCDescription.stm32mp157.registers.address(of: register) ?? .max }
}

let linux = Initiator.cortexA7(secure: false)
let opTEE = Initiator.cortexA7(secure: true)
