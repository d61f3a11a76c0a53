// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

// Random lives of a ring in the kernel's own code and in RprocHost's, step by step, byte by byte.
//
//   m4run-ring LIBRARY [--sequences N] [--seed N] [--keeps-callbacks-after-event]
//
// LIBRARY is judges/kernel-ring/reference.c compiled by scripts/kernel-ring. Every second sequence has a hostile device. The exit status is
// 1 at a difference, whose steps are shown.
import Foundation
import MachineBase
import RprocHost

func fail(_ message: String, _ status: Int32 = 2) -> Never {
    FileHandle.standardError.write(Data("m4run-ring: \(message)\n".utf8))
    exit(status)
}

var library: String?
var sequences: UInt64 = 20_000, seed: UInt64 = 1
var keeps = false
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--sequences", "--seed":
        let text = arguments.popFirst()
        guard let text, let value = UInt64(text), value > 0, value < 1 << 48 else { fail("\(argument) needs a number above 0, not \(text ?? "nothing")") }
        if argument == "--seed" { seed = value } else { sequences = value }
    case "--keeps-callbacks-after-event": keeps = true
    default:
        guard library == nil, !argument.hasPrefix("-") else { fail("\(argument): allowed are LIBRARY, --sequences N, --seed N and --keeps-callbacks-after-event") }
        library = argument
    }
}
guard let library else { fail("no library: scripts/kernel-ring compiles it") }
let kernel: KernelRing
do { kernel = try KernelRing(library: library) } catch { fail(error.reason) }

var steps = 0, different: UInt64 = 0
for number in 0..<sequences {
    var sequence = RingSequence(seed: seed &+ number, isHostile: number % 2 == 1, keepsCallbacksAfterEvent: keeps)
    sequence.run(kernel)
    steps += sequence.steps
    guard let difference = sequence.difference else { continue }
    different += 1
    // With an option that asks for another kernel's ways, how many differ is the answer.
    if keeps { continue }
    var again = RingSequence(seed: sequence.seed, isHostile: sequence.isHostile, keepsCallbacksAfterEvent: keeps)
    again.run(kernel, keepsTrail: true)
    fail("seed \(sequence.seed)\(sequence.isHostile ? ", hostile" : ""): \(difference) after\n  " + again.trail.suffix(40).joined(separator: "\n  "), 1)
}
print("kernel-ring: \(sequences) sequences, \(steps) steps, \(different) differ")
exit(different == 0 ? 0 : 1)
