// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CRegisterMap
import Chips
import MachineBase

/// What every block is wired to: the host, the M4's interrupt lines and the other blocks.
///
/// The blocks hold it strongly and it holds them unmanaged, so there is no cycle; `SoC` owns both.
final class Interconnect {
    let chip: SoCDescription
    /// The chip's tables.
    let map: UnsafePointer<register_map>
    /// Called without counting references: it outlives the SoC, see `SoC.init`.
    private let host: Unmanaged<SoCHost>
    let clock: CoreClock
    let events: EventQueue
    /// By peripheral index of the register map; nil until the block is first touched.
    let blocks: UnsafeMutablePointer<Unmanaged<RegisterBlock>?>
    let requests = DMARequestLines()
    /// Bytes of the read that is under way: a register with a FIFO behind it gives as much.
    var readWidth = 4
    /// What gives blocks their clocks: set before a block is made that asks for one.
    var clockController: Unmanaged<RCC>?
    let pins: PinSignals
    /// Which blocks have a model, by peripheral index.
    var isModelled: [Bool]
    /// The M4's domain is in CSTOP; a line that rises may end that.
    var isMCUStopped = false
    var onWakeUpLine: () -> Void = {}
    /// The M4's interrupt lines, a bit each.
    struct Lines: Equatable, Sendable {
        var first: UInt64 = 0
        var second: UInt64 = 0
        var third: UInt64 = 0
    }
    var lines = Lines()
    /// What was touched and has no model.
    var unmodelled = UnmodelledRegisters()

    init(_ chip: SoCDescription, host: SoCHost) {
        self.chip = chip
        map = chip.registers.tables
        pins = PinSignals(map)
        self.host = Unmanaged.passUnretained(host)
        clock = host.coreClock
        events = host.eventQueue
        let count = Int(map.pointee.peripheral_count)
        isModelled = [Bool](repeating: false, count: count)
        blocks = .allocate(capacity: count)
        blocks.initialize(repeating: nil, count: count)
    }

    deinit { blocks.deallocate() }

    @inline(__always) var now: UInt64 { host._withUnsafeGuaranteedRef { $0.nowCycles } }

    /// The only way out of the SoC.
    @inline(__always) func tell<Answer>(_ message: (SoCHost) -> Answer) -> Answer { host._withUnsafeGuaranteedRef(message) }

    // MARK: Access

    @inline(__always) func read(_ address: UInt32, width: Int, by initiator: Initiator) -> UInt32 {
        let index = register_map_peripheral_at(map, address)
        guard index >= 0 else {
            reportUnmapped(address, isWrite: false, value: 0, by: initiator)
            return 0
        }
        let shift = (address & 3) &* 8
        readWidth = width
        let word = block(Int(index))._withUnsafeGuaranteedRef { $0.load((address &- $0.base) & ~3, by: initiator) }
        return (word >> shift) & Self.mask(width)
    }

    @inline(__always) func write(_ address: UInt32, _ value: UInt32, width: Int, by initiator: Initiator) {
        let index = register_map_peripheral_at(map, address)
        guard index >= 0 else { return reportUnmapped(address, isWrite: true, value: value, by: initiator) }
        let shift = (address & 3) &* 8
        let lanes = Self.mask(width) << shift
        block(Int(index))._withUnsafeGuaranteedRef { $0.store((address &- $0.base) & ~3, (value << shift) & lanes, lanes: lanes, by: initiator) }
    }

    @inline(__always) private static func mask(_ width: Int) -> UInt32 {
        width == 4 ? ~0 : width == 2 ? 0xFFFF : 0xFF
    }

    @inline(__always) func block(_ index: Int) -> Unmanaged<RegisterBlock> {
        if let block = blocks[index] { return block }
        return makeBlock(index)
    }

    /// A block without a model of its own, made when first touched. `SoC` releases it.
    @inline(never) private func makeBlock(_ index: Int) -> Unmanaged<RegisterBlock> {
        let block = Unmanaged.passRetained(RegisterBlock(index: index, on: self))
        blocks[index] = block
        return block
    }

    /// Whether the block of this name has a model.
    func has(_ peripheral: String) -> Bool {
        let index = Int(register_map_peripheral_named(map, peripheral))
        return index >= 0 && isModelled[index]
    }

    /// Where the block of this name has its clock's gate for the coprocessor; nil where it has none.
    func clockGate(of peripheral: String) -> (offset: UInt32, mask: UInt32)? {
        let index = register_map_peripheral_named(map, peripheral)
        guard index >= 0 else { return nil }
        for number in 0..<Int(map.pointee.clock_gate_count) {
            let gate = map.pointee.clock_gates[number]
            if Int32(gate.peripheral) == index { return (UInt32(gate.offset), 1 &<< UInt32(gate.bit)) }
        }
        return nil
    }

    func port(_ port: GPIO.Port) -> GPIO? {
        pins.ports.indices.contains(port.rawValue) ? pins.ports[port.rawValue].takeUnretainedValue() : nil
    }

    // MARK: Interrupts

    /// The level that drives NVIC input `irq`.
    func level(_ irq: Int) -> Bool {
        let bit = UInt64(1) << UInt64(truncatingIfNeeded: irq & 63)
        return switch irq >> 6 {
        case 0: lines.first & bit != 0
        case 1: lines.second & bit != 0
        case 2: lines.third & bit != 0
        default: false
        }
    }

    /// Drives NVIC input `irq`; the host hears of changes only.
    func drive(_ irq: Int, _ level: Bool) {
        guard self.level(irq) != level else { return }
        let bit = UInt64(1) << UInt64(truncatingIfNeeded: irq & 63)
        switch irq >> 6 {
        case 0: lines.first ^= bit
        case 1: lines.second ^= bit
        case 2: lines.third ^= bit
        default: return
        }
        tell { $0.setInterrupt(irq, level: level) }
        if isMCUStopped, level { onWakeUpLine() }
    }

    /// Tells the host of every line that is high, after its NVIC was reset.
    func presentInterrupts() {
        for irq in 0..<chip.registers.interruptCount where level(irq) { tell { $0.setInterrupt(irq, level: true) } }
    }

    // MARK: Reports

    /// Counts an access to what has no model, and reports the first.
    func countUnmodelled(
        _ kind: UnmodelledAccess.Kind, _ address: UInt32, of block: Int?, isWrite: Bool, value: UInt32, by initiator: Initiator
    ) -> UnmodelledRegisters.Verdict {
        let key = kind == .unmapped ? address | 0xFFF : address
        let isModelled = block.map { self.isModelled[$0] } ?? false
        let verdict = unmodelled.count(key, isWrite: isWrite, at: now) {
            UnmodelledAccess(
                kind: kind, address: address, isWrite: isWrite, value: value, initiator: initiator, map: chip.registers, isBlockModelled: isModelled)
        }
        if verdict == .new, let newest = unmodelled.list.last { tell { $0.report(.unmodelled(newest.first)) } }
        return verdict
    }

    /// Reports an access where no block decodes, once a page.
    @inline(never) func reportUnmapped(_ address: UInt32, isWrite: Bool, value: UInt32, by initiator: Initiator) {
        _ = countUnmodelled(.unmapped, address, of: nil, isWrite: isWrite, value: value, by: initiator)
    }

    /// Reports an access to a word of a block that lies beyond its storage, once a word.
    @inline(never) func reportBeyond(_ address: UInt32, of block: Int, exists: Bool, isWrite: Bool, value: UInt32, by initiator: Initiator) {
        _ = countUnmodelled(exists ? .register : .reservedWord, address, of: block, isWrite: isWrite, value: value, by: initiator)
    }
}
