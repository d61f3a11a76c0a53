// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceTree
import DeviceTreeFixtures
import Foundation
import MachineBase
import RprocDeviceTree
import TestSupport
import Testing

/// Seeded: M4RUN_TREE_SEED and M4RUN_TREE_CASES for more than the usual few hundred; M4RUN_TREE for another blob to begin with.
@Suite("Device trees with random damage")
struct TreeFuzzTests {
    @Test("Any bytes changed give a coprocessor or one error, and twice the same")
    func damage() throws {
        let count = TestEnvironment.number("M4RUN_TREE_CASES").map { Int(clamping: $0) } ?? 600
        let seed = TestEnvironment.number("M4RUN_TREE_SEED") ?? 1
        var original = dk2().blob
        if let path = TestEnvironment.variable("M4RUN_TREE") { original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
        var random = SplitMix64(state: seed)
        func next() -> UInt64 { random.next() }
        var outcomes: [String: Int] = [:]
        for _ in 0..<count {
            var blob = original
            for _ in 0...Int(next() % 4) {
                let place = Int(next() % UInt64(max(blob.count, 1)))
                switch next() % 6 {
                case 0: blob[place] = UInt8(truncatingIfNeeded: next())
                case 1: blob[place] ^= 1 << UInt8(next() % 8)
                case 2:
                    // A whole word, where trees have their tokens, lengths and phandles.
                    let word = place & ~3
                    let values: [UInt32] = [0, 1, 2, 3, 4, 9, 0x7FFF_FFFF, .max, UInt32(truncatingIfNeeded: next())]
                    if word + 4 <= blob.count { blob.replaceSubrange(word..<word + 4, with: cells(values[Int(next() % UInt64(values.count))])) }
                case 3: if next() % 8 == 0, blob.count > 41 { blob.removeLast(Int(next() % UInt64(blob.count - 40))) }
                case 4: blob[min(place % 40, blob.count - 1)] = UInt8(truncatingIfNeeded: next())
                default:
                    let from = Int(next() % UInt64(blob.count)) & ~3, to = place & ~3
                    if from + 16 <= blob.count, to + 16 <= blob.count { blob.replaceSubrange(to..<to + 16, with: Array(blob[from..<from + 16])) }
                }
            }
            let first = outcome(blob)
            #expect(first == outcome(blob))
            outcomes[String(first.prefix { $0 != ":" }), default: 0] += 1
        }
        // Both must have come up, or the damage is not what it should be.
        #expect(outcomes["taken", default: 0] > 0)
        #expect(outcomes.count > 1)
    }

    private func outcome(_ blob: [UInt8]) -> String {
        do throws(CoprocessorNodeError) {
            let node = try CoprocessorNode(blob: blob)
            return "taken: \(CoprocessorReport(node).text)"
        } catch { return "refused: \(error)" }
    }
}
