// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import RTOSThreads

/// Memory with holes, and a file's symbols: written by a test word by word.
final class Firmware: RTOSMemory, RTOSProgram {
    var bytes: [UInt32: UInt8] = [:]
    var symbols: [String: (address: UInt32, size: UInt32)] = [:]
    var members: [String: (offset: UInt32, size: UInt32)] = [:]
    var sizes: [String: UInt32] = [:]
    var objects: [UInt32: String] = [:]
    private(set) var reads = 0

    func peek(_ address: UInt32, count: Int) -> [UInt8] {
        reads += 1
        var result: [UInt8] = []
        for offset in 0..<max(0, min(count, 4096)) {
            guard let byte = bytes[address &+ UInt32(offset)] else { break }
            result.append(byte)
        }
        return result
    }
    func symbol(_ name: String) -> (address: UInt32, size: UInt32)? { symbols[name] }
    func member(_ member: String, of structure: String) -> (offset: UInt32, size: UInt32)? { members["\(structure).\(member)"] }
    func size(of structure: String) -> UInt32? { sizes[structure] }
    func object(at address: UInt32) -> String? { objects[address] }

    func words(_ address: UInt32, _ words: [UInt32]) {
        for (index, word) in words.enumerated() {
            for byte in 0..<4 { bytes[address &+ UInt32(index * 4 + byte)] = UInt8(truncatingIfNeeded: word >> UInt32(byte * 8)) }
        }
    }
    func halfwords(_ address: UInt32, _ code: [UInt16]) {
        for (index, halfword) in code.enumerated() {
            bytes[address &+ UInt32(index * 2)] = UInt8(truncatingIfNeeded: halfword)
            bytes[address &+ UInt32(index * 2 + 1)] = UInt8(truncatingIfNeeded: halfword >> 8)
        }
    }
    func text(_ address: UInt32, _ text: String, size: Int) {
        for (index, byte) in (Array(text.utf8) + [UInt8](repeating: 0, count: size)).prefix(size).enumerated() { bytes[address &+ UInt32(index)] = byte }
    }
    /// Memory from `start` on, of zeros where nothing is.
    func clear(_ start: UInt32, _ size: UInt32) { for offset in 0..<size where bytes[start + offset] == nil { bytes[start + offset] = 0 } }

    /// A symbol with words.
    @discardableResult
    func variable(_ name: String, _ address: UInt32, _ words: [UInt32]) -> UInt32 {
        symbols[name] = (address, UInt32(words.count * 4))
        self.words(address, words)
        return address
    }

    /// What a handler of PendSV has pushed on a thread's stack, below `top`; its stack pointer. R4 to R11 are `seed` + 4 and so on.
    func switchedOut(top: UInt32, seed: UInt32, pc: UInt32, usesFPU: Bool) -> UInt32 {
        var words = (4...11).map { seed + $0 } as [UInt32]
        words.append(usesFPU ? 0xFFFF_FFED : 0xFFFF_FFFD)
        if usesFPU { words += (16..<32).map { seed + 100 + $0 } }
        words += [seed, seed + 1, seed + 2, seed + 3, seed + 12, seed + 14, pc, 0x0100_0000]
        if usesFPU { words += (0..<16).map { seed + 100 + $0 } + [0x0300_0000, 0] }
        let stack = top - UInt32(words.count * 4)
        self.words(stack, words)
        return stack
    }

    /// `vstmdbeq r0!, {s16-s31}; stmdb r0!, {r4-r11, lr}` amid other instructions.
    func handler(_ name: String, _ address: UInt32, savesLink: Bool = true) {
        symbols[name] = (address, 40)
        halfwords(address, [0xF3EF, 0x8009, 0xF3BF, 0x8F6F, 0xBF08, 0xED20, 0x8A10, 0xE920, savesLink ? 0x4FF0 : 0x0FF0, 0x6010] + [UInt16](repeating: 0xBF00, count: 10))
    }
}
