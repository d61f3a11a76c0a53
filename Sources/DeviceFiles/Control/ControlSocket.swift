// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import MachineBase
import RprocHost

/// The control files over a Unix socket: a request a connection, for `m4run ctl` and for places without FUSE.
///
/// A client connects, sends its request, shuts its side down, and reads the answer to its end: the errno as a decimal number
/// and a newline (0 is fine), then bytes: what was read, or for an errno a sentence about what is allowed.
///
/// As many clients as `connectionLimit` are served at a time. Those that come then wait in the listener's backlog, and behind that in
/// their `connect`, which says EAGAIN to who does not want to wait: nobody's request is cut off for somebody else's.
final class ControlSocket: PollSource {
    static let name = "control"
    private let requests: ControlRequests
    private let listener: Int32
    private final class Connection {
        let descriptor: Int32
        var request: [UInt8] = []
        var answer: [UInt8]?
        var sent = 0
        /// The request is whole, and what it wants has to wait.
        var isPutOff = false
        var isOver = false
        init(_ descriptor: Int32) { self.descriptor = descriptor }
        deinit { Glibc.close(descriptor) }
    }
    private var connections: [Connection] = []
    /// A client could not be let in, as no descriptor was left: the listener is passed over
    /// until then, or every poll would return at once; for so many turns would not do, as two listeners take turns.
    private var restsUntil: UInt64 = 0
    private static let connectionLimit = 64
    /// The kernel lets in one more than it is told: 128, so that as many get a connection though they come faster than they are accepted.
    static let backlog: Int32 = 127
    static let longestRequest = 4096 + ControlTree.longestWrite

    /// `listener` is listened to; it is closed at the end.
    init(_ requests: ControlRequests, _ listener: Int32) {
        self.requests = requests
        self.listener = listener
    }

    deinit { Glibc.close(listener) }

    func watch(_ set: inout PollSet) {
        if connections.count < Self.connectionLimit, WallTime.now >= restsUntil { set.add(listener, POLLIN) }
        for connection in connections where !connection.isPutOff { set.add(connection.descriptor, connection.answer == nil ? POLLIN : POLLOUT) }
    }

    /// Whether somebody has begun to ask, or has not got all of an answer.
    var hasCallers: Bool { connections.contains { !$0.isPutOff } }
    /// Whether somebody waits for the machine to be done with what it is at.
    var hasPutOff: Bool { connections.contains { $0.isPutOff } }

    func serve(_ set: PollSet) -> Bool {
        if set.found(listener) & POLLIN != 0 { acceptAll() }
        var handled = false
        // An answer may take a boot, in which this is called for others.
        for connection in connections { handled = serve(connection, set.found(connection.descriptor) != 0) || handled }
        connections.removeAll { $0.isOver }
        return handled
    }

    /// All that wait, as far as there is room: of many at once those would be turned away for whom the backlog is too short.
    private func acceptAll() {
        while connections.count < Self.connectionLimit {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else {
                if errno == EINTR { continue }
                if errno != EAGAIN { restsUntil = WallTime.now + Descriptor.rest }
                return
            }
            Descriptor.prepare(descriptor)
            connections.append(Connection(descriptor))
        }
    }

    /// - Returns: whether the machine was asked for something.
    private func serve(_ connection: Connection, _ isReady: Bool) -> Bool {
        if connection.isPutOff { return settle(connection) }
        guard isReady, !connection.isOver else { return false }
        if connection.answer != nil {
            connection.isOver = !send(connection)
            return false
        }
        switch Descriptor.read(connection.descriptor, 4096) {
        case .nothing: break
        case .bytes(let bytes):
            connection.request += bytes
            connection.isOver = connection.request.count > Self.longestRequest
        case .end:
            if !connection.request.isEmpty { return settle(connection) }
            connection.isOver = true
        }
        return false
    }

    /// Answers a whole request, or puts it off.
    private func settle(_ connection: Connection) -> Bool {
        let isRead = ControlRequests.words(connection.request).first == "read"
        connection.isPutOff = requests.tree.isInStep && !requests.tree.isHalted && !isRead
        guard !connection.isPutOff else { return false }
        connection.answer = requests.tree.isHalted && !isRead
            ? Array("\(Errno.busy.userNumber)\n\(ControlRequests.halted)".utf8) : answer(connection.request)
        connection.isOver = !send(connection)
        return true
    }

    private func answer(_ request: [UInt8]) -> [UInt8] {
        do throws(Errno) { return Array("0\n".utf8) + (try requests.handle(request)) } catch {
            return Array("\(error.userNumber)\n\(requests.allowed(request, error))".utf8)
        }
    }

    /// Whether there is more to send.
    private func send(_ connection: Connection) -> Bool {
        guard let answer = connection.answer else { return true }
        let count = Descriptor.write(connection.descriptor, answer[connection.sent...])
        guard count >= 0 else { return false }
        connection.sent += count
        return connection.sent < answer.count
    }
}

/// The other side of the control socket.
public enum ControlClient {
    /// Reads a control file, or with `text` writes it.
    ///
    /// - Parameters:
    ///   - folder: what the run was given with `--control`.
    ///   - file: `state`, `trace0`, `sys/class/remoteproc/remoteproc0/state`, `rpmsg_ctrl0`, ...
    /// - Returns: the errno, 0 for none, and what was read, or why it was refused as far as that is known.
    public static func request(_ folder: String, file: String, write text: String?) throws(DeviceFilesError) -> (errno: Int32, bytes: [UInt8]) {
        let path = "\(folder)/\(ControlSocket.name)"
        guard var address = UnixAddress(path) else { throw ServedFolder.tooLong(path) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system(path) }
        defer { close(descriptor) }
        guard address.connect(descriptor) == 0 else {
            let number = errno
            throw number == ECONNREFUSED || number == ENOENT
                ? DeviceFilesError("\(path): no run serves this folder (m4run run IMAGE --control \(folder))") : .system(path, number)
        }
        let request = Array((text.map { "write \(file)\n\($0)" } ?? "read \(file)").utf8)
        guard request.count <= ControlSocket.longestRequest else {
            throw DeviceFilesError("\(request.count) bytes are too long for a request; one write has at most \(ControlTree.longestWrite)")
        }
        var sent = 0
        while sent < request.count {
            let count = request[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 && (errno == EPIPE || errno == ECONNRESET) { break }
            guard count > 0 else { throw .system(path) }
            sent += count
        }
        shutdown(descriptor, Int32(SHUT_WR))
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw .system(path) }
            guard count > 0 else { break }
            answer += buffer[..<count]
        }
        let head = answer.prefix { $0 != 0x0A }
        guard head.count < answer.count, let number = Int32(String(decoding: head, as: UTF8.self)) else {
            throw DeviceFilesError("\(path): the run ended before it answered")
        }
        return (number, Array(answer[(head.count + 1)...]))
    }
}
