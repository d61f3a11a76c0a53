// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CUnicorn
import CortexM
import MP1Peripherals

// Memory and registers at the M4's own addresses, as a debugger reads and writes them.
extension M4Board {
    /// Reads without any side effect: memory by all its addresses, peripherals' registers as they would be read, the private peripheral bus.
    ///
    /// - Returns: the beginning of what was asked for, up to where nothing answers to the M4; empty when nothing does at `address`.
    public func peek(_ address: UInt32, count: Int) -> [UInt8] {
        var bytes: [UInt8] = [], at = UInt64(address)
        let end = min(at &+ UInt64(clamping: count), 1 << 32)
        while at < end {
            let start = UInt32(truncatingIfNeeded: at)
            guard let region = m4_engine_region(core.engine.raw, start)?.pointee else { break }
            let piece = min(end &- at, UInt64(region.size) &- UInt64(start &- region.start))
            if let host = region.host {
                bytes.append(contentsOf: UnsafeBufferPointer(start: host + Int(start &- region.start), count: Int(piece)))
            } else {
                guard let word = registerWord(at: start & ~3) else { break }
                let skipped = Int(start & 3), taken = min(4 - skipped, Int(piece))
                withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0[skipped..<(skipped + taken)]) }
                at &+= UInt64(taken)
                continue
            }
            at &+= piece
        }
        return bytes
    }

    private func registerWord(at address: UInt32) -> UInt32? {
        if SystemAddressMap.privatePeripherals.contains(address) { return core.scs.look(at: address) }
        guard SystemAddressMap.peripheralBitBand.contains(address) else { return soc.look(at: address) }
        let target = SystemAddressMap.bitBand(address)
        return soc.look(at: target.word).map { $0 >> target.bit & 1 }
    }

    /// Writes memory as it is, code that was translated from there being dropped; registers as the M4's own privileged store would, in pieces as wide as
    /// their address allows, with all that comes of it.
    ///
    /// - Returns: how many bytes were taken, up to where nothing answers to the M4.
    public func poke(_ address: UInt32, _ bytes: [UInt8]) -> Int {
        var done = 0
        while done < bytes.count {
            let (start, overflow) = address.addingReportingOverflow(UInt32(truncatingIfNeeded: done))
            guard !overflow, let region = m4_engine_region(core.engine.raw, start)?.pointee else { break }
            let piece = min(bytes.count - done, Int(region.size &- (start &- region.start)))
            if let host = region.host {
                bytes.withUnsafeBufferPointer { source in
                    if let base = source.baseAddress { (host + Int(start &- region.start)).update(from: base + done, count: piece) }
                }
                m4_engine_memory_written(core.engine.raw, start, UInt32(piece))
                done += piece
            } else {
                guard isRegisterThere(start) else { break }
                let size = start & 3 == 0 && piece >= 4 ? 4 : start & 1 == 0 && piece >= 2 ? 2 : 1
                let value = (0..<size).reduce(UInt32(0)) { $0 | UInt32(bytes[done + $1]) << UInt32($1 * 8) }
                if SystemAddressMap.privatePeripherals.contains(start) {
                    core.scs.write(start, size: UInt32(size), value: value)
                } else {
                    storeRegister(start, value, size: size)
                }
                done += size
            }
        }
        if done > 0 { core.interrupt() }
        return done
    }

    private func storeRegister(_ address: UInt32, _ value: UInt32, size: Int) {
        if SystemAddressMap.peripheralBitBand.contains(address) {
            let target = SystemAddressMap.bitBand(address), bit: UInt32 = 1 << target.bit
            let others = (soc.look(at: target.word) ?? 0) & ~bit
            soc.write(target.word, others | (value & 1) << target.bit, width: 4)
        } else {
            soc.write(address, value, width: size)
        }
        signals.settleReset()
    }

    private func isRegisterThere(_ address: UInt32) -> Bool {
        if SystemAddressMap.privatePeripherals.contains(address) { return true }
        return soc.isMapped(SystemAddressMap.peripheralBitBand.contains(address) ? SystemAddressMap.bitBand(address).word : address)
    }
}
