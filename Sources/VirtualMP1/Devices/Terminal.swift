// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import MachineBase
import RprocHost

/// A `/dev/ttyRPMSGn` as a program has it open: what was written to it, line by line if one likes.
public struct Terminal {
    public let index: Int
    let system: MP1System

    /// Writes text, in messages of at most 496 bytes.
    /// - Throws: `linux` with ENODEV after a hang-up, ETIMEDOUT when the firmware gives no buffer back.
    public func send(_ text: String) throws(SystemError) { try send(Array(text.utf8)) }

    public func send(_ bytes: [UInt8]) throws(SystemError) {
        let result: Result<Void, Errno> = bytes.withUnsafeBytes { buffer in
            do throws(Errno) {
                guard let port = system.linux.tty.port(index) else { throw .noDevice }
                return .success(try port.writeAll(buffer))
            } catch { return .failure(error) }
        }
        if case .failure(let errno) = result { throw .linux(doing: "write to ttyRPMSG\(index)", errno) }
        system.events.publish(.ttySent(system.now, tty: index, bytes))
    }

    /// Bytes that have come and were not read.
    public var available: Int { system.inboxes.count(index) }

    /// Takes what has come.
    public func read() -> [UInt8] { take(available) }

    /// Waits for a whole line and takes it, without its newline.
    /// - Throws: `timeout`, or `stopped` when the firmware faulted meanwhile.
    public func readLine(within span: VirtualTime = .milliseconds(500)) throws(SystemError) -> String {
        // What was searched once is not searched again.
        var searched = 0
        func end() -> Int? {
            system.inboxes.withBytes(index) { bytes in
                let end = searched < bytes.count ? bytes[searched...].firstIndex(of: 0x0A) : nil
                searched = end ?? bytes.count
                return end
            }
        }
        _ = system.run(for: span) { end() != nil }
        guard let end = end() else { throw system.failure("line from ttyRPMSG\(index)", span) }
        let line = system.inboxes.withBytes(index) { ForeignText.text($0[..<end]) }
        system.inboxes.removeFirst(end + 1, of: index)
        return line
    }

    /// Waits for `count` bytes and takes them.
    public func read(count: Int, within span: VirtualTime = .milliseconds(500)) throws(SystemError) -> [UInt8] {
        _ = system.run(for: span) { available >= count }
        guard available >= count else { throw system.failure("\(count) bytes from ttyRPMSG\(index) (\(available) came)", span) }
        return take(max(0, count))
    }

    private func take(_ count: Int) -> [UInt8] {
        guard count > 0 else { return [] }
        defer { system.inboxes.removeFirst(count, of: index) }
        return system.inboxes.withBytes(index) { Array($0.prefix(count)) }
    }
}

extension MP1System {
    /// Waits until the firmware has announced its `index`th `rpmsg-tty` and opens it.
    /// - Throws: `timeout`, or `stopped` when the firmware faulted meanwhile.
    public func openTTY(_ index: Int, within span: VirtualTime = .milliseconds(500)) throws(SystemError) -> Terminal {
        _ = run(for: span) { linux.tty.port(index) != nil }
        guard linux.tty.port(index) != nil else { throw failure("/dev/ttyRPMSG\(index)", span) }
        return Terminal(index: index, system: self)
    }

    /// Sends one message on a channel, waiting for a buffer as the kernel's `rpmsg_send` does.
    /// - Throws: `linux` with ENODEV without a driver, EMSGSIZE over 496 bytes, ERESTARTSYS when no buffer came free.
    public func send(_ bytes: [UInt8], on channel: RpmsgChannel) throws(SystemError) {
        do throws(Errno) { try channel.send(bytes) } catch { throw .linux(doing: "send on \(channel.name)", error) }
    }

    func failure(_ what: String, _ span: VirtualTime) -> SystemError {
        if let reason = stopReason { return .stopped(reason) }
        return .timeout(waitingFor: what, span)
    }
}
