// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import CEpoll
import Glibc

/// Clients of devices that are gone: hung up on, and waited for until they close, as the kernel keeps a device's number until then.
///
/// What a poll finds on a socket that was shut down is the same before and after the other side's close. Edge-triggered epoll tells of that close as
/// one more event. Where it cannot be had a client counts as gone at once.
final class LeavingClients: PollSource {
    private let descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
    private var closings: [Int32: () -> Void] = [:]
    private static let edge = UInt32(1) << 31

    /// Takes over a connected socket.
    ///
    /// - Parameter whenClosed: called once the other side has closed it, at once if it has.
    func add(_ client: Int32, whenClosed: @escaping () -> Void) {
        var event = epoll_event(events: Self.edge, data: epoll_data_t(fd: client))
        guard descriptor >= 0, epoll_ctl(descriptor, EPOLL_CTL_ADD, client, &event) == 0, !takeEvents(butOf: client) else {
            Glibc.close(client)
            whenClosed()
            return
        }
        closings[client] = whenClosed
        shutdown(client, Int32(SHUT_RDWR))
        // One's own shutdown is an event, too.
        _ = takeEvents(butOf: client)
    }

    func watch(_ set: inout PollSet) { if !closings.isEmpty { set.add(descriptor, POLLIN) } }

    /// Nothing that the machine hears of.
    func serve(_ set: PollSet) -> Bool {
        takeEvents()
        return false
    }

    /// Sees who has closed by now.
    func takeEvents() { if !closings.isEmpty { _ = takeEvents(butOf: -1) } }

    /// - Returns: whether there was an event of `client`, which is left as it is.
    private func takeEvents(butOf client: Int32) -> Bool {
        var events = [epoll_event](repeating: epoll_event(), count: closings.count + 1), seen = false
        let count = epoll_wait(descriptor, &events, Int32(events.count), 0)
        for event in events[..<max(0, Int(count))] {
            if event.data.fd == client { seen = true } else { closed(event.data.fd) }
        }
        return seen
    }

    private func closed(_ client: Int32) {
        guard let closing = closings.removeValue(forKey: client) else { return }
        Glibc.close(client)
        closing()
    }

    deinit {
        for client in closings.keys { Glibc.close(client) }
        if descriptor >= 0 { Glibc.close(descriptor) }
    }
}
