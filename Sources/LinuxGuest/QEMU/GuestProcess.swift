// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CLinuxBridge
import Dispatch
import FoundationEssentials
import Glibc
import MachineBase
import Synchronization

/// QEMU as a child in a process group of its own, which ends when this process does, in whatever way. For any thread.
final class GuestProcess: Sendable {
    /// How it ended.
    enum Ending: Equatable, Sendable { case exit(Int32), signal(Int32) }
    private enum State { case starting, failed(Int32), running(Int32), ended(Ending) }

    private let state = Mutex(State.starting)
    /// Readable, at its end, when the process has ended.
    let ended: OwnedDescriptor
    private let endOfLife: Mutex<OwnedDescriptor?>

    /// - Throws: `.system` with the reason that execve gave.
    init(arguments: [String], environment: [String], descriptors: [Int32]) throws(GuestError) {
        let life = try OwnedDescriptor.socketPair()
        ended = life.ours
        endOfLife = Mutex(life.theirs)
        let begun = DispatchSemaphore(value: 0)
        // The kernel ends the child with the thread that started it: this one has nothing else to do until then.
        let hasThread = DetachedThread.start { [self] in
            let pid = Self.spawn(arguments, environment, descriptors)
            state.withLock { $0 = pid < 0 ? .failed(-pid) : .running(pid) }
            begun.signal()
            if pid >= 0 { reap(pid) }
            endOfLife.withLock { $0 = nil }
        }
        guard hasThread else { throw .system(arguments.first ?? "", EAGAIN) }
        begun.wait()
        if case .failed(let number) = state.withLock({ $0 }) { throw .system(arguments.first ?? "", number) }
    }

    private static func spawn(_ arguments: [String], _ environment: [String], _ descriptors: [Int32]) -> Int32 {
        let words = arguments.map { strdup($0) } + [nil], variables = environment.map { strdup($0) } + [nil]
        defer { (words + variables).forEach { free($0) } }
        return descriptors.withUnsafeBufferPointer { linux_bridge_spawn(words, variables, $0.baseAddress, Int32(clamping: $0.count)) }
    }

    /// Waits without taking the status first: as long as it is not taken the number is nobody else's.
    private func reap(_ pid: Int32) {
        var information = siginfo_t()
        while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        state.withLock { state in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
            let signal = status & 0x7F
            state = .ended(signal == 0 ? .exit(status >> 8 & 0xFF) : .signal(signal))
        }
    }

    /// The process' number; nil when it has ended.
    var number: Int32? { if case .running(let pid) = state.withLock({ $0 }) { pid } else { nil } }

    /// Ends it and what it may have started.
    func kill() {
        state.withLock { state in
            if case .running(let pid) = state { _ = Glibc.kill(-pid, SIGKILL) }
        }
    }

    /// Waits for its end.
    /// - Parameter milliseconds: negative for ever.
    /// - Returns: nil when the time is over.
    func wait(milliseconds: Int32 = -1) -> Ending? {
        while !ended.isReadable(within: milliseconds) {
            if milliseconds >= 0 { return nil }
        }
        if case .ended(let ending) = state.withLock({ $0 }) { return ending }
        return nil
    }
}
