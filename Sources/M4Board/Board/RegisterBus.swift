// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CortexM
import MP1Peripherals

/// The core's accesses to registers: of the private peripheral bus, through the bit-band alias, of the SoC.
///
/// The engine calls it at each of them, and nothing counts references then: it lives as long as the board, which owns core and SoC, too.
final class RegisterBus {
    private let engine: Engine
    private let system: Unmanaged<SystemControlSpace>, peripherals: Unmanaged<SoC>
    private let reads: RegisterReads

    init(_ core: Core, _ soc: SoC, reads: RegisterReads) {
        engine = core.engine
        system = Unmanaged.passUnretained(core.scs)
        peripherals = Unmanaged.passUnretained(soc)
        self.reads = reads
        let raw = engine.raw
        raw.pointee.bus = Unmanaged.passUnretained(self).toOpaque()
        raw.pointee.read_register = { bus, address, size in
            guard let bus else { return 0 }
            return Unmanaged<RegisterBus>.fromOpaque(bus)._withUnsafeGuaranteedRef { $0.read(address, size) }
        }
        raw.pointee.write_register = { bus, address, size, value in
            guard let bus else { return }
            Unmanaged<RegisterBus>.fromOpaque(bus)._withUnsafeGuaranteedRef { $0.write(address, size, value) }
        }
    }

    // The engine may outlive it.
    deinit { engine.raw.pointee.bus = nil }

    @inline(__always) private func read(_ address: UInt32, _ size: UInt32) -> UInt32 {
        if address >= SystemAddressMap.privatePeripherals.lowerBound { return system._withUnsafeGuaranteedRef { $0.read(address, size: size) } }
        if SystemAddressMap.peripheralBitBand.contains(address) { return readBit(address) }
        let value = peripherals._withUnsafeGuaranteedRef { $0.read(address, width: Int(size), by: .cortexM4) }
        if reads.isOn, engine.exception.value == 0 { reads.note(address, value) }
        return value
    }

    @inline(__always) private func write(_ address: UInt32, _ size: UInt32, _ value: UInt32) {
        if address >= SystemAddressMap.privatePeripherals.lowerBound { system._withUnsafeGuaranteedRef { $0.write(address, size: size, value: value) }; return }
        if SystemAddressMap.peripheralBitBand.contains(address) { return writeBit(address, value & 1) }
        if reads.isOn, engine.exception.value == 0 { reads.noteStore(address) }
        peripherals._withUnsafeGuaranteedRef { $0.write(address, value, width: Int(size), by: .cortexM4) }
    }

    private func readBit(_ address: UInt32) -> UInt32 {
        let target = SystemAddressMap.bitBand(address)
        return peripherals._withUnsafeGuaranteedRef { $0.read(target.word, width: 4, by: .cortexM4) } >> target.bit & 1
    }

    private func writeBit(_ address: UInt32, _ bit: UInt32) {
        let target = SystemAddressMap.bitBand(address)
        peripherals._withUnsafeGuaranteedRef {
            let old = $0.read(target.word, width: 4, by: .cortexM4)
            $0.write(target.word, old & ~(1 << target.bit) | bit << target.bit, width: 4, by: .cortexM4)
        }
    }
}
