// SPDX-FileCopyrightText: 2026 The m4run authors
// SPDX-License-Identifier: MIT

import Glibc
import M4Board
import MachineBase

/// Clients' connections, on the machine's own thread. The first client that comes controls; who comes while it is there only looks.
final class DebugServer {
    private let target: any DebugTarget
    private let listener: DebugListener?
    private var connections: [DebugConnection] = []
    private let inputWatch: InputWatch
    /// Told when the client that controls has come or gone.
    var onClients: () -> Void = {}
    private(set) var hasEnded = false
    private static let mostClients = 16
    /// Flags that standard input and output had.
    private var formerFlags: [(descriptor: Int32, flags: Int32)] = []

    /// - Parameter interrupt: makes a running core come back; called from another thread.
    init(_ target: any DebugTarget, at address: DebugAddress, interrupt: @escaping @Sendable () -> Void) throws(DebugServerError) {
        self.target = target
        listener = address == .standardInput ? nil : try DebugListener(address)
        inputWatch = try InputWatch(interrupt: interrupt)
        if listener == nil {
            for descriptor: Int32 in [0, 1] {
                let flags = fcntl(descriptor, F_GETFL)
                formerFlags.append((descriptor, flags))
                _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
            }
            connections.append(DebugConnection(DebugSession(target), input: 0, output: 1))
        }
        updateWatch()
    }

    deinit { inputWatch.end() }

    var invitation: String {
        switch listener?.address {
        case .tcp(let host, let port)?: "target extended-remote \(DebugAddress.tcp(host: host == "0.0.0.0" || host == "::" ? "localhost" : host, port: port))"
        case .unix(let path)?: "target extended-remote \(path)"
        default: "standard input"
        }
    }

    var warning: String? {
        guard let listener, !listener.isLocal else { return nil }
        return "\(listener.address): whoever reaches this computer can control the run and read its memory: the protocol has no password"
    }

    private var controller: DebugConnection? { connections.first { $0.session.role == .controls } }
    /// Whether a client has the target.
    var hasController: Bool { controller?.session.isAttached ?? false }

    func wantsStop(at address: UInt32) -> Bool { hasController && controller?.session.wantsStop(at: address) == true }
    func hasBreakpoint(at address: UInt32) -> Bool { controller?.session.hasBreakpoint(at: address) ?? false }
    func watch(_ access: WatchedAccess) -> WatchKind? { controller?.session.watch(access) }

    /// The core stands: who waits for that is told at once.
    func halted(_ reason: HaltReason) {
        for connection in connections {
            connection.session.stopped(reason)
            connection.flush()
        }
    }

    // MARK: Descriptors

    /// Whether a client has said something, or one has come, since the last look.
    var isWanted: Bool { inputWatch.isWanted }

    /// The core is about to run: whoever says something meanwhile makes it come back.
    func expectInput() { inputWatch.arm() }

    /// Waits so many milliseconds at most for something to come, and does it.
    /// - Returns: whether anything came.
    func serve(waiting milliseconds: Int32) -> Bool {
        var set: [pollfd] = []
        if let listener, connections.count < Self.mostClients { set.append(pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)) }
        for connection in connections {
            set.append(pollfd(fd: connection.input, events: Int16(connection.wantsInput ? POLLIN : 0), revents: 0))
            if connection.wantsOutput { set.append(pollfd(fd: connection.output, events: Int16(POLLOUT), revents: 0)) }
        }
        let count = poll(&set, nfds_t(set.count), milliseconds)
        inputWatch.noteLook()
        guard count > 0 else { return false }
        func found(_ descriptor: Int32) -> Bool { set.contains { $0.fd == descriptor && $0.revents != 0 } }
        // A client's packet may take the machine through a reset, in which nobody else is served.
        for connection in connections {
            if found(connection.input), connection.wantsInput { connection.receive() }
            connection.flush()
            if connection.session.endsServer {
                connection.session.letGo()
                hasEnded = true
            }
        }
        removeGone()
        if let listener, found(listener.descriptor) { accept(listener) }
        return true
    }

    private func accept(_ listener: DebugListener) {
        let descriptor = listener.accept()
        guard descriptor >= 0 else { return }
        let isFirst = controller == nil
        connections.append(DebugConnection(DebugSession(target, role: isFirst ? .controls : .looks), input: descriptor, output: descriptor))
        updateWatch()
        if isFirst { onClients() }
    }

    private func removeGone() {
        let gone = connections.filter(\.isOver)
        guard !gone.isEmpty else { return }
        connections.removeAll { $0.isOver }
        for connection in gone where connection.session.role == .controls {
            // Vanished or not: nothing of its is left, and the machine goes on, unless it was killed.
            connection.session.letGo()
            onClients()
            if listener == nil { hasEnded = true }
        }
        updateWatch()
    }

    private func updateWatch() {
        // A client for whom there is no room waits unseen.
        let listening = connections.count < Self.mostClients ? listener.map { [$0.descriptor] } ?? [] : []
        inputWatch.setDescriptors(listening + connections.map(\.input))
    }

    /// Milliseconds that a client has to leave which has ended the run itself, and may have more to say: breakpoints to take out, its detaching.
    private static let lastPatience: Int32 = 300

    /// The run is over: clients hear how, and the sockets go.
    func close(status: UInt8, signal: UInt8?) {
        inputWatch.end()
        if hasEnded, listener != nil {
            let end = WallTime.now + UInt64(Self.lastPatience) * 1_000_000
            while !connections.isEmpty, WallTime.now < end { _ = serve(waiting: 20) }
        }
        for connection in connections {
            connection.session.ended(status: status, signal: signal)
            connection.flush()
        }
        connections = []
        hasEnded = true
        for (descriptor, flags) in formerFlags { _ = fcntl(descriptor, F_SETFL, flags) }
        formerFlags = []
    }
}
