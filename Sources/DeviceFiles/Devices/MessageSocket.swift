// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase
import RprocHost

/// A `/dev/rpmsgN` as a Unix socket: one packet a message, in both directions.
///
/// SOCK_SEQPACKET, because only it keeps the messages' boundaries and has a connection: who is connected has the device open, a
/// second one is refused (ECONNREFUSED, for open's EBUSY), and the end of one is seen by the other.
final class MessageSocket: PollSource {
    let device: RpmsgCharacterDevice
    private let folder: ServedFolder
    private let name: String
    private var listener: Int32 = -1
    private var client: Int32 = -1
    /// Size of the message in `outgoing` that found no room in the client's socket.
    private var outgoingCount: Int?
    private let outgoing = UnsafeMutableRawBufferPointer.allocate(byteCount: Rpmsg.maximumPayload, alignment: 8)
    /// Size of the client's message in `incoming`, as much of it as there is room for; a longer one is refused by its size.
    private var incomingCount: Int?
    private let incoming = UnsafeMutableRawBufferPointer.allocate(byteCount: Rpmsg.maximumPayload, alignment: 8)
    /// The client has gone; what it has left behind is still to be sent.
    private var isLeaving = false
    /// The client has shut its sending side (as `socat` does at the end of its input), and still reads.
    private var hasSaidAll = false
    /// POLLRDHUP, which Glibc's module lacks.
    private static let otherSideShut: Int32 = 0x2000
    /// The client could not be let in, as no descriptor was left: the listener is passed over
    /// until then, or every poll would return at once; for so many turns would not do, as two listeners take turns.
    private var restsUntil: UInt64 = 0
    /// The socket's path cannot be had any more.
    private(set) var problem: DeviceFilesError?

    init(_ device: RpmsgCharacterDevice, in folder: ServedFolder, name: String) throws(DeviceFilesError) {
        self.device = device
        self.name = name
        self.folder = folder
        try listen()
    }

    /// One may wait to be accepted: a second that comes at the same moment is refused with all others that come later, instead of being let
    /// in and hung up on.
    private func listen() throws(DeviceFilesError) { listener = try folder.socket(name, type: SOCK_SEQPACKET, backlog: 0) }

    func watch(_ set: inout PollSet) {
        if WallTime.now >= restsUntil { set.add(listener, POLLIN) }
        // Nothing more is to come from a client that has gone: poll would return at once for as long as no buffer is free.
        if isLeaving && (incomingCount != nil || !device.canWrite) { return }
        let input = hasSaidAll || !device.canWrite ? 0 : POLLIN | Self.otherSideShut
        set.add(client, input | (outgoingCount != nil || device.available > 0 ? POLLOUT : 0))
    }

    func serve(_ set: PollSet) -> Bool {
        if set.found(listener) & POLLIN != 0 {
            // What the poll found was for whoever had the new descriptor's number before.
            accept()
            return false
        }
        guard client >= 0 else { return false }
        let found = set.found(client)
        if found & (POLLHUP | POLLERR) != 0 { isLeaving = true }
        deliver()
        var moved = false
        if incomingCount == nil, found & (POLLIN | POLLHUP | POLLERR) != 0 {
            // A client that has gone may have left messages: they go first.
            if (device.canWrite && !hasSaidAll) || isLeaving { take(isEnd: found & Self.otherSideShut != 0) }
        }
        if let count = incomingCount, client >= 0 {
            do throws(Errno) {
                try device.refuse(count: count)
                try device.write(UnsafeRawBufferPointer(rebasing: incoming[..<count]))
                (incomingCount, moved) = (nil, true)
            } catch {
                // Too long, or no ring any more: the driver has said so in the log, and the message is lost.
                if error != .again { incomingCount = nil }
            }
        }
        return moved
    }

    private func accept() {
        let connection = Glibc.accept(listener, nil, nil)
        guard connection >= 0 else {
            restsUntil = WallTime.now + Descriptor.rest
            return
        }
        Descriptor.prepare(connection)
        do throws(Errno) { try device.open() } catch {
            Glibc.close(connection)
            return
        }
        client = connection
        // The name stays, and refuses everybody else until this client has gone.
        Glibc.close(listener)
        listener = -1
    }

    /// - Parameter isEnd: no more comes than what is waiting: an empty packet with nothing behind it is the end, no message.
    private func take(isEnd: Bool) {
        let count = recv(client, incoming.baseAddress, incoming.count, Int32(MSG_TRUNC))
        var waiting: Int32 = 0
        if count == 0, isEnd, !isLeaving, ioctl(client, UInt(FIONREAD), &waiting) == 0, waiting == 0 {
            hasSaidAll = true
        } else if count > 0 || count == 0 && !isLeaving {
            incomingCount = count
        } else if count == 0 || errno != EAGAIN && errno != EINTR || isLeaving {
            hangUp()
        }
    }

    /// Gives the client what has come for it, as far as its socket has room.
    private func deliver() {
        for _ in 0..<256 {
            if outgoingCount == nil {
                do throws(Errno) { outgoingCount = try device.read(into: outgoing) } catch { return }
            }
            guard let count = outgoingCount else { return }
            if send(client, outgoing.baseAddress, count, Int32(MSG_NOSIGNAL)) < 0 {
                // Gone: poll says so, too.
                if errno != EAGAIN && errno != EINTR && errno != ENOBUFS { outgoingCount = nil }
                return
            }
            outgoingCount = nil
        }
    }

    private func hangUp() {
        Glibc.close(client)
        client = -1
        (outgoingCount, incomingCount, isLeaving, hasSaidAll) = (nil, nil, false, false)
        device.close()
        do throws(DeviceFilesError) { try listen() } catch { problem = error }
    }

    /// The device is gone: the client reads what its socket holds, and then the end.
    ///
    /// - Parameter leaving: takes the client, who has the device open until he closes it.
    func close(_ leaving: LeavingClients? = nil) {
        if listener >= 0 { Glibc.close(listener) }
        folder.remove(name)
        let client = client
        (self.client, listener) = (-1, -1)
        guard client >= 0 else { return }
        if let leaving {
            leaving.add(client) { [device] in device.close() }
        } else {
            Glibc.close(client)
        }
    }

    deinit {
        outgoing.deallocate()
        incoming.deallocate()
        if client >= 0 { Glibc.close(client) }
        if listener >= 0 { Glibc.close(listener) }
    }
}
