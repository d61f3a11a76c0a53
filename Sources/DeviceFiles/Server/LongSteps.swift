// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase
import Synchronization

/// Sees, from a thread of its own, that the machine's thread is at one thing for long while a program outside waits, and has it look up.
///
/// A boot, a stop or a step of virtual time may take as long as firmware likes: each of its instructions may ask the host for kilobytes of
/// output. Where nobody outside waits, nothing is interrupted.
final class LongSteps: Sendable {
    /// Nanoseconds of wall time.
    private static let patience: UInt64 = 50_000_000
    private let looks = Atomic<UInt64>(0)
    private let wanted = Atomic<Bool>(false)
    private let hasEnded = Atomic<Bool>(false)
    private let hasCallers = Atomic<Bool>(false)
    private let descriptors: [Int32]
    /// Where no thread can be had the machine's thread looks up by itself, at the latest where it comes back for something else.
    private let isWatched = Atomic<Bool>(false)

    /// - Parameters:
    ///   - descriptors: what can be read from when a program waits.
    ///   - interrupt: makes the machine come back; called again and again until it has.
    init(_ descriptors: [Int32], interrupt: @escaping @Sendable () -> Void) {
        self.descriptors = descriptors.filter { $0 >= 0 }
        let isThere = DetachedThread.start { [self] in watch(interrupt) }
        isWatched.store(isThere, ordering: .relaxed)
    }

    /// The machine's thread looks outside.
    func noteLook() {
        looks.add(1, ordering: .relaxed)
        wanted.store(false, ordering: .relaxed)
    }

    /// It has looked.
    /// - Parameter callers: whether somebody has begun to ask, or has not got all of an answer.
    func noteLooked(callers: Bool) { hasCallers.store(callers, ordering: .relaxed) }

    /// Whether it is time for that.
    var isWanted: Bool { wanted.load(ordering: .relaxed) || !isWatched.load(ordering: .relaxed) }

    func end() { hasEnded.store(true, ordering: .relaxed) }

    private func watch(_ interrupt: @Sendable () -> Void) {
        var seen: UInt64 = 0
        while !hasEnded.load(ordering: .relaxed) {
            WallTime.sleep(until: WallTime.now + Self.patience)
            let now = looks.load(ordering: .relaxed)
            guard now == seen else {
                seen = now
                continue
            }
            guard somebodyWaits, !hasEnded.load(ordering: .relaxed) else { continue }
            wanted.store(true, ordering: .relaxed)
            interrupt()
        }
    }

    private var somebodyWaits: Bool {
        if hasCallers.load(ordering: .relaxed) { return true }
        var set = PollSet()
        for descriptor in descriptors { set.add(descriptor, POLLIN) }
        set.wait(0)
        return set.hasFound
    }
}
