// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import DeviceFiles
import FoundationEssentials
import Glibc
import MachineBase

/// Bytes on their way to a descriptor, or to two that lead to the same place, in the order in which they were added. A thread writes
/// them, so that a reader who does not read keeps that thread waiting and nobody else.
///
/// Descriptors are written to as they are found: others may share them, and must not find them without blocking one day.
final class OutputQueue: @unchecked Sendable {
    /// From so many bytes on whoever can wait does.
    static let full = 256 << 10
    /// More is dropped where nobody can wait.
    private static let most = 64 << 20
    /// Bytes of one write, behind which others see what has gone.
    private static let piece = 64 << 10

    /// Guards all below.
    private let condition = WaitCondition()
    private var chunks: [(descriptor: Int32, bytes: [UInt8])] = []
    private var waiting = 0
    private var waitingFor: [Int32: Int] = [:]
    /// Bytes that have gone, for who wants to see that somebody reads.
    private var written: UInt64 = 0
    private var gone: Set<Int32> = []
    private var failures: [Int32: Int32] = [:]
    private var dropped: [Int32: Int] = [:]

    /// - Returns: nil where no thread can be had.
    init?() {
        guard DetachedThread.start({ [self] in writeForEver() }) else { return nil }
    }

    var isFull: Bool { condition.withLock { waiting >= Self.full } }
    /// Bytes for a descriptor that have not gone yet.
    func count(_ descriptor: Int32) -> Int { condition.withLock { waitingFor[descriptor] ?? 0 } }
    /// Whether a descriptor's reader has closed its end; what was added since is nowhere.
    func hasGone(_ descriptor: Int32) -> Bool { condition.withLock { gone.contains(descriptor) && failures[descriptor] == nil } }
    /// Why a descriptor takes nothing more, if it is not that its reader has gone.
    func failure(_ descriptor: Int32) -> Int32? { condition.withLock { failures[descriptor] } }
    /// Bytes that found no room.
    func droppedCount(_ descriptor: Int32) -> Int { condition.withLock { dropped[descriptor] ?? 0 } }

    /// Adds bytes, all of them or none.
    ///
    /// - Parameter waits: whether to wait for room, asked again and again meanwhile.
    func add(_ bytes: [UInt8], to descriptor: Int32, waits: () -> Bool) {
        condition.lock()
        defer { condition.unlock() }
        while waiting >= Self.full, waits() { condition.wait(milliseconds: 20) }
        guard !gone.contains(descriptor), !bytes.isEmpty else { return }
        guard waiting < Self.most else {
            dropped[descriptor, default: 0] += bytes.count
            return
        }
        if let last = chunks.indices.last, chunks[last].descriptor == descriptor {
            chunks[last].bytes += bytes
        } else {
            chunks.append((descriptor, bytes))
        }
        if waiting == 0 { condition.broadcast() }
        waiting += bytes.count
        waitingFor[descriptor, default: 0] += bytes.count
    }

    /// Waits until all has gone, or nobody wants to wait any more.
    ///
    /// - Parameter waits: asked again and again, with how many bytes have gone so far.
    /// - Returns: whether all has gone.
    func drain(waits: (_ written: UInt64) -> Bool) -> Bool {
        condition.lock()
        defer { condition.unlock() }
        while waiting > 0 {
            guard waits(written) else { return false }
            condition.wait(milliseconds: 20)
        }
        return true
    }

    private func writeForEver() {
        while true {
            condition.lock()
            while chunks.isEmpty { condition.wait() }
            let batch = chunks
            chunks = []
            condition.unlock()
            for chunk in batch where !isGivenUp(chunk.descriptor) { write(chunk.bytes, to: chunk.descriptor) }
        }
    }

    private func write(_ bytes: [UInt8], to descriptor: Int32) {
        bytes.withUnsafeBytes { buffer in
            var done = 0
            while done < buffer.count {
                let rest = UnsafeRawBufferPointer(rebasing: buffer[done...].prefix(Self.piece))
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if count < 0 && errno == EINTR { continue }
                if count < 0 && errno == EAGAIN {
                    var room = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    if poll(&room, 1, -1) >= 0 || errno == EINTR { continue }
                }
                guard count > 0 else { return giveUp(descriptor, count == 0 ? EIO : errno) }
                done += count
                noteWritten(count, descriptor)
            }
        }
    }

    private func isGivenUp(_ descriptor: Int32) -> Bool { condition.withLock { gone.contains(descriptor) } }

    private func noteWritten(_ count: Int, _ descriptor: Int32) {
        condition.lock()
        defer { condition.unlock() }
        waiting -= count
        waitingFor[descriptor, default: 0] -= count
        written &+= UInt64(count)
        if waiting < Self.full { condition.broadcast() }
    }

    /// Nothing more can go there: what is queued for it goes nowhere.
    private func giveUp(_ descriptor: Int32, _ number: Int32) {
        condition.lock()
        defer { condition.unlock() }
        gone.insert(descriptor)
        if number != EPIPE { failures[descriptor] = number }
        chunks.removeAll { $0.descriptor == descriptor }
        waiting -= waitingFor[descriptor] ?? 0
        waitingFor[descriptor] = 0
        condition.broadcast()
    }
}
